import { describe, expect, it } from 'vitest';
import { termination } from '../../../../src/call/termination.ts';
import { signalwireMedia } from '../../../../src/callers/phone/carriers/signalwire/media.ts';
import { twilio } from '../../../../src/callers/phone/carriers/twilio/media.ts';
import { PhoneLeg } from '../../../../src/callers/phone/leg.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { tide } from '../../../fixtures/kinds/carrier/media.ts';
import { media, started, startMessage } from './leg-rig.ts';
import { FakeSocket, legContext } from './rig.ts';

const signalwire = signalwireMedia();

const speech = (ms: number) => ({ samples: new Int16Array(ms * 8).fill(5_000), sampleRate: 8000 });

describe('the phone leg', () => {
  it('keeps two seconds of what was said before the call could hear', async () => {
    const clock = new FakeClock();
    const leg = new PhoneLeg({ socket: new FakeSocket(), protocol: twilio, start: startMessage(), clock });
    for (let n = 0; n < 150; n++) leg.receive(media({ timestampMs: n * 20 }), n * 20);
    leg.receive({ type: 'dtmf', digit: '5', durationMs: 100 }, 3_000);
    const rig = legContext(clock);
    await leg.start(rig.context);
    expect(rig.heard.length / 8).toBe(2_000);
    expect(rig.of('ms_dropped_holdback')).toBe(1_000);
    expect(rig.of('frames_in')).toBe(150);
    expect(rig.events).toEqual([{ type: 'dtmf', digit: '5', durationMs: 100 }]);
  });

  it('hears the inbound track only, and no half samples', async () => {
    const s = await started({
      protocol: signalwire,
      start: startMessage({ format: { encoding: 'audio/x-l16', sampleRate: 16_000, channels: 1 } }),
    });
    s.leg.receive(media({ track: 'outbound', payload: Buffer.alloc(640) }), 0);
    s.leg.receive(media({ payload: Buffer.alloc(641) }), 0);
    expect(s.heard).toEqual([]);
    expect(s.of('frames_invalid')).toBe(1);
    s.leg.receive(media({ payload: Buffer.from([0x01, 0x02, 0xff, 0xff]) }), 0);
    expect(s.heard).toEqual([0x0201, -1]);
  });

  it('is on the clock for each frame only while something is to be sent or waited for', async () => {
    const s = await started();
    let sequence = 0;
    const caller = (ms: number) => {
      for (const end = sequence + ms / 20; sequence < end; sequence++) {
        s.leg.receive(media({ timestampMs: sequence * 20 }), s.clock.now());
        s.clock.advance(20);
      }
    };
    // One look in 100 ms, and no tick.
    caller(1_000);
    expect(s.ticker.size).toBe(1);
    s.leg.audio.write(speech(1_000));
    expect(s.ticker.size).toBe(2);
    caller(600);
    // What the lead does not let go at once is sent by ticks.
    expect(s.socket.events.filter((event) => event === 'media').length).toBeGreaterThan(8);
    for (const text of s.socket.sent) {
      const { event, mark } = JSON.parse(text) as { event: string; mark?: { name: string } };
      if (event === 'mark') s.leg.receive({ type: 'mark', name: mark!.name }, s.clock.now());
    }
    caller(1_000);
    for (const text of s.socket.sent) {
      const { event, mark } = JSON.parse(text) as { event: string; mark?: { name: string } };
      if (event === 'mark') s.leg.receive({ type: 'mark', name: mark!.name }, s.clock.now());
    }
    caller(1_000);
    expect(s.leg.playout.playedMs()).toBe(1_000);
    expect(s.ticker.size).toBe(1);
    // One frame is missing: the next is given on when it has waited long enough.
    const before = s.heard.length;
    sequence++;
    s.leg.receive(media({ timestampMs: sequence * 20 }), s.clock.now());
    expect(s.ticker.size).toBe(2);
    expect(s.heard.length).toBe(before);
    s.clock.advance(80);
    expect(s.heard.length - before).toBe(2 * 160);
    // And a carrier that sends nothing is stood in for from 750 ms on, in real time.
    s.clock.advance(650);
    expect(s.heard.length - before).toBe(2 * 160);
    s.clock.advance(270);
    expect((s.heard.length - before) / 160 - 2).toBeGreaterThanOrEqual(10);
    expect((s.heard.length - before) / 160 - 2).toBeLessThanOrEqual(13);
    sequence++;
    caller(1_000);
    expect(s.ticker.size).toBe(1);
    await s.leg.close(termination('caller-hangup'));
    expect(s.ticker.size).toBe(0);
  });

  it('reads L16 in the byte order it is told', async () => {
    const s = await started({
      protocol: { ...twilio, l16: { byteOrder: 'be' } },
      start: startMessage({ format: { encoding: 'audio/x-l16', sampleRate: 8000, channels: 1 } }),
    });
    s.leg.receive(media({ payload: Buffer.from([0x01, 0x02]) }), 0);
    expect(s.heard).toEqual([0x0102]);
    expect(s.leg.audio.toString()).toBe('l16be@8000 -> twilio');
  });

  it('speaks each direction in a codec of its own where the carrier does', async () => {
    const wide = { encoding: 'audio/x-l16', sampleRate: 16_000, channels: 1 };
    const s = await started({ protocol: { ...twilio, plays: () => wide } });
    expect([s.leg.rate, s.leg.audio.sampleRate]).toEqual([8_000, 16_000]);
    expect(s.leg.audio.toString()).toBe('l16le@16000 -> twilio');
    s.leg.receive(media(), 0);
    expect(s.heard.length).toBe(160);
    s.leg.audio.write(speech(100));
    expect(s.of('frames_invalid')).toBe(1);
    s.leg.audio.write({ samples: new Int16Array(1_280).fill(0x0102), sampleRate: 16_000 });
    const sent = JSON.parse(s.socket.sent[0]!) as { media: { payload: string } };
    expect(Buffer.from(sent.media.payload, 'base64')).toEqual(Buffer.alloc(2_560, Buffer.from([0x02, 0x01])));
    // Nor does it become another rate in either direction.
    s.leg.receive(startMessage({ format: wide }), 0);
    expect(s.events).toMatchObject([{ type: 'ended', end: { reason: 'media-format-unsupported' } }]);
  });

  it('waits for no frame where the carrier keeps their order', async () => {
    for (const [ordered, samples] of [
      [false, 160],
      [true, 160 + 3 * 160],
    ] as const) {
      const s = await started({ protocol: { ...twilio, ordered } });
      s.leg.receive(media({ timestampMs: 0 }), 0);
      s.leg.receive(media({ timestampMs: 60 }), 0);
      expect(s.heard.length).toBe(samples);
    }
  });

  it('sends silence from the beginning to a carrier that takes a silent stream for a dead one', async () => {
    const s = await started({ protocol: { ...twilio, wantsSilence: true } });
    s.clock.advance(60);
    expect(s.socket.events[0]).toBe('media');
    s.clock.advance(10_000);
    const silence = s.socket.events.filter((event) => event === 'media').length * 20;
    expect(silence).toBeGreaterThan(6_000);
    expect(silence).toBeLessThanOrEqual(10_080);
    expect(s.leg.playout.writtenMs()).toBe(0);
    s.leg.audio.write(speech(200));
    s.clock.advance(400);
    expect(s.leg.playout.playedMs()).toBe(200);
    const still = await started();
    still.clock.advance(10_000);
    expect(still.socket.sent).toEqual([]);
  });

  it('takes a close for the end of the call only where that is how the carrier says it', async () => {
    for (const [protocol, code, reason] of [
      [twilio, 1000, 'media-lost'],
      [tide, 1000, 'caller-hangup'],
      [tide, 1006, 'media-lost'],
    ] as const) {
      const s = await started({ protocol });
      s.leg.lost(code);
      expect(s.events).toMatchObject([{ type: 'ended', end: { reason } }]);
    }
  });

  it('logs what a carrier complains of, and passes over what is of no consequence', async () => {
    const s = await started({ protocol: tide });
    s.leg.receive({ type: 'noted' }, 0);
    s.leg.receive({ type: 'complaint', detail: 'frames too long' }, 0);
    expect(s.log.lines).toMatchObject([{ level: 'warn', fields: { detail: 'frames too long' } }]);
    expect(s.events).toEqual([]);
    expect(s.of('message_unknown')).toBe(0);
  });

  it('sends digits where the wire can', async () => {
    const tw = await started();
    expect(tw.leg.sendDigit('1')).toBe(false);
    const sw = await started({ protocol: signalwire });
    expect(sw.leg.sendDigit('#')).toBe(true);
    expect(sw.leg.sendDigit('12')).toBe(false);
    expect(sw.socket.sent).toEqual(['{"event":"dtmf","streamSid":"MZ1","dtmf":{"digit":"#"}}']);
  });

  it('sends clear before anything else happens', async () => {
    const s = await started();
    s.leg.audio.write(speech(1_000));
    s.leg.audio.clear();
    expect(s.socket.events.at(-1)).toBe('clear');
  });

  it('begins anew on a second start: new id, nothing old, told and counted', async () => {
    const s = await started();
    s.leg.receive(media({ timestampMs: 60_000 }), 0);
    s.leg.audio.write(speech(3_000));
    s.leg.receive(startMessage({ streamId: 'MZ2' }), 0);
    expect(s.events).toEqual([{ type: 'stream_restarted' }]);
    expect(s.of('stream_restarted')).toBe(1);
    expect(s.leg.streamId).toBe('MZ2');
    expect(s.leg.playout.writtenMs()).toBe(0);
    // Timestamps begin again, and are not late.
    s.leg.receive(media({ timestampMs: 0 }), 0);
    expect(s.heard.length).toBe(320);
    const before = s.socket.sent.length;
    s.leg.audio.write(speech(100));
    s.clock.advance(60);
    const sent = s.socket.sent.slice(before);
    expect(sent.length).toBeGreaterThan(0);
    for (const text of sent) expect(JSON.parse(text)).toMatchObject({ streamSid: 'MZ2' });
    // An echo of the old stream's marks proves nothing.
    s.leg.receive({ type: 'mark', name: '0.1' }, 0);
    expect(s.of('mark_unknown')).toBe(0);
    s.leg.receive({ type: 'mark', name: 'what' }, 0);
    expect(s.of('mark_unknown')).toBe(1);
  });

  it('does not become another call, nor another rate', async () => {
    const other = await started();
    other.leg.receive(startMessage({ callId: 'CA2' }), 0);
    expect(other.socket.closed?.[0]).toBe(1008);
    expect(other.events).toMatchObject([{ type: 'ended', end: { reason: 'media-malformed' } }]);
    const rate = await started();
    rate.leg.receive(startMessage({ format: { encoding: 'audio/x-l16', sampleRate: 16_000, channels: 1 } }), 0);
    expect(rate.socket.closed?.[0]).toBe(1003);
    expect(rate.events).toMatchObject([{ type: 'ended', end: { reason: 'media-format-unsupported' } }]);
  });

  it('ends when no audio comes: 30 s at first, the longest hold later', async () => {
    const never = await started();
    never.clock.advance(30_000);
    expect(never.events).toEqual([]);
    never.clock.advance(40);
    expect(never.events).toMatchObject([{ type: 'ended', end: { reason: 'media-stalled' } }]);
    expect(never.socket.closed?.[0]).toBe(1008);
    expect(never.clock.pending).toBe(0);
    const later = await started({ options: { holdMs: 120_000 } });
    later.leg.receive(media(), 0);
    later.clock.advance(120_000);
    expect(later.events).toEqual([]);
    later.clock.advance(40);
    expect(later.events).toMatchObject([{ type: 'ended', end: { reason: 'media-stalled' } }]);
    expect(later.socket.closed?.[0]).toBe(1008);
  });

  describe('a line on hold', () => {
    /** Speech in real time, frame number n with the value n + 1000, its timestamps by `stamp`. */
    const talk = (s: Awaited<ReturnType<typeof started>>, frames: number, stamp: (n: number) => number) => {
      for (let n = 0; n < frames; n++) {
        s.leg.receive(media({ timestampMs: stamp(n), payload: Buffer.alloc(160, 0x10 + (n % 8)) }), s.clock.now());
        s.clock.advance(20);
      }
    };

    it('goes on for minutes while its socket lives, is stood in for ten seconds, and is asked whether it lives', async () => {
      const s = await started();
      talk(s, 50, (n) => n * 20);
      expect(s.leg.onHold).toBe(false);
      const before = s.heard.length;
      s.clock.advance(9 * 60_000);
      expect(s.events).toEqual([]);
      expect(s.socket.isOpen).toBe(true);
      expect(s.leg.onHold).toBe(true);
      expect((s.heard.length - before) / 8).toBe(10_000);
      expect(s.of('line_on_hold')).toBe(1);
      // Every five seconds.
      expect(s.socket.probes).toBeGreaterThan(100);
      expect(s.socket.probes).toBeLessThan(110);
      s.clock.advance(61_000);
      expect(s.events).toMatchObject([{ type: 'ended', end: { reason: 'media-stalled' } }]);
    });

    it.each([
      ['whose clock went on', (n: number) => 1_000 + 300_000 + n * 20],
      ['whose clock stood still', (n: number) => 1_000 + n * 20],
      ['whose clock began anew', (n: number) => n * 20],
      ['whose clock jumped', (n: number) => 90_000_000 + n * 20],
    ])('goes on at once and in time when audio comes again from a carrier %s', async (_name, stamp) => {
      const s = await started();
      talk(s, 50, (n) => n * 20);
      s.clock.advance(300_000);
      const before = s.heard.length;
      talk(s, 100, stamp);
      expect(s.leg.onHold).toBe(false);
      // All that was said, and nothing else: no silence before it, no frame taken for an old one.
      expect(s.heard.length - before).toBe(100 * 160);
      expect(s.of('frames_late')).toBe(0);
      expect(s.of('frames_duplicate')).toBe(0);
      expect(s.events).toEqual([]);
      // And held again.
      s.clock.advance(3_000);
      expect(s.leg.onHold).toBe(true);
    });

    it('plays what the agent says then by the clock, and its marks are settled', async () => {
      const s = await started();
      talk(s, 50, (n) => n * 20);
      s.clock.advance(60_000);
      s.leg.audio.write(speech(1_000));
      expect(s.leg.playout.writtenMs()).toBe(1_000);
      s.clock.advance(30_000);
      expect(s.leg.playout.playedMs()).toBe(1_000);
      talk(s, 50, (n) => 91_000 + n * 20);
      s.leg.audio.write(speech(400));
      s.clock.advance(1_000);
      expect(s.leg.playout.playedMs()).toBe(1_400);
      expect(s.socket.events.filter((event) => event === 'clear')).toEqual([]);
    });

    it('is not what a standstill of this process looks like', async () => {
      const s = await started();
      talk(s, 50, (n) => n * 20);
      s.clock.stall(5_000);
      s.clock.advance(40);
      expect(s.leg.onHold).toBe(false);
    });
  });

  it('gives up a carrier that does not read', async () => {
    const s = await started();
    s.leg.audio.write(speech(1_000));
    s.socket.bufferedBytes = 200_000;
    s.clock.advance(20);
    expect(s.events).toMatchObject([{ type: 'ended', end: { reason: 'media-backpressure' } }]);
    expect(s.socket.closed?.[0]).toBe(1008);
    expect(s.ticker.size).toBe(0);
  });

  it('closes with 1000, and waits no longer than its deadline for the far end', async () => {
    const s = await started();
    s.leg.audio.write(speech(1_000));
    await s.leg.close(termination('agent-hangup'));
    expect(s.socket.closed).toEqual([1000, '']);
    const silent = await started();
    silent.socket.onClose = () => {};
    let done = false;
    void silent.leg.close(termination('agent-hangup')).then(() => {
      done = true;
    });
    await silent.clock.advanceAsync(2_900);
    expect(done).toBe(false);
    await silent.clock.advanceAsync(200);
    expect(done).toBe(true);
    expect(silent.clock.pending).toBe(0);
  });
});
