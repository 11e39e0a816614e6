import { type Account, accountsOf, ask } from './account.ts';
import { type Check, type DoctorDeps, fail, pass, skip } from './check.ts';
import { type NumberOptions, numberSetting } from './number.ts';

/** The carriers: whether their REST APIs take the credentials, and where the number's calls go. */

export function carrierChecks(deps: DoctorDeps, options: NumberOptions): Check[] {
  const accounts = accountsOf(deps);
  const good: Account[] = [];
  const credentials: Check[] = accounts.map((account) => ({
    name: `${account.carrier} account`,
    async run(signal) {
      const { host } = new URL(account.url);
      const response = await ask(deps, account, { query: '?PageSize=1' }, signal);
      await response.body?.cancel();
      if (response.ok) {
        good.push(account);
        return pass(`${host} takes the credentials`);
      }
      const seen = `${host} answers HTTP ${response.status}`;
      if (response.status === 401 || response.status === 403)
        return fail(`${seen}: the credentials are refused`, `Check ${account.settings}.`);
      if (response.status === 404)
        return fail(`${seen}: there is no such account`, `Check ${account.settings}, and the address of the API.`);
      if (response.status === 429 || response.status >= 500)
        return fail(seen, 'The carrier’s API is busy or fails: wait, and look at its status page.');
      return fail(seen, `Check ${account.settings}, and the address of the API.`);
    },
  }));
  if (credentials.length === 0)
    credentials.push({
      name: 'carrier account',
      run: async () => skip('no credentials of a carrier’s REST API are set'),
    });
  return [
    ...credentials,
    {
      name: 'number',
      run: async (signal) =>
        good.length === 0
          ? skip('needs the account of the carrier')
          : numberSetting(deps, inOrder(good, deps.config.OUTBOUND_CARRIER), options, signal),
    },
  ];
}

/** The carrier that places calls first: the number is most likely its. */
function inOrder(accounts: readonly Account[], first: string | undefined): readonly Account[] {
  return accounts.toSorted((a, b) => Number(b.carrier === first) - Number(a.carrier === first));
}
