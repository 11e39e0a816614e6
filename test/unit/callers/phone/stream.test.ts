import { describe, expect, it } from 'vitest';
import type { Termination } from '../../../../src/call/termination.ts';
import { signalwireMedia } from '../../../../src/callers/phone/carriers/signalwire/media.ts';
import { twilio } from '../../../../src/callers/phone/carriers/twilio/media.ts';
import { withL16 } from '../../../../src/callers/phone/detect.ts';
import { codecFor, codecLabel } from '../../../../src/callers/phone/formats.ts';
import type { PhoneLeg } from '../../../../src/callers/phone/leg.ts';
import { FloodGuard } from '../../../../src/callers/phone/limits.ts';
import { PhoneStream, type PhoneStreamOptions, type StreamRequest } from '../../../../src/callers/phone/stream.ts';
import { BridgeError } from '../../../../src/errors.ts';
import { pcmu } from '../../../../src/media/codecs.ts';
import type { SocketHandlers } from '../../../../src/transport/socket.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { fakeLog } from '../../../fakes/legs.ts';
import { tide, tideSamples } from '../../../fixtures/kinds/carrier/media.ts';
import { signalwireSamples, twilioSamples } from '../../../fixtures/phone/samples.ts';
import { counts } from './counts.ts';
import { FakeSocket, legContext } from './rig.ts';

type Grant = { pass: number };

function stream(overrides: Partial<PhoneStreamOptions<Grant>> = {}) {
  const clock = new FakeClock();
  const socket = new FakeSocket();
  const tally = counts();
  const log = fakeLog();
  const seen = {
    requests: [] as StreamRequest[],
    legs: [] as PhoneLeg[],
    grants: [] as Grant[],
    refused: [] as string[],
  };
  let handlers: SocketHandlers | undefined;
  new PhoneStream<Grant>(
    (given) => {
      handlers = given;
      socket.onClose = (code) => given.close(code, '');
      return socket;
    },
    {
      authorize(request) {
        seen.requests.push(request);
        return { ok: true, grant: { pass: 7 } };
      },
      accepted(leg, grant) {
        seen.legs.push(leg);
        seen.grants.push(grant);
      },
      refused: (reason) => seen.refused.push(reason),
      clock,
      log,
      count: tally.count,
      ...overrides,
      carriers: withL16(overrides.carriers ?? [twilio, signalwireMedia()]),
    },
  );
  return {
    clock,
    socket,
    log,
    of: tally.of,
    ...seen,
    say: (text: string) => handlers!.text(Buffer.from(text)),
    binary: (data = Buffer.from([1, 2, 3])) => handlers!.binary(data),
    hangUp: (code = 1006) => socket.lose(code),
  };
}

/** SignalWire's `start` with another format, and whatever else is said. */
function withFormat(mediaFormat: object, more: object = {}): string {
  const start = JSON.parse(signalwireSamples.start) as { start: object };
  return JSON.stringify({ ...start, start: { ...start.start, mediaFormat, ...more } });
}

const ended = (events: ReadonlyArray<{ type: string; end?: Termination }>) =>
  events.flatMap((e) => (e.type === 'ended' ? [e.end?.reason] : []));

