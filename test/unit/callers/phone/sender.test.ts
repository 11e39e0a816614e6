import { describe, expect, it } from 'vitest';
import { withDefaults } from '../../../../src/callers/phone/options.ts';
import { Playing } from '../../../../src/callers/phone/playing.ts';
import { Sender, type SendingRules } from '../../../../src/callers/phone/sender.ts';
import { type Codec, l16, pcmu } from '../../../../src/media/codecs.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { speech } from './carrier.ts';
import { counts } from './counts.ts';

const TEXT: SendingRules = { media: (_id, payload) => payload, mark: (_id, name) => name };

function rig(rules: SendingRules = TEXT, codec: Codec = pcmu) {
  const clock = new FakeClock();
  const tally = counts();
  /** Text of audio, bytes of audio, names of marks, and "clear". */
  const sent: Array<{ kind: 'text' | 'binary' | 'mark' | 'clear'; ms: number }> = [];
  const wire = {
    isOpen: true,
    bufferedBytes: 0,
    rttMs: undefined,
    media: (payload: string) => put('text', Buffer.from(payload, 'base64').length),
    binary: (bytes: Buffer) => put('binary', bytes.length),
    mark: () => put('mark', 0),
    clear: () => put('clear', 0),
    cork: (): unknown => undefined,
    uncork: (): unknown => undefined,
  };
  const put = (kind: 'text' | 'binary' | 'mark' | 'clear', bytes: number) => {
    if (wire.isOpen) sent.push({ kind, ms: (bytes * 1000) / codec.bytesPerSample / codec.sampleRate });
    return wire.isOpen;
  };
  const playing = new Playing(codec.sampleRate, wire, clock);
  const sender = new Sender({ codec, rules, wire, playing, count: tally.count }, withDefaults());
  const pump = (flush = false, live = false) => sender.pump(clock.now(), flush, live);
  const audio = () => sent.flatMap(({ kind, ms }) => (kind === 'text' || kind === 'binary' ? [ms] : []));
  return { clock, sender, playing, wire, sent, audio, pump, of: tally.of };
}

