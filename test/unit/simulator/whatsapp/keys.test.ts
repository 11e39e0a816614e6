import { describe, expect, it } from 'vitest';
import { KeyReader, KeySender } from '../../../../src/simulator/whatsapp/keys.ts';

describe('keys of a phone', () => {
  it('are packets in place of the audio, with one timestamp, a growing duration and three ends', () => {
    const keys = new KeySender(20);
    expect(keys.next(0)).toEqual([]);
    keys.press('#', 60);
    const packets = [960, 1_920, 2_880].flatMap((timestamp) => keys.next(timestamp));
    expect(packets.map(({ timestamp }) => timestamp)).toEqual([960, 960, 960, 960, 960]);
    expect(packets.map(({ marker }) => marker)).toEqual([true, false, false, false, false]);
    // Event 11, volume 10; the end's bit in the last three; 160 units of 1/8000 s a packet (RFC 4733 section 2.3).
    expect(packets.map(({ payload }) => payload.toString('hex'))).toEqual([
      '0b0a00a0',
      '0b0a0140',
      '0b8a01e0',
      '0b8a01e0',
      '0b8a01e0',
    ]);
    expect(keys.isDown).toBe(false);
    expect(keys.next(3_840)).toEqual([]);
  });

  it('are read once each, whatever is repeated or lost of them', () => {
    const keys = new KeySender(20);
    const reader = new KeyReader();
    const read: string[] = [];
    let timestamp = 0;
    for (const key of '1199*') {
      keys.press(key, 100);
      // The first packet of each is lost.
      for (let i = 0; i < 5; i++) {
        timestamp += 160;
        const packets = keys.next(timestamp);
        for (const { payload, timestamp: at } of i === 0 ? [] : packets) read.push(reader.read(payload, at) ?? '');
      }
    }
    expect(read.join('')).toBe('1199*');
    expect(reader.read(Buffer.alloc(2), 1)).toBeUndefined();
  });
});
