import { field, openDialog, textOf } from './dialogs.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../api.js').ApiProblem} ApiProblem
 */

/**
 * Asks for the admin token when the daemon wants it.
 * @param {Api} api
 * @param {() => Promise<void>} signedIn
 */
export function createSignIn(api, signedIn) {
  let open = false;

  return {
    /** @param {ApiProblem} problem */
    ask(problem) {
      if (open) return;
      open = true;
      const dialog = openDialog({
        title: 'Sign in',
        text: `${problem.message} It is kept until you sign out or close this tab.`,
        fields: [
          field('Token', {
            name: 'token',
            type: 'password',
            autocomplete: 'current-password',
            required: true,
          }),
        ],
        action: 'Sign in',
        busy: 'Signing in …',
        lasting: true,
        submit: async (data) => {
          const token = textOf(data, 'token', 'Enter the token.');
          // Other characters cannot be sent in a header, so no such token can be right.
          if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('This token is not accepted.');
          const before = api.token;
          api.setToken(token);
          try {
            await api.get('calls?limit=1');
          } catch (error) {
            api.setToken(before);
            throw error;
          }
          await signedIn();
        },
      });
      dialog.addEventListener('close', () => {
        open = false;
      });
    },
  };
}