describe('the sender', () => {
  it('cuts what is queued into chunks, as far as the lead goes, and keeps the rest of the last until it is flushed', () => {
    const r = rig();
    r.sender.push(speech(500));
    r.pump();
    expect(r.audio()).toEqual([80, 80, 80]);
    expect(r.sender.queuedMs).toBe(260);
    expect(r.sender.isFull(0)).toBe(true);
    r.clock.advance(300);
    expect(r.sender.isFull(300)).toBe(false);
    r.pump();
    expect(r.audio()).toHaveLength(6);
    expect(r.sender.queuedMs).toBe(20);
    r.pump(true);
    expect(r.audio().at(-1)).toBe(20);
    expect(r.of('frames_out')).toBe(7);
  });

  it('sends what goes whole to its end once it has begun with it, however far ahead that is', () => {
    const r = rig();
    r.sender.push(speech(260));
    r.sender.push(speech(200), true);
    r.sender.push(speech(200), true);
    r.pump();
    // As far as the lead goes, and not a part of the first one.
    expect(r.audio()).toEqual([80, 80, 80, 20]);
    r.clock.advance(80);
    r.pump();
    // All of it is at the carrier: no stall of ours is heard in it. The next one waits for its turn.
    expect(r.audio().slice(4)).toEqual([80, 80, 40]);
    expect(r.sender.queuedMs).toBe(200);
    r.clock.advance(240);
    r.pump();
    expect(r.sender.queuedMs).toBe(0);
  });

  it('begins anew with what goes whole when all was discarded', () => {
    const r = rig();
    r.sender.push(speech(260));
    r.sender.push(speech(200), true);
    r.pump();
    r.clock.advance(80);
    r.pump();
    r.sender.clear(r.clock.now());
    const before = r.audio().length;
    r.sender.push(speech(500));
    r.pump();
    expect(r.audio().slice(before)).toEqual([80, 80, 80]);
  });

  it('marks the beginning of a talkspurt, each 200 ms of it, and its end', () => {
    const r = rig();
    r.sender.push(speech(260));
    r.pump(true);
    expect(r.sent.map(({ kind }) => kind)).toEqual(['text', 'mark', 'text', 'text', 'text', 'mark']);
  });

  it('sets no marks where the carrier knows none, and is empty without an answer', () => {
    const r = rig({ media: (_id, payload) => payload });
    r.sender.push(speech(260));
    r.pump(true);
    expect(r.sent.map(({ kind }) => kind)).toEqual(['text', 'text', 'text', 'text']);
    expect(r.playing.marksOut).toBe(0);
    r.sender.lookAtBacklog(0);
    expect(r.sender.isEmpty()).toBe(true);
    r.clock.advance(200);
    expect(r.playing.playedMs()).toBe(200);
  });

  it('sends binary messages of whole frames, the last filled up with silence that nobody takes for speech', () => {
    const codec = l16(16_000, 'le');
    const r = rig({ wholeFrames: { ms: 20, oneAMessage: true } }, codec);
    r.sender.push(speech(90, 16_000));
    r.pump();
    expect(r.audio()).toEqual([20, 20, 20, 20]);
    r.pump(true);
    expect(r.audio()).toEqual([20, 20, 20, 20, 20]);
    expect(r.sent.every(({ kind }) => kind === 'binary')).toBe(true);
    r.clock.advance(200);
    expect(r.playing.writtenMs()).toBe(90);
    expect(r.playing.playedMs()).toBe(90);
  });

  it('has all that goes at one time leave in one write, marks too', () => {
    const r = rig();
    const corked: string[] = [];
    r.wire.cork = () => corked.push('cork', String(r.sent.length));
    r.wire.uncork = () => corked.push('uncork', String(r.sent.length));
    r.sender.push(speech(1_000));
    r.pump();
    expect(r.sent.map(({ kind }) => kind)).toContain('mark');
    expect(r.sent.length).toBeGreaterThan(3);
    expect(corked).toEqual(['cork', '0', 'uncork', String(r.sent.length)]);
  });

  it('puts as many whole frames into a message as go, where more than one may be in it', () => {
    const r = rig({ ...TEXT, wholeFrames: { ms: 30, oneAMessage: false } });
    r.sender.push(speech(100));
    r.pump(true);
    expect(r.audio()).toEqual([60, 60]);
    const long = rig({ ...TEXT, wholeFrames: { ms: 90, oneAMessage: false } });
    long.sender.push(speech(100));
    long.pump();
    expect(long.audio()).toEqual([90]);
  });

  it('keeps a stream alive with a chunk of silence whenever all was played, and asks nobody about it', () => {
    const r = rig();
    for (let t = 0; t < 1_000; t += 20) {
      r.sender.hum(r.clock.now());
      r.clock.advance(20);
    }
    expect(r.audio()).toHaveLength(50);
    expect(r.sent.every(({ kind }) => kind === 'text')).toBe(true);
    expect(r.playing.writtenMs()).toBe(0);
    r.sender.push(speech(100));
    r.pump(true);
    r.sender.hum(r.clock.now());
    r.clock.advance(100);
    expect(r.playing.playedMs()).toBe(100);
    expect(r.audio()).toHaveLength(52);
  });

  it('discards here and at the carrier, and tells a carrier that has nothing nothing', () => {
    const r = rig();
    r.sender.clear(0);
    expect(r.sent).toEqual([]);
    r.sender.push(speech(1_000));
    r.pump();
    r.clock.advance(100);
    r.sender.clear(100);
    expect(r.sent.at(-1)?.kind).toBe('clear');
    expect(r.of('ms_cleared')).toBe(900);
    expect(r.sender.queuedMs).toBe(0);
    expect(r.sender.isFull(100)).toBe(false);
    expect(r.playing.writtenMs()).toBe(100);
  });

  it('drops what the network does not take, then gives the carrier up', () => {
    const r = rig();
    r.sender.push(speech(1_000));
    r.pump();
    expect(r.sender.lookAtBacklog(0)).toBe('ok');
    r.pump();
    r.clock.advance(200);
    r.pump();
    r.wire.bufferedBytes = 90_000;
    expect(r.sender.lookAtBacklog(200)).toBe('dropped');
    expect(r.sender.blocked).toBe(true);
    expect(r.sent.at(-1)?.kind).toBe('clear');
    // The first mark, at 80 ms, was not answered: no more than a frame past it is believed to have been played.
    expect(r.of('ms_dropped_backpressure')).toBe(900);
    expect(r.of('ms_cleared')).toBe(0);
    expect(r.sender.lookAtBacklog(400)).toBe('ok');
    expect(r.sender.lookAtBacklog(20_000)).toBe('stuck');
  });

  it('counts nothing as sent that the wire did not take', () => {
    const r = rig();
    r.wire.isOpen = false;
    r.sender.push(speech(500));
    r.pump();
    expect(r.of('frames_out')).toBe(0);
    expect(r.playing.unplayedMs(0)).toBe(0);
    expect(r.sender.lastSent).toBe(Number.NEGATIVE_INFINITY);
  });

  it('begins anew with a new stream', () => {
    const r = rig();
    r.sender.push(speech(500));
    r.pump();
    r.sender.restart(pcmu, 0);
    expect(r.sender.queuedMs).toBe(0);
    expect(r.of('ms_cleared')).toBe(500);
    expect(r.playing.writtenMs()).toBe(0);
    r.sender.push(speech(80));
    r.pump();
    expect(r.audio().at(-1)).toBe(80);
  });
});
