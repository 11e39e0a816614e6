import { describe, expect, it } from 'vitest';
import { readRequestLine } from '../../../src/workers/request-line.ts';

const read = (text: string) => readRequestLine(Buffer.from(text, 'latin1'));

describe('the first line of a connection', () => {
  it.each([
    ['POST /incoming-call HTTP/1.1\r\nHost: x\r\n\r\n', '/incoming-call'],
    ['GET /media-stream/ab12cd?x=/y HTTP/1.1\r\n', '/media-stream/ab12cd'],
    ['GET http://voice.example.com/media-stream/ab12cd HTTP/1.1\n', '/media-stream/ab12cd'],
    ['\r\n\r\nGET /events HTTP/1.1\r\n', '/events'],
    ['POST / HTTP/1.0\r\n\r\nGET /second HTTP/1.1\r\n\r\n', '/'],
  ])('says what is asked for: %j', (text, path) => {
    expect(read(text)).toEqual({ path });
  });

  it.each(['', '\r', '\r\n', 'P', 'POST /incoming-call HTTP/1.1', 'POST /incoming-call HTTP/1.1\r'])(
    'is waited for while it is not all there: %j',
    (text) => {
      expect(read(text.replace(/\r$/, ''))).toBeUndefined();
    },
  );

  it.each([
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01'],
    ['a line that never ends', `GET /${'a'.repeat(17_000)}`],
    ['nothing but empty lines', '\r\n'.repeat(40)],
    ['a line without a target', 'HELO\r\n'],
    ['a target that is no path', 'OPTIONS * HTTP/1.1\r\n'],
    ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('that is none goes on without a path: %s', (_, text) => {
    expect(read(text)).toEqual({ path: undefined });
  });
});
