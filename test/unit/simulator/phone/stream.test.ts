import { describe, expect, it } from 'vitest';
import type { Timer } from '../../../../src/call/clock.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { makeTone } from '../../../../src/media/tone.ts';
import {
  type AudioSource,
  type Carrier,
  type CodecName,
  createDialect,
  MediaStream,
  type MediaStreamOptions,
  scriptSource,
  silenceSource,
  streamCodec,
  Timeline,
  toneSource,
} from '../../../../src/simulator/phone/index.ts';
import { CallRecorder } from '../../../../src/simulator/phone/recorder.ts';
import { FakeClock } from '../../../fakes/clock.ts';

interface Options extends Partial<Omit<MediaStreamOptions, 'carrier' | 'codecName'>> {
  carrier?: Carrier;
  codec?: never;
  codecName?: CodecName;
  source?: AudioSource;
  parameters?: Record<string, string>;
}

/** A clock whose timers fire late by these amounts in turn, ms. */
class UnpunctualClock extends FakeClock {
  readonly #lateMs: readonly number[];
  #next = 0;

  constructor(lateMs: readonly number[]) {
    super();
    this.#lateMs = lateMs;
  }

  override after(ms: number, fn: () => void): Timer {
    return super.after(ms + (this.#lateMs[this.#next++ % this.#lateMs.length] ?? 0), fn);
  }
}

function setUp(options: Options = {}, lateMs: readonly number[] = []) {
  const clock = new UnpunctualClock(lateMs);
  const ticker = new Ticker(clock);
  const carrier = options.carrier ?? 'twilio';
  const codecName = options.codecName ?? 'PCMU@8000';
  const codec = streamCodec(codecName);
  const timeline = new Timeline(clock);
  const recorder = new CallRecorder(codec.sampleRate, 0);
  const sent: Array<{ atMs: number; text: string }> = [];
  const stream = new MediaStream({
    source: silenceSource(),
    send: (message) => {
      sent.push({ atMs: clock.now(), text: String(message) });
      return true;
    },
    recorder,
    ...options,
    carrier,
    codecName,
    codec,
    clock,
    ticker,
    timeline,
    dialect: createDialect(carrier, {
      accountSid: 'AC1',
      callSid: 'CA1',
      streamSid: 'MZ1',
      codec: codecName,
      parameters: options.parameters ?? {},
    }),
  });
  const tell = (message: object | string) =>
    stream.receive(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)));
  const speak = (samples: Int16Array) => {
    const bytes = Buffer.alloc(samples.length * codec.bytesPerSample);
    codec.encode(samples, bytes);
    tell({ event: 'media', streamSid: 'MZ1', media: { payload: bytes.toString('base64') } });
  };
  const messages = () => sent.map(({ text }) => JSON.parse(text));
  return { clock, ticker, stream, sent, messages, tell, speak, timeline, recorder, codec };
}

const PCMU_SILENCE = Buffer.alloc(160, 0xff).toString('base64');

describe("Twilio's messages", () => {
  it('are what its documentation shows', () => {
    const { clock, stream, tell, messages } = setUp({ parameters: { token: 'a "quoted" <one>' } });
    stream.start();
    clock.advance(60);
    stream.press('5');
    clock.advance(20);
    tell({ event: 'mark', streamSid: 'MZ1', mark: { name: 'say "x"' } });
    stream.stop();
    expect(messages()).toEqual([
      { event: 'connected', protocol: 'Call', version: '1.0.0' },
      {
        event: 'start',
        sequenceNumber: '1',
        start: {
          accountSid: 'AC1',
          streamSid: 'MZ1',
          callSid: 'CA1',
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
          customParameters: { token: 'a "quoted" <one>' },
        },
        streamSid: 'MZ1',
      },
      ...[0, 20, 40].map((timestamp, i) => ({
        event: 'media',
        sequenceNumber: String(i + 2),
        media: { track: 'inbound', chunk: String(i + 1), timestamp: String(timestamp), payload: PCMU_SILENCE },
        streamSid: 'MZ1',
      })),
      { event: 'dtmf', streamSid: 'MZ1', sequenceNumber: '5', dtmf: { track: 'inbound_track', digit: '5' } },
      { event: 'mark', sequenceNumber: '6', streamSid: 'MZ1', mark: { name: 'say "x"' } },
      { event: 'stop', sequenceNumber: '7', stop: { accountSid: 'AC1', callSid: 'CA1' }, streamSid: 'MZ1' },
    ]);
  });
});

