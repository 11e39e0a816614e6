import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkOpusPacket, OPUS_MAX_PACKET_BYTES } from '../../../src/media/opus-packet.ts';

/** A packet with this TOC (configuration, stereo, code) and body. */
function packet(config: number, code: number, body: readonly number[] | number = 0, stereo = false): Uint8Array {
  const bytes = typeof body === 'number' ? new Array<number>(body).fill(0) : body;
  return Uint8Array.from([(config << 3) | (stereo ? 4 : 0) | code, ...bytes]);
}

function reason(bytes: Uint8Array): string {
  const check = checkOpusPacket(bytes);
  return check.ok ? 'ok' : check.reason.slice(0, 2);
}

describe('checkOpusPacket', () => {
  it('knows the frame lengths of all 32 configurations (RFC 6716 table 2)', () => {
    const tenths = Array.from({ length: 32 }, (_, config) => {
      const check = checkOpusPacket(packet(config, 0, 10));
      return check.ok ? check.tenthsMs : -1;
    });
    const silk = [100, 200, 400, 600];
    const celt = [25, 50, 100, 200];
    expect(tenths).toEqual([...silk, ...silk, ...silk, 100, 200, 100, 200, ...celt, ...celt, ...celt, ...celt]);
  });

  it('reads the stereo bit', () => {
    expect(checkOpusPacket(packet(1, 0, 10, true))).toMatchObject({ ok: true, stereo: true });
    expect(checkOpusPacket(packet(1, 0, 10))).toMatchObject({ ok: true, stereo: false });
  });

  it.each([
    { what: 'one frame', bytes: packet(1, 0, 1275), frames: 1, tenthsMs: 200 },
    { what: 'one frame of no bytes (DTX)', bytes: packet(1, 0), frames: 1, tenthsMs: 200 },
    { what: 'two equal frames', bytes: packet(1, 1, 200), frames: 2, tenthsMs: 400 },
    { what: 'two different frames', bytes: packet(1, 2, [3, 1, 2, 3, 4, 5]), frames: 2, tenthsMs: 400 },
    {
      what: 'a length of two bytes',
      bytes: packet(1, 2, [252, 1, ...new Array(300).fill(0)]),
      frames: 2,
      tenthsMs: 400,
    },
    { what: 'six equal frames, 120 ms', bytes: packet(1, 3, [6, ...new Array(60).fill(0)]), frames: 6, tenthsMs: 1200 },
    { what: '48 frames of 2.5 ms', bytes: packet(16, 3, [48]), frames: 48, tenthsMs: 1200 },
    { what: 'padding', bytes: packet(1, 3, [0x41, 3, 9, 9, 0, 0, 0]), frames: 1, tenthsMs: 200 },
    { what: 'long padding', bytes: packet(1, 3, [0x41, 255, 1, ...new Array(257).fill(0)]), frames: 1, tenthsMs: 200 },
    {
      what: 'three frames of their own lengths',
      bytes: packet(1, 3, [0x83, 1, 2, 7, 8, 8, 9]),
      frames: 3,
      tenthsMs: 600,
    },
  ])('accepts $what', ({ bytes, frames, tenthsMs }) => {
    expect(checkOpusPacket(bytes)).toEqual({ ok: true, frames, tenthsMs, stereo: false });
  });

  it.each([
    { what: 'nothing', bytes: new Uint8Array(0), rule: 'R1' },
    { what: 'a frame of 1276 bytes', bytes: packet(1, 0, 1276), rule: 'R2' },
    { what: 'two frames of 1276 bytes', bytes: packet(1, 1, 2552), rule: 'R2' },
    { what: 'a second frame of 1276 bytes', bytes: packet(1, 2, [0, ...new Array(1276).fill(0)]), rule: 'R2' },
    { what: 'a last frame of 1276 bytes', bytes: packet(1, 3, [0x82, 0, ...new Array(1276).fill(0)]), rule: 'R2' },
    { what: 'two equal frames in an odd number of bytes', bytes: packet(1, 1, 3), rule: 'R3' },
    { what: 'no length', bytes: packet(1, 2), rule: 'R4' },
    { what: 'half a length', bytes: packet(1, 2, [252]), rule: 'R4' },
    {
      what: 'a first frame of 256 bytes with 255 there',
      bytes: packet(1, 2, [252, 1, ...new Array(255).fill(0)]),
      rule: 'R4',
    },
    { what: 'a first frame beyond the end', bytes: packet(1, 2, [9, 0]), rule: 'R4' },
    { what: 'no frames', bytes: packet(1, 3, [0]), rule: 'R5' },
    { what: '140 ms', bytes: packet(1, 3, [7, ...new Array(70).fill(0)]), rule: 'R5' },
    { what: '49 frames of 2.5 ms', bytes: packet(16, 3, [49]), rule: 'R5' },
    { what: 'no frame count', bytes: packet(1, 3), rule: 'R6' },
    { what: 'an uneven share', bytes: packet(1, 3, [3, 0, 0]), rule: 'R6' },
    { what: 'no padding length', bytes: packet(1, 3, [0x41]), rule: 'R6' },
    { what: 'padding beyond the end', bytes: packet(1, 3, [0x41, 9, 0]), rule: 'R6' },
    { what: 'endless padding', bytes: packet(1, 3, [0x41, ...new Array(50).fill(255)]), rule: 'R6' },
    { what: 'a missing length', bytes: packet(1, 3, [0x83, 1]), rule: 'R7' },
    { what: 'frames beyond the end', bytes: packet(1, 3, [0x83, 5, 5, 0]), rule: 'R7' },
  ])('refuses $what by rule $rule', ({ bytes, rule }) => {
    expect(reason(bytes)).toBe(rule);
  });

  it('refuses a packet longer than a datagram', () => {
    expect(checkOpusPacket(new Uint8Array(OPUS_MAX_PACKET_BYTES + 1).fill(3)).ok).toBe(false);
  });

  it('answers for any bytes, and never with more than 120 ms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const check = checkOpusPacket(bytes);
        if (check.ok) {
          expect(check.tenthsMs).toBeGreaterThan(0);
          expect(check.tenthsMs).toBeLessThanOrEqual(1200);
        } else {
          expect(check.reason).not.toBe('');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
