import { createContext, Script } from 'node:vm';
import { z } from 'zod';

/** Most of a text that is looked at, characters: its end. An hour's speech has some sixty thousand. */
const MOST_TEXT = 100_000;
/** How long one look may take, ms. What people write takes a thousandth of it. */
const MOST_MS = 50;

// A look in a context of its own can be cut short; the engine looks at the time while it backtracks, which it does for as long as it takes otherwise.
const sandbox: { pattern: RegExp; text: string } = { pattern: /(?:)/, text: '' };
const context = createContext(sandbox);
const look = new Script('pattern.test(text)');

/**
 * A regular expression of an operator's that is tried on what somebody else says. Some expressions take a time on some texts that doubles with each character
 * (https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS), and calls go on meanwhile: one that takes too long is given up, and
 * fits nothing from then on.
 */
export class BoundedPattern {
  readonly source: string;
  readonly #pattern: RegExp;
  /** The text it was tried on last, and how that went. */
  #last: { readonly text: string; readonly fits: boolean } | undefined;
  #gaveUp = false;

  /** Throws SyntaxError for what is no regular expression. Capitals and small letters are the same to it, and it knows Unicode. */
  constructor(source: string) {
    this.source = source;
    this.#pattern = new RegExp(source, 'iu');
  }

  /** Whether it took too long once. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }

  test(text: string): boolean {
    if (this.#gaveUp) return false;
    // While a caller waits for words it is asked 50 times a second.
    if (this.#last?.text !== text) this.#last = { text, fits: this.#look(text.slice(-MOST_TEXT)) };
    return this.#last.fits;
  }

  toString(): string {
    return `/${this.source}/`;
  }

  #look(text: string): boolean {
    sandbox.pattern = this.#pattern;
    sandbox.text = text;
    try {
      return look.runInContext(context, { timeout: MOST_MS }) === true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      this.#gaveUp = true;
      return false;
    } finally {
      sandbox.text = '';
    }
  }
}

/** A regular expression in a file of an operator's. */
export const boundedPattern = z
  .string()
  .min(1)
  .max(1_000)
  .transform((source, refinement): BoundedPattern => {
    try {
      return new BoundedPattern(source);
    } catch {
      refinement.addIssue({ code: 'custom', message: 'must be a regular expression' });
      return z.NEVER;
    }
  });
