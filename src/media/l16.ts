/**
 * Linear 16-bit PCM to bytes and back, in either byte order.
 *
 * Little endian is what the `audio/pcm` of speech models and WAV carry; big endian ("network order") is RFC 3551's L16
 * (https://www.rfc-editor.org/rfc/rfc3551#section-4.5.11). The order is always stated, never guessed.
 */

/** Byte order of a 16-bit sample on the wire. */
export type ByteOrder = 'le' | 'be';

/** Whether this machine keeps its numbers little endian; only then is a view over the bytes the samples themselves. */
const HOST_IS_LE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Reads samples from bytes into `dst`. `bytes` may start at any address: a slice at an odd offset of a socket's buffer
 * is read byte by byte, an aligned one is copied at once.
 *
 * Returns the samples written: the lesser of `bytes.length >> 1` and `dst.length`. The last byte of an odd number of bytes is
 * half a sample and is ignored; the caller sees it as `bytes.length & 1`. Never throws.
 */
export function l16Decode(bytes: Uint8Array, dst: Int16Array, order: ByteOrder): number {
  const count = Math.min(bytes.length >> 1, dst.length);
  if (count === 0) return 0;
  if (order === 'le') {
    if (HOST_IS_LE && (bytes.byteOffset & 1) === 0) {
      dst.set(new Int16Array(bytes.buffer, bytes.byteOffset, count));
    } else {
      for (let i = 0; i < count; i++) dst[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
    }
  } else {
    for (let i = 0; i < count; i++) dst[i] = (bytes[2 * i]! << 8) | bytes[2 * i + 1]!;
  }
  return count;
}

/**
 * Writes samples as bytes into `dst`, two each, from its start. `dst` may start at any address.
 * What does not fit whole is left out: returns the bytes written, always even. Never throws.
 */
export function l16Encode(samples: Int16Array, dst: Uint8Array, order: ByteOrder): number {
  const count = Math.min(samples.length, dst.length >> 1);
  if (count === 0) return 0;
  if (order === 'le') {
    if (HOST_IS_LE) {
      // Bytes have no alignment, so the fast way is open to every destination; `dst` itself is never viewed as 16 bits wide.
      dst.set(new Uint8Array(samples.buffer, samples.byteOffset, count * 2));
    } else {
      for (let i = 0; i < count; i++) {
        const sample = samples[i]!;
        dst[2 * i] = sample;
        dst[2 * i + 1] = sample >> 8;
      }
    }
  } else {
    for (let i = 0; i < count; i++) {
      const sample = samples[i]!;
      dst[2 * i] = sample >> 8;
      dst[2 * i + 1] = sample;
    }
  }
  return count * 2;
}
