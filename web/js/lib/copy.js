/**
 * Puts a text on the clipboard. Rejects with words for people where the page may not: browsers keep the clipboard from pages without HTTPS, and that nothing was copied
 * must not pass for done.
 * @param {string} text
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new Error(
      'The browser does not let this page copy. It is marked: copy it with the keyboard, then close this.',
    );
  }
}
