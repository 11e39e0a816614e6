import { describe, expect } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import type { Codec } from '../../src/media/codecs.ts';
import { isToneAlone, makeTone } from '../../src/media/tone.ts';
import {
  type Carrier,
  type CodecName,
  Phone,
  type PhoneOptions,
  scriptSource,
  silenceSource,
  streamCodec,
  toneSource,
} from '../../src/simulator/phone/index.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { rigTest } from './rig-test.ts';
import { type BridgeStream, TestBridge } from './simulator-phone-bridge.ts';

let bridge: TestBridge;

/** What this process, in which both the phone and the bridge are, may stand still before nothing that was measured meanwhile says anything, ms. */
const STOOD_MS = 30;

/** A test with a bridge of its own. What goes wrong where both ends stood still is measured again. */
function it(name: string, measure: () => Promise<void>): void {
  rigTest(name, ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      bridge = own(new TestBridge());
      await bridge.listen();
      const loop = own(watchLoop());
      await measure().catch((error: unknown) => {
        loop.excuses(skip, true, STOOD_MS);
        throw error;
      });
    }),
  );
}

function encode(samples: Int16Array, codec: Codec): Buffer {
  const bytes = Buffer.alloc(samples.length * codec.bytesPerSample);
  codec.encode(samples, bytes);
  return bytes;
}

function decode(chunks: readonly Buffer[], codec: Codec): Int16Array {
  const bytes = Buffer.concat(chunks);
  const samples = new Int16Array(bytes.length / codec.bytesPerSample);
  codec.decode(bytes, samples);
  return samples;
}

const pcmu = streamCodec('PCMU@8000');
const agentTone = (ms: number) => encode(makeTone(1000, 8000, ms), pcmu);

/** Calls the bridge's media address; `started` runs when the bridge has got the stream's `start`. */
async function call(options: Partial<PhoneOptions>, started: (stream: BridgeStream, phone: Phone) => void) {
  const phone = new Phone({ carrier: 'twilio', source: silenceSource(), ...options });
  bridge.stream = (stream) => {
    stream.onMessage = (event) => {
      if (event === 'start') started(stream, phone);
    };
  };
  const report = await phone.connect({ url: bridge.mediaUrl });
  return { phone, report, stream: bridge.streams[0]!, of: report.streams[0]! };
}

describe('tones prove both directions', () => {
  const wires: Array<[Carrier, CodecName, 'le' | 'be']> = [
    ['twilio', 'PCMU@8000', 'le'],
    ['signalwire', 'PCMU@8000', 'le'],
    ['signalwire', 'L16@16000', 'le'],
    ['signalwire', 'L16@24000', 'le'],
    ['signalwire', 'L16@24000', 'be'],
  ];
  for (const [carrier, codecName, byteOrder] of wires) {
    it(`${carrier} ${codecName} ${byteOrder}`, async () => {
      const codec = streamCodec(codecName, byteOrder);
      const rate = codec.sampleRate;
      const { phone, report, stream, of } = await call(
        { carrier, codec: codecName, byteOrder, source: toneSource(440), record: true, hangUpAfterMs: 1200 },
        (to) => {
          // Odd chunks, all ahead of time, as a model's come.
          const bytes = encode(makeTone(1300, rate, 900), codec);
          const size = 334 * codec.bytesPerSample;
          for (let at = 0; at < bytes.length; at += size) to.media(bytes.subarray(at, at + size));
        },
      );
      expect(report).toMatchObject({ ok: true, ended: { by: 'caller' } });
      const said = decode(stream.audio, codec);
      expect(said.length / rate).toBeGreaterThan(0.9);
      expect(isToneAlone(said.subarray(0, rate / 2), rate, 440, { minDb: -13, maxOtherDb: -45 })).toBe(true);
      const { sampleRate, caller, agent } = phone.recordedChannels()!;
      expect(sampleRate).toBe(rate);
      const from = Math.round((of.played[0]!.fromMs * rate) / 1000);
      const heard = agent.subarray(from, from + (rate * 8) / 10);
      expect(isToneAlone(heard, rate, 1300, { minDb: -7, maxOtherDb: -45 })).toBe(true);
      expect(isToneAlone(caller.subarray(rate / 5, rate / 2), rate, 440, { minDb: -13, maxOtherDb: -45 })).toBe(true);
      expect(of.playback).toMatchObject({ playedMs: 900, gaps: 0, clearedMs: 0 });
      const start = stream.of('start')[0]!.message.start;
      expect(start.mediaFormat).toEqual({
        encoding: codecName === 'PCMU@8000' ? 'audio/x-mulaw' : 'audio/x-L16',
        sampleRate: rate,
        channels: 1,
      });
      const media = stream.of('media').map(({ message }) => message.media);
      expect(media.map(({ timestamp }) => Number(timestamp))).toEqual(media.map((_, i) => i * 20));
      expect(media.map(({ chunk }) => Number(chunk))).toEqual(media.map((_, i) => i + 1));
      for (const chunk of stream.audio) expect(chunk.length).toBe((rate / 50) * codec.bytesPerSample);
      expect(stream.messages.at(-1)!.message.event).toBe('stop');
    });
  }
});

