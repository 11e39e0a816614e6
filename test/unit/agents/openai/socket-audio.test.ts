import { describe, expect, it } from 'vitest';
import { AudioBacklog } from '../../../../src/agents/common/backlog.ts';
import { AudioEnvelope, SocketUplink } from '../../../../src/agents/common/socket-uplink.ts';
import type { Counter } from '../../../../src/call/counters.ts';
import { l16, pcmu } from '../../../../src/media/codecs.ts';
import { FakeClock } from '../../../fakes/clock.ts';

function uplink(codec = pcmu) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const socket = {
    bufferedBytes: 0,
    sendUtf8(bytes: Uint8Array) {
      sent.push(new TextDecoder().decode(bytes));
      return true;
    },
    sendBinary: () => false,
  };
  const counters: Partial<Record<Counter, number>> = {};
  const state = { stalled: 0 };
  const count = (counter: Counter, n = 1) => {
    counters[counter] = (counters[counter] ?? 0) + n;
  };
  const envelope = new AudioEnvelope('{"type":"input_audio_buffer.append","audio":"', '"}', 9_600);
  const up = new SocketUplink({ socket, codec, envelope, clock, count, stalled: () => state.stalled++ });
  const audio = () => sent.map((text) => Buffer.from((JSON.parse(text) as { audio: string }).audio, 'base64'));
  return { clock, sent, socket, counters, state, up, audio };
}

/** 20 ms whose samples all are `level`. */
const frame = (level: number, rate = 8000) => new Int16Array(rate / 50).fill(level);

describe('caller audio over the WebSocket', () => {
  it('is one message a frame, in mu-law', () => {
    const { up, sent, audio } = uplink();
    up.send(frame(0));
    up.send(frame(1000));
    expect(sent).toHaveLength(2);
    expect(JSON.parse(sent[0]!)).toEqual({
      type: 'input_audio_buffer.append',
      audio: Buffer.alloc(160, 0xff).toString('base64'),
    });
    expect(audio()[1]).toEqual(Buffer.alloc(160, 0xce));
  });

  it('is little endian for pcm16', () => {
    const { up, audio } = uplink(l16(24_000, 'le'));
    up.send(Int16Array.from([1, -2, 0x1234]));
    expect(audio()[0]).toEqual(Buffer.from([1, 0, 0xfe, 0xff, 0x34, 0x12]));
  });

  it('is sent whole when it comes in a long run, and not at all when it is empty', () => {
    const { up, audio } = uplink();
    up.send(new Int16Array(0));
    up.send(Int16Array.from({ length: 8001 }, (_, i) => i));
    expect(Buffer.concat(audio()).length).toBe(8001);
    expect(audio().every((bytes) => bytes.length <= 1600)).toBe(true);
  });

  it('waits while the network takes nothing, and goes in order once it does', () => {
    const { up, sent, socket, audio } = uplink();
    up.send(frame(100));
    socket.bufferedBytes = 20_000;
    for (let i = 1; i <= 50; i++) up.send(frame(i * 200));
    expect(sent).toHaveLength(1);
    expect(up.queuedMs).toBeGreaterThan(2_000);
    socket.bufferedBytes = 12_000;
    up.send(frame(11_000));
    expect(sent).toHaveLength(1);
    socket.bufferedBytes = 0;
    up.send(frame(12_000));
    expect(Buffer.concat(audio()).length).toBe(160 * 53);
    const order = audio().map((bytes) => bytes[0]);
    expect(new Set(order).size).toBeGreaterThan(20);
    expect(order).toEqual([...order].sort((a, b) => b! - a!));
  });

  it('loses the oldest first, and counts it', () => {
    const { up, socket, counters, audio } = uplink();
    socket.bufferedBytes = 20_000;
    for (let i = 0; i < 250; i++) up.send(frame(i < 50 ? -8000 : 8000));
    expect(counters.ms_uplink_dropped).toBe(1_000);
    socket.bufferedBytes = 0;
    up.send(frame(8000));
    expect(new Set(Buffer.concat(audio())).size).toBe(1);
    expect(Buffer.concat(audio()).length).toBe(201 * 160);
  });

  it('forgets what waits when it is cleared', () => {
    const { up, socket, audio } = uplink();
    socket.bufferedBytes = 20_000;
    up.send(frame(1));
    up.clear();
    socket.bufferedBytes = 0;
    up.send(frame(2));
    expect(audio()).toHaveLength(1);
  });

  it('gives the line up when it took nothing for 10 s, and not when it took a little', () => {
    const { up, clock, socket, state } = uplink();
    socket.bufferedBytes = 20_000;
    for (let ms = 0; ms <= 10_000; ms += 20, clock.advance(20)) up.send(frame(1));
    expect(state.stalled).toBe(0);
    up.send(frame(1));
    expect(state.stalled).toBe(1);

    const slow = uplink();
    for (let ms = 0; ms <= 30_000; ms += 20, slow.clock.advance(20)) {
      slow.socket.bufferedBytes = ms % 6_000 === 0 ? 0 : 20_000;
      slow.up.send(frame(1));
    }
    expect(slow.state.stalled).toBe(0);
  });
});

describe('AudioBacklog', () => {
  it('is a ring', () => {
    const backlog = new AudioBacklog(5);
    const out = new Int16Array(3);
    expect(backlog.shift(out)).toBe(0);
    expect(backlog.push(Int16Array.of(1, 2, 3, 4))).toBe(0);
    expect(backlog.shift(out)).toBe(3);
    expect([...out]).toEqual([1, 2, 3]);
    expect(backlog.push(Int16Array.of(5, 6, 7, 8))).toBe(0);
    expect(backlog.push(Int16Array.of(9, 10))).toBe(2);
    expect(backlog.length).toBe(5);
    const all = new Int16Array(9);
    expect(backlog.shift(all)).toBe(5);
    expect([...all.subarray(0, 5)]).toEqual([6, 7, 8, 9, 10]);
  });

  it('keeps the newest of a run longer than itself', () => {
    const backlog = new AudioBacklog(3);
    backlog.push(Int16Array.of(1, 2));
    expect(backlog.push(Int16Array.of(3, 4, 5, 6, 7))).toBe(4);
    const out = new Int16Array(3);
    backlog.shift(out);
    expect([...out]).toEqual([5, 6, 7]);
  });
});
