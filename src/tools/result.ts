import { jsonPrefix } from './json-prefix.ts';

/** Tool results as the model may get them: JSON within bounds, and never at the price of a missed audio frame. */

/** What the model is shown at most, bytes of UTF-8. */
export const MODEL_BYTES = 16 * 1024;
/** Results beyond this are not serialised whole: 6 MB would hold up the event loop, and every call's audio, for tens of ms. */
export const HARD_BYTES = 1024 * 1024;

export type Shaped =
  | { readonly ok: true; readonly output: string; readonly truncated: boolean }
  | { readonly ok: false; readonly why: 'not_json' };

/** Shapes what a tool returned. A text stays as it is; anything else becomes JSON. */
export function shapeResult(value: unknown, modelBytes = MODEL_BYTES, hardBytes = HARD_BYTES): Shaped {
  const size = typeof value === 'string' ? value.length : roughSize(value, hardBytes);
  if (size > hardBytes) {
    const begin = typeof value === 'string' ? value.slice(0, modelBytes) : jsonPrefix(value, modelBytes);
    if (begin === undefined) return { ok: false, why: 'not_json' };
    return { ok: true, output: cut(begin, `more than ${hardBytes}`, modelBytes), truncated: true };
  }
  let text: string | undefined;
  try {
    text = typeof value === 'string' ? value : JSON.stringify(value === undefined ? { ok: true } : value);
  } catch {
    return { ok: false, why: 'not_json' };
  }
  if (text === undefined) return { ok: false, why: 'not_json' };
  const bytes = Buffer.byteLength(text);
  if (bytes <= modelBytes) return { ok: true, output: text, truncated: false };
  return { ok: true, output: cut(text, String(bytes), modelBytes), truncated: true };
}

/** `bytes` says in words how much there is. */
function cut(text: string, bytes: string, most: number): string {
  const note = (shown: number) =>
    `\n[The result was cut: the first ${shown} of ${bytes} bytes are shown. Ask for less, or for a narrower part.]`;
  const room = most - Buffer.byteLength(note(most));
  // A character is up to 4 bytes; what is cut in its middle is left out.
  const shown = new TextDecoder('utf-8').decode(Buffer.from(text).subarray(0, room)).replace(/\ufffd$/, '');
  return shown + note(Buffer.byteLength(shown));
}

/**
 * About how long the JSON of a value will be, looking no further than `limit`. Never less than half the true length, and never runs code of
 * the value's own. Cycles are left to JSON.stringify, which refuses them: here they end at the limit.
 */
function roughSize(value: unknown, limit: number): number {
  let size = 0;
  const stack: unknown[] = [value];
  while (stack.length > 0 && size <= limit) {
    const next = stack.pop();
    if (typeof next === 'string') size += next.length + 2;
    else if (typeof next !== 'object' || next === null) size += 6;
    else if (ArrayBuffer.isView(next)) size += next.byteLength * 2;
    else if (Array.isArray(next)) {
      size += 2 + next.length;
      if (size <= limit) for (const item of next) stack.push(item);
    } else {
      size += 2;
      for (const key in next) {
        if (!Object.hasOwn(next, key)) continue;
        size += key.length + 4;
        if (size > limit) break;
        const field = Object.getOwnPropertyDescriptor(next, key);
        if (field !== undefined && 'value' in field) stack.push(field.value);
      }
    }
  }
  return size;
}