it('hears its own words from a bridge that echoes', async () => {
  const { report, of } = await call(
    { source: scriptSource([{ pauseMs: 200 }, toneSource(700, { ms: 400 })]), hangUpWhenQuietMs: 500 },
    (to) => {
      to.onMessage = (event, message) => {
        if (event === 'media') to.media(Buffer.from(message.media.payload, 'base64'));
      };
    },
  );
  expect(report.ok).toBe(true);
  expect(of.agentSpoke[0]!.fromMs - of.callerSpoke[0]!.fromMs).toBeGreaterThanOrEqual(15);
  expect(of.agentSpoke[0]!.fromMs - of.callerSpoke[0]!.fromMs).toBeLessThan(80);
  expect(report.ended.reason).toBe('the caller hung up');
});

describe('marks', () => {
  it('come back within a few milliseconds of the audio they follow', async () => {
    const sentMs: number[] = [];
    const { stream, of } = await call({ hangUpAfterMs: 1500 }, (to) => {
      sentMs.push(performance.now());
      for (let i = 1; i <= 10; i++) {
        to.media(agentTone(113));
        to.mark(`m${i}`);
      }
    });
    const errors = stream.of('mark').map(({ atMs }, i) => atMs - (sentMs[0]! + (i + 1) * 113));
    expect(stream.of('mark').map(({ message }) => message.mark.name)).toEqual(
      Array.from({ length: 10 }, (_, i) => `m${i + 1}`),
    );
    // Never before its audio was played; the middle of ten, so that one stall of a busy machine does not decide.
    expect(Math.min(...errors)).toBeGreaterThanOrEqual(-0.1);
    expect(errors.toSorted((a, b) => a - b)[4]).toBeLessThan(6);
    expect(of.marks).toMatchObject({ received: 10, played: 10, cleared: 0, outstanding: 0 });
  });

  it('come back at once when nothing is queued', async () => {
    let sentMs = 0;
    const { stream } = await call({ hangUpAfterMs: 300 }, (to) => {
      sentMs = performance.now();
      to.mark('empty');
    });
    expect(stream.of('mark')[0]!.atMs - sentMs).toBeLessThan(50);
  });
});

it('clears what is queued and returns its marks', async () => {
  let clearedMs = 0;
  const { stream, of } = await call({ hangUpAfterMs: 1200 }, (to) => {
    to.media(agentTone(100));
    to.mark('heard');
    to.media(agentTone(2000));
    to.mark('a');
    to.mark('b');
    setTimeout(() => {
      clearedMs = performance.now();
      to.clear();
    }, 400);
  });
  const marks = stream.of('mark');
  expect(marks.map(({ message }) => message.mark.name)).toEqual(['heard', 'a', 'b']);
  expect(marks[0]!.atMs).toBeLessThan(clearedMs);
  for (const { atMs } of marks.slice(1)) expect(atMs - clearedMs).toBeLessThan(50);
  expect(of.marks).toMatchObject({ played: 1, cleared: 2 });
  expect(of.playback.playedMs + of.playback.clearedMs).toBeCloseTo(2100, 0);
  expect(of.playback.playedMs).toBeGreaterThan(380);
  expect(of.playback.playedMs).toBeLessThan(550);
});