describe('a media stream before its call', () => {
  it('shows what it has to be let in, and hands its leg over', () => {
    const s = stream();
    s.say(twilioSamples.connected);
    s.say(twilioSamples.start);
    expect(s.requests).toHaveLength(1);
    expect(s.requests[0]).toMatchObject({
      token: 't-1',
      callId: 'CAcc0123456789abcdef0123456789abcd',
      streamId: 'MZ18ad3ab5a668481ce02b83e7395059f0',
      dialect: 'twilio',
      format: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
    });
    expect(s.requests[0]?.customParameters.get('__proto__')).toBe('p');
    expect(s.grants).toEqual([{ pass: 7 }]);
    expect(s.legs[0]).toMatchObject({ kind: 'twilio', rate: 8000 });
    expect(s.legs[0]?.audio.toString()).toBe('pcmu@8000 -> twilio');
    expect(s.clock.pending).toBe(0);
    expect(s.socket.closed).toBeUndefined();
  });

  it('takes L16, and needs no connected message', () => {
    const s = stream();
    s.say(signalwireSamples.start);
    expect(s.legs[0]).toMatchObject({ kind: 'signalwire', rate: 24_000 });
    expect(s.legs[0]?.audio.toString()).toBe('l16le@24000 -> signalwire');
  });

  it('is closed after five seconds without a start', () => {
    const s = stream();
    s.say(twilioSamples.connected);
    s.clock.advance(4_999);
    expect(s.socket.closed).toBeUndefined();
    s.clock.advance(1);
    expect(s.socket.closed).toEqual([1008, 'no-start']);
    expect(s.refused).toEqual(['no-start']);
    s.say(twilioSamples.start);
    expect(s.requests).toEqual([]);
    expect(s.clock.pending).toBe(0);
  });

  it('hears nothing before the start', async () => {
    const s = stream();
    s.say(twilioSamples.media);
    s.say(twilioSamples.media);
    s.say(twilioSamples.start);
    const rig = legContext(s.clock);
    await s.legs[0]!.start(rig.context);
    expect(rig.heard).toEqual([]);
    // What was counted before there was a call is the call's.
    expect(rig.of('frames_before_start')).toBe(2);
  });

  it('is refused with the reason of the authorisation', async () => {
    const verdict = stream({ authorize: () => ({ ok: false, code: 'STREAM_TOKEN_USED' }) });
    verdict.say(twilioSamples.start);
    expect(verdict.socket.closed).toEqual([1008, 'STREAM_TOKEN_USED']);
    const thrown = stream({
      authorize: () => {
        throw new BridgeError('STREAM_TOKEN_INVALID', 'no');
      },
    });
    thrown.say(twilioSamples.start);
    expect(thrown.socket.closed).toEqual([1008, 'STREAM_TOKEN_INVALID']);
    const broken = stream({ authorize: () => Promise.reject(new Error('down')) });
    broken.say(twilioSamples.start);
    await broken.clock.advanceAsync(10);
    expect(broken.socket.closed).toEqual([1011, 'INTERNAL']);
    expect(broken.log.lines.filter((l) => l.level === 'error')).toHaveLength(1);
    for (const s of [verdict, thrown, broken]) {
      expect(s.legs).toEqual([]);
      expect(s.clock.pending).toBe(0);
    }
  });

  it('is closed when its authorisation hangs, and a verdict after that comes too late', async () => {
    let decide: (v: { ok: true; grant: Grant }) => void = () => {};
    const s = stream({ authorize: () => new Promise((resolve) => (decide = resolve)) });
    s.say(twilioSamples.start);
    s.clock.advance(5_000);
    expect(s.socket.closed?.[0]).toBe(1008);
    decide({ ok: true, grant: { pass: 1 } });
    await s.clock.advanceAsync(10);
    expect(s.legs).toEqual([]);
  });

  it('keeps what the caller says during the authorisation', async () => {
    let decide: (v: { ok: true; grant: Grant }) => void = () => {};
    const s = stream({ authorize: () => new Promise((resolve) => (decide = resolve)) });
    s.say(twilioSamples.start);
    s.say(twilioSamples.media);
    s.say(twilioSamples.dtmf);
    decide({ ok: true, grant: { pass: 1 } });
    await s.clock.advanceAsync(10);
    const rig = legContext(s.clock);
    await s.legs[0]!.start(rig.context);
    expect(rig.heard.length).toBe(160);
    expect(rig.events).toEqual([{ type: 'dtmf', digit: '1' }]);
  });

  it('becomes a call even when the caller hangs up during the authorisation', async () => {
    let decide: (v: { ok: true; grant: Grant }) => void = () => {};
    const s = stream({ authorize: () => new Promise((resolve) => (decide = resolve)) });
    s.say(twilioSamples.start);
    s.say(twilioSamples.stop);
    s.hangUp(1000);
    decide({ ok: true, grant: { pass: 1 } });
    await s.clock.advanceAsync(10);
    const rig = legContext(s.clock);
    await s.legs[0]!.start(rig.context);
    expect(ended(rig.events)).toEqual(['caller-hangup']);
    expect(rig.ticker.size).toBe(0);
    expect(s.clock.pending).toBe(0);
  });

  it('becomes a call that ends for it when it misbehaves during the authorisation, and none when that fails', async () => {
    type Verdict = { ok: true; grant: Grant } | { ok: false; code: 'STREAM_TOKEN_USED' };
    for (const verdict of [
      { ok: true, grant: { pass: 1 } },
      { ok: false, code: 'STREAM_TOKEN_USED' },
    ] as Verdict[]) {
      let decide: (v: Verdict) => void = () => {};
      const s = stream({ authorize: () => new Promise((resolve) => (decide = resolve)) });
      s.say(twilioSamples.start);
      for (let i = 0; i < 20; i++) s.say('{"event":');
      expect(s.socket.closed?.[0]).toBe(1007);
      decide(verdict);
      await s.clock.advanceAsync(10);
      if (!verdict.ok) {
        expect([s.legs, s.refused]).toEqual([[], ['STREAM_TOKEN_USED']]);
        continue;
      }
      expect(s.refused).toEqual([]);
      const rig = legContext(s.clock);
      await s.legs[0]!.start(rig.context);
      expect(ended(rig.events)).toEqual(['media-malformed']);
      expect(s.clock.pending).toBe(0);
    }
  });

  it('tells its call about a format nobody speaks, and closes with 1003', async () => {
    for (const [was, is] of [
      ['audio/x-mulaw', 'audio/x-opus'],
      ['"sampleRate":8000', '"sampleRate":44100'],
      ['"channels":1', '"channels":2'],
    ] as const) {
      const s = stream();
      s.say(twilioSamples.start.replace(was, is));
      expect(s.socket.closed?.[0]).toBe(1003);
      const rig = legContext(s.clock);
      await s.legs[0]!.start(rig.context);
      expect(ended(rig.events)).toEqual(['media-format-unsupported']);
      expect(rig.of('message_malformed')).toBe(1);
    }
  });
});