describe("SignalWire's messages", () => {
  it('are what its documentation shows', () => {
    const { clock, stream, tell, messages } = setUp({ carrier: 'signalwire', codecName: 'L16@24000' });
    stream.start();
    clock.advance(40);
    stream.press('#');
    clock.advance(20);
    tell({ event: 'mark', streamSid: 'MZ1', mark: { name: 'm' } });
    stream.stop();
    const payload = Buffer.alloc(960).toString('base64');
    expect(messages()).toEqual([
      { event: 'connected', protocol: 'Call', version: '0.2.0' },
      {
        event: 'start',
        sequenceNumber: '1',
        start: {
          streamSid: 'MZ1',
          accountSid: 'AC1',
          callSid: 'CA1',
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-L16', sampleRate: 24_000, channels: 1 },
        },
      },
      { event: 'media', sequenceNumber: '2', media: { track: 'inbound', chunk: '1', timestamp: '0', payload } },
      { event: 'media', sequenceNumber: '3', media: { track: 'inbound', chunk: '2', timestamp: '20', payload } },
      { event: 'dtmf', sequenceNumber: '4', streamSid: 'MZ1', dtmf: { digit: '#', duration: 100 } },
      { event: 'mark', streamSid: 'MZ1', mark: { name: 'm' } },
      { event: 'stop', sequenceNumber: '5' },
    ]);
  });

  it('carry parameters only when there are some', () => {
    const { stream, messages } = setUp({ carrier: 'signalwire', parameters: { token: 't' } });
    stream.start();
    expect(messages()[1].start.customParameters).toEqual({ token: 't' });
  });

  it('include digits from the bridge, which Twilio does not know', () => {
    const digit = { event: 'dtmf', streamSid: 'MZ1', dtmf: { digit: '7' } };
    const signalwire = setUp({ carrier: 'signalwire' });
    signalwire.stream.start();
    signalwire.tell(digit);
    expect(signalwire.stream.report().dtmf.received).toBe('7');
    const twilio = setUp();
    twilio.stream.start();
    twilio.tell(digit);
    expect(twilio.stream.report().faults['unknown-event']).toBe(1);
  });
});

describe('the media clock', () => {
  it('sends fifty frames a second, without drift', () => {
    const { clock, stream, messages } = setUp();
    stream.start();
    clock.advance(60_020);
    expect(messages().filter(({ event }) => event === 'media')).toHaveLength(3000);
  });

  it('sends after a stall all frames that fell due, with their own times', () => {
    const { clock, stream, sent, messages } = setUp();
    stream.start();
    clock.advance(100);
    const before = sent.length;
    clock.stall(500);
    const burst = messages().slice(before);
    expect(burst).toHaveLength(25);
    expect(burst.map(({ media }) => Number(media.timestamp))).toEqual(
      Array.from({ length: 25 }, (_, i) => 80 + i * 20),
    );
    clock.advance(400);
    expect(messages().filter(({ event }) => event === 'media')).toHaveLength(49);
    expect(stream.report().sent).toMatchObject({ frames: 49, maxLateMs: 480 });
  });

  it('sends one frame a tick, however early or late within reason the ticks come', () => {
    const { clock, stream, messages } = setUp({}, [3, 0, 7, 1, 9, 0, 4, 8, 2, 6]);
    stream.start();
    // Looked at between the ticks, the latest of which comes 9 ms after its time.
    clock.advance(50);
    for (let tick = 0; tick < 50; tick++) {
      const before = messages().length;
      clock.advance(20);
      expect(messages().length - before, `tick ${tick}`).toBe(1);
    }
    expect(stream.report().sent.late).toBe(0);
  });

  it('counts frames that the wire did not take', () => {
    let open = true;
    const { clock, stream } = setUp({ send: () => open });
    stream.start();
    clock.advance(120);
    open = false;
    clock.advance(100);
    expect(stream.report().sent).toMatchObject({ frames: 5, dropped: 5 });
  });

  it('frees everything when it ends', () => {
    const { clock, stream, ticker, speak, tell, sent } = setUp();
    stream.start();
    speak(makeTone(400, 8000, 200));
    tell({ event: 'mark', streamSid: 'MZ1', mark: { name: 'm' } });
    clock.advance(100);
    stream.stop();
    const { length } = sent;
    stream.stop();
    tell({ event: 'clear', streamSid: 'MZ1' });
    clock.advance(1000);
    expect(sent).toHaveLength(length);
    expect(ticker.size).toBe(0);
    expect(clock.pending).toBe(0);
    expect(stream.report().playback.unheardMs).toBe(100);
  });
});