it('cuts in, and knows what was heard until the clear took effect', async () => {
  const { report, of } = await call(
    {
      source: silenceSource(),
      interruptAtMs: 600,
      interruptWith: toneSource(500, { ms: 600 }),
      hangUpAfterMs: 2200,
    },
    (to) => {
      to.media(agentTone(5000));
      let loud = 0;
      to.onMessage = (event, message) => {
        // What a bridge's turn detection does: three loud frames, then clear.
        if (event !== 'media') return;
        if (Buffer.from(message.media.payload, 'base64').some((byte) => (byte & 0x7f) < 0x40) && ++loud === 3)
          to.clear();
      };
    },
  );
  expect(report.ok).toBe(true);
  const [i] = of.interruptions;
  expect(of.interruptions).toHaveLength(1);
  expect(i).toMatchObject({ silencedBy: 'clear', leftoverMs: 0 });
  expect(i!.heardBeforeMs).toBeGreaterThanOrEqual(580);
  expect(i!.heardBeforeMs).toBeLessThan(680);
  expect(i!.heardMs - i!.heardBeforeMs).toBeCloseTo(i!.delayMs!, -1);
  expect(i!.delayMs).toBeGreaterThan(40);
  expect(i!.delayMs).toBeLessThan(150);
  expect(i!.heardMs + i!.clearedMs).toBeCloseTo(5000, -1);
});

it('finds the gaps of a bridge that sends too late', async () => {
  const { of } = await call({ hangUpAfterMs: 1200 }, (to) => {
    to.media(agentTone(100));
    setTimeout(() => to.media(agentTone(100)), 250);
    setTimeout(() => to.media(agentTone(100)), 500);
  });
  expect(of.playback.gaps).toBe(2);
  expect(of.playback.gapMs).toBeGreaterThan(250);
  expect(of.playback.gapMs).toBeLessThan(400);
});

it('outlives a bridge that sends nonsense', async () => {
  const { report, of } = await call({ hangUpAfterMs: 500 }, (to) => {
    to.send('not json');
    to.send('\ud800');
    to.send({ event: 'media', streamSid: to.streamSid, media: { payload: '***' } });
    to.send({ event: 'media', streamSid: 'elsewhere', media: { payload: 'AAAA' } });
    to.sendBinary(new Uint8Array(160));
    to.media(agentTone(200));
  });
  expect(report.ok).toBe(true);
  expect(of.faults).toMatchObject({ 'bad-json': 2, 'bad-base64': 1, 'wrong-stream': 1, 'binary-message': 1 });
});

it('presses keys, before and in the middle of a stream', async () => {
  const { stream, of } = await call(
    { carrier: 'signalwire', digits: { keys: '1#', atMs: 100 }, hangUpAfterMs: 1200 },
    (to, phone) => {
      setTimeout(() => phone.press('9'), 700);
      to.send({ event: 'dtmf', streamSid: to.streamSid, dtmf: { digit: '4' } });
    },
  );
  expect(stream.of('dtmf').map(({ message }) => message.dtmf)).toEqual([
    { digit: '1', duration: 100 },
    { digit: '#', duration: 100 },
    { digit: '9', duration: 100 },
  ]);
  expect(of.dtmf).toEqual({ pressed: '1#9', received: '4' });
});

it('shares one ticker among many phones, and leaves nothing on it', async () => {
  const ticker = new Ticker(systemClock);
  const source = toneSource(440);
  bridge.stream = (stream) => {
    stream.onMessage = (event) => {
      if (event === 'start') stream.media(agentTone(300));
    };
  };
  const reports = await Promise.all(
    Array.from({ length: 30 }, () =>
      new Phone({ carrier: 'twilio', source, ticker, hangUpAfterMs: 1000 }).connect({ url: bridge.mediaUrl }),
    ),
  );
  expect(reports.every(({ ok }) => ok)).toBe(true);
  expect(ticker.size).toBe(0);
  expect(new Set(bridge.streams.map(({ streamSid }) => streamSid)).size).toBe(30);
  for (const { streams } of reports) {
    // What the wire carried is what the clock says, whatever the machine was doing.
    expect(streams[0]!.sent.frames).toBeGreaterThanOrEqual(Math.floor(streams[0]!.durationMs / 20) - 3);
    expect(streams[0]!.sent.frames).toBeLessThanOrEqual(Math.ceil(streams[0]!.durationMs / 20));
  }
});