describe('a stream that misbehaves', () => {
  it('is closed at the tenth message that cannot be read, with 1007 or 1003', async () => {
    for (const [bad, code, counter] of [
      ['{"event":', 1007, 'message_malformed'],
      ['{"event":"media","media":{"payload":"%%%%"}}', 1007, 'frames_invalid'],
      ['[]', 1003, 'message_malformed'],
    ] as const) {
      const s = stream();
      s.say(twilioSamples.start);
      const rig = legContext(s.clock);
      await s.legs[0]!.start(rig.context);
      for (let n = 0; n < 9; n++) s.say(bad);
      expect(s.socket.closed).toBeUndefined();
      s.say(twilioSamples.media);
      expect(rig.heard.length).toBe(160);
      s.say(bad);
      expect(s.socket.closed?.[0]).toBe(code);
      expect(rig.of(counter)).toBe(10);
      expect(ended(rig.events)).toEqual(['media-malformed']);
    }
  });

  it('may send a message that cannot be read now and then for as long as the call lasts', async () => {
    for (const bad of ['{"event":', '{"event":"media","media":{"payload":"%%%%"}}', '[]', undefined]) {
      const s = stream();
      s.say(twilioSamples.start);
      const rig = legContext(s.clock);
      await s.legs[0]!.start(rig.context);
      for (let minute = 0; minute < 5; minute++) {
        for (let n = 0; n < 5; n++)
          if (bad === undefined) s.binary();
          else s.say(bad);
        for (let second = 0; second < 60; second++) {
          s.clock.advance(1_000);
          s.say(twilioSamples.media);
        }
      }
      expect(s.socket.closed).toBeUndefined();
      expect(rig.of(bad?.includes('%') === true ? 'frames_invalid' : 'message_malformed')).toBe(25);
    }
  });

  it('is closed when messages that cannot be read come faster than they are forgiven', async () => {
    const s = stream();
    s.say(twilioSamples.start);
    await s.legs[0]!.start(legContext(s.clock).context);
    let seconds = 0;
    while (s.socket.closed === undefined && seconds < 60) {
      s.say('{"event":');
      s.clock.advance(1_000);
      s.say(twilioSamples.media);
      seconds++;
    }
    expect(seconds).toBeGreaterThanOrEqual(10);
    expect(seconds).toBeLessThanOrEqual(13);
  });

  it.each([
    ['a number', '20'],
    ['negative', '"-20"'],
    ['NaN', '"NaN"'],
    ['infinite', '"Infinity"'],
    ['null', 'null'],
    ['a list', '[20]'],
    ['an object', '{"ms":20}'],
    ['a fraction', '20.5'],
    ['beyond what a number holds', '"99999999999999999999999"'],
    ['1e308', '1e308'],
    ['words', '"soon"'],
    ['empty', '""'],
  ])('has its audio heard whatever its timestamps, chunks and sequence numbers are: %s', async (_name, stamp) => {
    for (const where of ['timestamp', 'chunk', 'sequenceNumber']) {
      const s = stream();
      s.say(twilioSamples.start);
      const rig = legContext(s.clock);
      await s.legs[0]!.start(rig.context);
      const media = twilioSamples.media.replace(new RegExp(`"${where}": ?"?\\d+"?`), `"${where}":${stamp}`);
      expect(media).toContain(`"${where}":${stamp}`);
      for (let n = 0; n < 100; n++) {
        s.say(media.replace(/"timestamp":"\d+"/, `"timestamp":"${n * 20}"`));
        s.clock.advance(20);
      }
      expect(rig.heard.length / 8, where).toBeGreaterThan(1_900);
      expect(rig.heard.length / 8, where).toBeLessThanOrEqual(7_000);
      expect(s.socket.closed).toBeUndefined();
    }
  });

  it('costs no more audio than time and a burst when its timestamps jump by 10 s in 375 messages a second', async () => {
    const s = stream();
    s.say(twilioSamples.start);
    const rig = legContext(s.clock);
    let ms = 0;
    const count = (written: { samples: Int16Array }) => {
      ms += written.samples.length / 8;
    };
    await s.legs[0]!.start({
      ...rig.context,
      peer: { ...rig.context.peer, write: count },
    });
    const payload = Buffer.alloc(40, 0x7f).toString('base64');
    let n = 0;
    for (let second = 0; second < 60 && s.socket.closed === undefined; second++) {
      for (let part = 0; part < 375 && s.socket.closed === undefined; part++) {
        s.say(
          `{"event":"media","streamSid":"MZ","media":{"track":"inbound","timestamp":"${n++ * 10_007}","payload":"${payload}"}}`,
        );
        s.clock.advance(1000 / 375);
        expect(ms).toBeLessThanOrEqual(s.clock.now() + 5_000);
      }
    }
    expect(ms).toBeGreaterThan(1_000);
  });

  it('is no flood when the network was stuck for some seconds and all comes at once', async () => {
    const s = stream();
    s.say(twilioSamples.start);
    const rig = legContext(s.clock);
    await s.legs[0]!.start(rig.context);
    s.say(twilioSamples.media);
    for (const seconds of [6, 9, 12]) {
      s.clock.advance(seconds * 1_000);
      for (let n = 0; n < seconds * 50; n++) s.say(twilioSamples.media);
      expect(s.socket.closed, `${seconds} s`).toBeUndefined();
      s.clock.advance(10_000);
      for (let n = 0; n < 500; n++) s.say(twilioSamples.media);
    }
    // A minute of it is more than can have been stuck.
    s.clock.advance(12_000);
    for (let n = 0; n < 3_000; n++) s.say(twilioSamples.media);
    expect(s.socket.closed?.[0]).toBe(1008);
  });

  it('that runs into a bug of ours ends its own call, is logged and counted, and throws no further', async () => {
    const s = stream();
    s.say(twilioSamples.connected);
    s.say(twilioSamples.start);
    const leg = s.legs[0]!;
    const { context, events } = legContext(s.clock);
    context.peer.write = () => {
      throw new Error('of ours');
    };
    await leg.start(context);
    expect(() => s.say(twilioSamples.media)).not.toThrow();
    expect(s.socket.closed?.[0]).toBe(1011);
    expect(events.at(-1)).toMatchObject({ type: 'ended', end: { reason: 'internal', result: 'server_error' } });
    expect(s.log.lines.some(({ level, message }) => level === 'error' && message.includes('a bug'))).toBe(true);
    // Before there is a call it is refused.
    const early = stream({
      authorize: () => {
        throw new TypeError('of ours');
      },
    });
    early.say(twilioSamples.connected);
    expect(() => early.say(twilioSamples.start)).not.toThrow();
  });

  it('may not speak binary: before its start never, in a call not for long', async () => {
    const early = stream();
    early.binary();
    expect(early.socket.closed?.[0]).toBe(1003);
    const s = stream();
    s.say(twilioSamples.start);
    await s.legs[0]!.start(legContext(s.clock).context);
    for (let n = 0; n < 9; n++) s.binary();
    expect(s.socket.closed).toBeUndefined();
    s.binary();
    expect(s.socket.closed?.[0]).toBe(1003);
  });

  it('may speak binary where its carrier does: it is read, counted against the flood, and refused before its start', async () => {
    const carriers = [twilio, signalwireMedia(), tide];
    const early = stream({ carriers });
    early.binary(tideSamples.media);
    expect(early.socket.closed?.[0]).toBe(1003);
    const s = stream({ carriers });
    s.say(tideSamples.start);
    expect(s.requests[0]).toMatchObject({ dialect: 'tide', callId: 'c-17', accountId: 'a-3', token: 't-3' });
    expect(s.legs[0]?.audio.toString()).toBe('l16le@16000 -> tide');
    const rig = legContext(s.clock);
    // What came before the call could hear is kept, whatever memory it came in.
    const borrowed = Buffer.alloc(640, Buffer.from([0x01, 0x02]));
    s.binary(borrowed);
    borrowed.fill(0);
    await s.legs[0]!.start(rig.context);
    s.binary(Buffer.alloc(640, Buffer.from([0x03, 0x04])));
    expect(rig.heard).toEqual([...Array(320).fill(0x0201), ...Array(320).fill(0x0403)]);
    s.say(tideSamples.dtmf);
    expect(rig.events).toEqual([{ type: 'dtmf', digit: '7', durationMs: 140 }]);
    for (let n = 0; n < 247; n++) s.binary(tideSamples.media);
    expect(s.socket.closed).toBeUndefined();
    s.binary(tideSamples.media);
    expect(s.socket.closed?.[0]).toBe(1008);
    expect(ended(rig.events)).toEqual(['media-flood']);
  });

  it('is closed with 1008 when it floods, after five seconds of audio at once', async () => {
    const s = stream();
    s.say(twilioSamples.start);
    const rig = legContext(s.clock);
    await s.legs[0]!.start(rig.context);
    for (let n = 0; n < 249; n++) s.say(twilioSamples.media);
    expect(s.socket.closed).toBeUndefined();
    s.say(twilioSamples.media);
    s.say(twilioSamples.media);
    expect(s.socket.closed?.[0]).toBe(1008);
    expect(rig.of('message_flood')).toBe(1);
    expect(ended(rig.events)).toEqual(['media-flood']);
  });

  it('counts messages without audio against the flood, and strangers too', () => {
    const s = stream();
    for (let n = 0; n < 1_001; n++) s.say('{"event":"noise"}');
    expect(s.socket.closed?.[0]).toBe(1008);
    expect(s.refused).toEqual(['media-flood']);
    expect(s.of('message_unknown')).toBe(1_000);
  });

  it('may send at real time for ever, and at twice that', () => {
    for (const factor of [1, 2]) {
      const guard = new FloodGuard(0);
      let refused = 0;
      for (let n = 0; n < 100_000; n++) if (!guard.admit(20, (n * 20) / factor)) refused++;
      expect(refused).toBe(0);
    }
    const guard = new FloodGuard(0);
    let n = 0;
    while (guard.admit(20, (n * 20) / 3)) n++;
    // Three times real time drains the burst of five seconds by a third of what is sent.
    expect(n * 20).toBeGreaterThan(14_000);
    expect(n * 20).toBeLessThan(16_000);
  });
});