describe('what is heard', () => {
  it('is timed by its sound, not by its messages', () => {
    const { clock, stream, speak } = setUp();
    stream.start();
    clock.advance(500);
    // 300 ms of silence come before the words.
    speak(new Int16Array(2400));
    speak(makeTone(400, 8000, 200));
    clock.advance(1000);
    const report = stream.report();
    expect(report.firstAgentAudioMs).toBeCloseTo(800, 0);
    expect(report.agentSpoke).toHaveLength(1);
    expect(report.agentSpoke[0]!.toMs).toBeCloseTo(1000, 0);
    expect(report.played).toEqual([{ fromMs: 500, toMs: 1000 }]);
  });

  it('counts a gap in the middle of speech, and none after silence', () => {
    const { clock, stream, speak } = setUp();
    stream.start();
    speak(makeTone(400, 8000, 100));
    clock.advance(130);
    speak(makeTone(400, 8000, 100));
    speak(new Int16Array(800));
    clock.advance(260);
    speak(makeTone(400, 8000, 100));
    clock.advance(2000);
    speak(makeTone(400, 8000, 100));
    clock.advance(200);
    const { playback } = stream.report();
    expect(playback).toMatchObject({ gaps: 1, gapMs: 30, longestGapMs: 30, gapList: [{ atMs: 100, ms: 30 }] });
  });

  it('is recorded where it was heard, beside what was said', () => {
    const { clock, stream, speak, recorder } = setUp({ source: toneSource(1000, { ms: 100 }) });
    stream.start();
    clock.advance(250);
    speak(makeTone(400, 8000, 100));
    clock.advance(150);
    const [caller, agent] = recorder.channels();
    const loud = (samples: Int16Array) => {
      const first = samples.findIndex((x) => Math.abs(x) > 1000);
      const last = samples.findLastIndex((x) => Math.abs(x) > 1000);
      return [first / 8, last / 8];
    };
    expect(caller.length).toBe(agent.length);
    expect(loud(caller)[0]).toBeCloseTo(20, 0);
    expect(loud(caller)[1]).toBeCloseTo(120, 0);
    expect(loud(agent)[0]).toBeCloseTo(250, 0);
    expect(loud(agent)[1]).toBeCloseTo(350, 0);
  });

  it('gives response times from the true end of speech to the first sound heard', () => {
    const source = scriptSource([{ pauseMs: 100 }, toneSource(1000, { ms: 333 }), { pauseMs: 2000 }]);
    const { clock, stream, speak } = setUp({ source });
    stream.start();
    clock.advance(1000);
    speak(new Int16Array(80));
    speak(makeTone(400, 8000, 200));
    clock.advance(500);
    // The caller's frames begin at the first tick (20 ms); the tone ends 433 ms later, the answer sounds at 1010 ms.
    const [turn] = stream.report().turns;
    expect(turn!.responseMs).toBeGreaterThanOrEqual(1010 - 453 - 5);
    expect(turn!.responseMs).toBeLessThanOrEqual(1010 - 453 + 5);
  });
});

describe('an interruption', () => {
  const interrupted = (clearAfterMs: number | undefined) => {
    const told: number[] = [];
    const h = setUp({
      source: scriptSource([{ pauseMs: 980 }, toneSource(1000, { ms: 300 })]),
      onInterruption: (i) => told.push(i.heardMs),
    });
    h.stream.start();
    h.clock.advance(200);
    h.speak(makeTone(400, 8000, 1500));
    // The caller's first sound is at 1000 ms: 800 ms of the agent were heard.
    h.clock.advance(800);
    if (clearAfterMs !== undefined) {
      h.clock.advance(clearAfterMs);
      h.tell({ event: 'clear', streamSid: 'MZ1' });
    }
    h.clock.advance(3000);
    return { ...h, told };
  };

  it('measures what was heard before and until the clear', () => {
    const { stream, told } = interrupted(150);
    const [i] = stream.report().interruptions;
    expect(i).toMatchObject({ silencedBy: 'clear', clearedMs: 550, leftoverMs: 0 });
    expect(i!.heardBeforeMs).toBeCloseTo(800, -1);
    expect(i!.heardMs).toBe(950);
    expect(i!.delayMs).toBeCloseTo(150, -1);
    expect(told).toEqual([950]);
  });

  it('tells an agent that was not cut off', () => {
    const [i] = interrupted(undefined).stream.report().interruptions;
    expect(i).toMatchObject({ silencedBy: 'silence', heardMs: 1500, clearedMs: 0 });
  });

  it('counts what is still heard after the clear', () => {
    const h = interrupted(150);
    expect(h.stream.report().interruptions[0]!.leftoverMs).toBe(0);
    const again = setUp({ source: scriptSource([{ pauseMs: 980 }, toneSource(1000, { ms: 300 })]) });
    again.stream.start();
    again.clock.advance(200);
    again.speak(makeTone(400, 8000, 1500));
    again.clock.advance(950);
    again.tell({ event: 'clear', streamSid: 'MZ1' });
    again.speak(makeTone(400, 8000, 60));
    again.clock.advance(1000);
    expect(again.stream.report().interruptions[0]!.leftoverMs).toBeCloseTo(60, -1);
  });

  it('carries what the bridge believes', () => {
    const { stream } = interrupted(150);
    stream.interruptions.reported(940);
    expect(stream.report().interruptions[0]!.reportedHeardMs).toBe(940);
  });
});

