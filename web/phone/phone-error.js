/** Why a call could not be made; `code` is the daemon's or one of ours, see words.js. */
export class PhoneError extends Error {
  /**
   * @param {string} code
   * @param {string} [message]
   */
  constructor(code, message = '') {
    super(message);
    this.code = code;
  }
}

/**
 * The promise, or a PhoneError with this code when it takes longer.
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @param {string} code
 * @returns {Promise<T>}
 */
export function within(ms, promise, code) {
  return Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new PhoneError(code)), ms))]);
}
