import { openDialog } from './views/dialogs.js';

/**
 * Before the page goes: whoever would be hung up on with it, or lose what was written, is asked first.
 * @param {() => string[]} losses what would be lost now, each a sentence
 */
export function guardLeaving(losses) {
  let asked = false;
  addEventListener('beforeunload', (event) => {
    // The browser asks in words of its own.
    if (!asked && losses().length > 0) event.preventDefault();
  });
  return {
    /** Whether something would be lost now. */
    get costs() {
      return losses().length > 0;
    },
    /**
     * Does what has the page go; where something would be lost, once that was agreed to.
     * @param {string} title the question
     * @param {string} action the button's words
     * @param {() => void} go
     */
    ask(title, action, go) {
      const words = losses();
      if (words.length === 0) {
        go();
        return;
      }
      const submit = async () => {
        asked = true;
        go();
      };
      openDialog({ title, text: words.join(' '), action, danger: true, submit });
    },
  };
}