describe('the formats', () => {
  it.each([
    ['L16', 24_000],
    ['l16', '24000'],
    ['audio/L16', 24_000],
    ['audio/l16', undefined],
    ['audio/x-l16;rate=24000', undefined],
    ['audio/x-l16;rate=24000', 24_000],
    ['Audio/X-L16; Rate=24000; channels=1', ''],
    [' audio/L16 ; rate="24000" ', null],
    ['L16@24000h', undefined],
    ['L16/24000/1', 24_000],
    ['audio/x-L16', '24000 Hz'],
    ['linear16', 24_000],
    ['audio/pcm16', 24_000],
    ['L16', 0],
  ])('take L16 at 24 kHz in every spelling: %j with a rate of %j', (encoding, sampleRate) => {
    const s = stream({ carriers: [twilio, signalwireMedia({ codec: 'L16@24000h' })] });
    s.say(withFormat({ encoding, sampleRate, channels: 1 }));
    expect(s.socket.closed).toBeUndefined();
    expect(s.legs[0]?.audio.toString()).toBe('l16le@24000 -> signalwire');
    expect(s.log.lines).toEqual([]);
  });

  it.each([
    ['audio/x-mulaw', 8_000, 'pcmu'],
    ['audio/x-mulaw', undefined, 'pcmu'],
    ['PCMU', '8000', 'pcmu'],
    ['audio/PCMU;rate=8000', undefined, 'pcmu'],
    ['AUDIO/PCMU; RATE=8000', 8_000, 'pcmu'],
    ['PCMU@8000h', undefined, 'pcmu'],
    ['audio/basic', undefined, 'pcmu'],
    ['x-mulaw', 8_000, 'pcmu'],
    ['MuLaw', 8_000, 'pcmu'],
    ['audio/x-ulaw;rate=8000;channels=1', 8_000, 'pcmu'],
    ['PCMA', undefined, 'pcma'],
    ['audio/PCMA;rate=8000', 8_000, 'pcma'],
    ['alaw', 8_000, 'pcma'],
  ])('take a G.711 law in every spelling: %j with a rate of %j is %s', (encoding, sampleRate, name) => {
    const s = stream({ carriers: [twilio, signalwireMedia({ codec: 'L16@24000h' })] });
    s.say(withFormat({ encoding, sampleRate }));
    expect(s.socket.closed).toBeUndefined();
    expect(s.legs[0]?.audio.toString()).toBe(`${name}@8000 -> signalwire`);
  });

  it.each([
    ['two rates that contradict each other', { encoding: 'audio/L16;rate=16000', sampleRate: 24_000, channels: 1 }],
    ['a rate that is no number', { encoding: 'L16', sampleRate: 'wide', channels: 1 }],
    ['a negative rate', { encoding: 'L16', sampleRate: -24_000, channels: 1 }],
    ['a rate that is a list', { encoding: 'L16', sampleRate: [24_000], channels: 1 }],
    ['a parameter that is no number', { encoding: 'L16;rate=fast', channels: 1 }],
    ['a rate nobody sends', { encoding: 'L16;rate=22050', channels: 1 }],
    ['mu-law at 16 kHz', { encoding: 'PCMU;rate=16000' }],
    ['two channels', { encoding: 'L16;channels=2', sampleRate: 24_000 }],
    ['two channels, beside it', { encoding: 'L16/24000/2', sampleRate: 24_000, channels: 1 }],
    ['channels that are no number', { encoding: 'L16', sampleRate: 24_000, channels: 'stereo' }],
    ['another codec', { encoding: 'audio/G722', sampleRate: 8_000, channels: 1 }],
    ['a name of every object', { encoding: 'constructor', sampleRate: 8_000, channels: 1 }],
    ['control characters', { encoding: 'audio/\u001b[31m\n', sampleRate: 8_000, channels: 1 }],
  ])('refuse what is not plain, with a code in the log: %s', (_name, format) => {
    const s = stream({ carriers: [twilio, signalwireMedia({ codec: 'L16@24000h' })] });
    s.say(withFormat(format));
    expect(s.socket.closed?.[0]).toBe(1003);
    const [line] = s.log.lines;
    expect(line?.fields).toMatchObject({ code: 'STREAM_FORMAT_UNSUPPORTED' });
    expect(JSON.stringify(line)).not.toMatch(/\\u001b|\\n/);
  });

  it('are told of in the log with no more of an id than an id has, whatever a stranger says', () => {
    const s = stream();
    s.say(withFormat({ encoding: 'audio/opus', sampleRate: 48_000, channels: 1 }, { callSid: 'x'.repeat(60_000) }));
    expect(s.log.lines[0]?.fields).toMatchObject({ code: 'STREAM_FORMAT_UNSUPPORTED' });
    expect(JSON.stringify(s.log.lines).length).toBeLessThan(1_000);
  });

  it('take L16 as it was asked for from a stream that does not show whose it is', () => {
    // A newer version and other ids: as many signs of the one as of the other.
    const carriers = [twilio, signalwireMedia({ codec: 'L16@16000h', byteOrder: 'be' })];
    const s = stream({ carriers });
    s.say('{"event":"connected","protocol":"Call","version":"2.0.0"}');
    const { start } = JSON.parse(withFormat({ encoding: 'L16' })) as { start: object };
    const ids = { streamSid: 'st_1', callSid: 'call_1', accountSid: 'project_1' };
    s.say(JSON.stringify({ event: 'start', streamSid: 'st_1', start: { ...start, ...ids } }));
    expect(s.socket.closed).toBeUndefined();
    expect(s.legs[0]?.audio.toString()).toBe('l16be@16000 -> twilio');
    // A second `start` on the same socket as well.
    s.say(JSON.stringify({ event: 'start', streamSid: 'st_2', start: { ...start, ...ids, streamSid: 'st_2' } }));
    expect(s.socket.closed).toBeUndefined();
  });

  it('do not guess a rate of L16 for which nothing was asked', () => {
    const s = stream();
    s.say(withFormat({ encoding: 'L16' }));
    expect(s.socket.closed?.[0]).toBe(1003);
  });

  it('compare without regard to case, and know the rates', () => {
    const format = (encoding: string, sampleRate: number) => ({ encoding, sampleRate, channels: 1 });
    expect(codecFor(format('AUDIO/X-MULAW', 8000), 'le')).toBe(pcmu);
    expect(codecFor(format('audio/x-alaw', 8000), 'le')?.name).toBe('pcma');
    expect(codecFor(format('audio/x-l16', 24_000), 'be')?.name).toBe('l16/24000/be');
    expect(codecFor(format('audio/x-L16', 16_000), 'le')?.sampleRate).toBe(16_000);
    expect(codecFor(format('audio/x-l16', 8_000), 'le')?.sampleRate).toBe(8_000);
    for (const rate of [0, 11_025, 48_000]) expect(codecFor(format('audio/x-l16', rate), 'le')).toBeUndefined();
    expect(codecFor(format('audio/x-mulaw', 16_000), 'le')).toBeUndefined();
    expect(codecLabel(codecFor(format('audio/x-l16', 16_000), 'be')!)).toBe('l16be@16000');
  });
});