describe('a bridge that sends nonsense', () => {
  const cases: Array<[string, string | object, string]> = [
    ['no JSON', '{"event":', 'bad-json'],
    ['an array', '[]', 'bad-json'],
    ['null', 'null', 'bad-json'],
    ['an unknown event', { event: 'stop', streamSid: 'MZ1' }, 'unknown-event'],
    ['no event', {}, 'unknown-event'],
    ['another stream', { event: 'clear', streamSid: 'MZ2' }, 'wrong-stream'],
    ['no stream', { event: 'clear' }, 'missing-field'],
    ['no media', { event: 'media', streamSid: 'MZ1' }, 'missing-field'],
    ['no payload', { event: 'media', streamSid: 'MZ1', media: {} }, 'missing-field'],
    ['an empty payload', { event: 'media', streamSid: 'MZ1', media: { payload: '' } }, 'missing-field'],
    ['a number as payload', { event: 'media', streamSid: 'MZ1', media: { payload: 4 } }, 'missing-field'],
    ['no base64', { event: 'media', streamSid: 'MZ1', media: { payload: '%%%%' } }, 'bad-base64'],
    ['base64 cut short', { event: 'media', streamSid: 'MZ1', media: { payload: 'AAA' } }, 'bad-base64'],
    ['padding in the middle', { event: 'media', streamSid: 'MZ1', media: { payload: 'AA==AAAA' } }, 'bad-base64'],
    ['URL-safe base64', { event: 'media', streamSid: 'MZ1', media: { payload: '_-_-' } }, 'bad-base64'],
    ['a mark without a name', { event: 'mark', streamSid: 'MZ1', mark: {} }, 'missing-field'],
  ];
  for (const [name, message, fault] of cases) {
    it(`is counted and otherwise ignored: ${name}`, () => {
      const { clock, stream, tell, speak, sent } = setUp();
      stream.start();
      tell(message);
      const report = stream.report();
      expect(report.faultCount).toBe(1);
      expect(report.faults).toMatchObject({ [fault]: 1 });
      expect(sent).toHaveLength(2);
      speak(makeTone(400, 8000, 100));
      clock.advance(200);
      expect(stream.report().playback.playedMs).toBe(100);
    });
  }

  it('is counted: half a sample of L16, whose whole samples are played', () => {
    const { clock, stream, tell } = setUp({ carrier: 'signalwire', codecName: 'L16@16000' });
    stream.start();
    tell({ event: 'media', streamSid: 'MZ1', media: { payload: Buffer.alloc(65).toString('base64') } });
    clock.advance(100);
    expect(stream.report()).toMatchObject({ faults: { 'half-sample': 1 }, playback: { playedMs: 2 } });
  });

  it('is counted: binary messages', () => {
    const { stream } = setUp();
    stream.start();
    stream.receiveBinary(Buffer.alloc(160));
    expect(stream.report().faults['binary-message']).toBe(1);
  });

  it('is told once that more than ten minutes are queued', () => {
    const { stream, tell, timeline } = setUp();
    stream.start();
    const minute = Buffer.alloc(480_000, 0xff).toString('base64');
    for (let i = 0; i < 12; i++) tell({ event: 'media', streamSid: 'MZ1', media: { payload: minute } });
    expect(stream.report().playback.overflowMs).toBe(120_000);
    expect(timeline.entries.filter(({ text }) => text.startsWith('31931'))).toHaveLength(1);
  });
});
