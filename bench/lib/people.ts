import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { firstWords, Phone, silenceSource, wavSource } from '../../src/simulator/phone/index.ts';
import { type Child, serve, sleep, startChild } from './child.ts';
import type { WayOptions } from './lossy-way.ts';
import { machineMs } from './machine-time.ts';
import type { ModelMethods } from './model.ts';

/** The simulated carrier's phones: callers who talk, and whose ears keep exact books. The model that they talk to is a process beside this one. */

/** One interruption as its phone lived it. Times in ms. */
export interface Interrupted {
  /** From the model's send of `speech_started` to the arrival of the `clear`; undefined when either did not come. */
  readonly clearMs: number | undefined;
  /** Audio of the interrupted utterance that the phone really played. */
  readonly heardMs: number;
  readonly silencedBy: string;
  /** Sound of it still played after the clear. */
  readonly leftoverMs: number;
}

export interface PersonReport {
  readonly interruptions: readonly Interrupted[];
  /** `audio_end_ms` of every `conversation.item.truncate` that the model was sent, in order. */
  readonly truncated: readonly number[];
  readonly transport: string;
  readonly reason: string;
}

export interface AnswerReport {
  /** Turns that were answered. `modelMs`: from the caller's last sound to the model's first audio on its wire. */
  readonly turns: ReadonlyArray<{ readonly responseMs: number; readonly modelMs: number | undefined }>;
  /** In the agent's speech, as the phone played it. */
  readonly gaps: number;
  readonly gapMs: number;
  readonly transport: string;
}

export interface SetupReport {
  readonly webhookMs: number | undefined;
  /** From the call's begin to the stream's `start`. */
  readonly streamMs: number | undefined;
  /** From the call's begin to the first sound of the agent in the caller's ear. */
  readonly firstAudioMs: number | undefined;
  readonly transport: string;
}

const ticker = new Ticker(systemClock);
const words = firstWords(wavSource(readFileSync(new URL('../../src/simulator/assets/caller.wav', import.meta.url))));
let model: Child<ModelMethods> | undefined;

async function until(ready: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(5)) if (await ready()) return true;
  return ready();
}

/** Resolves when the model has more sessions than `before`, or will not within five seconds. */
const another = (before: number) => until(async () => (await model!.ask('sessions')) > before, 5_000);

interface Caller {
  /** The daemon's address. */
  readonly target: string;
  readonly number: number;
  /** The number of its session: the order of sessions is the order of calls, since each caller waits for the session of the one before. */
  readonly session: number;
}

/** Has callers call one after the other, `apartMs` after the session of the one before was there; resolves when all calls are over. */
async function inTurn<T>(
  target: string,
  callers: number,
  apartMs: number,
  one: (caller: Caller) => Promise<T>,
): Promise<T[]> {
  const all: Promise<T>[] = [];
  for (let number = 0; number < callers; number++) {
    const session = await model!.ask('sessions');
    all.push(one({ target, number, session }));
    await another(session);
    await sleep(apartMs);
  }
  return Promise.all(all);
}

/** One caller who cuts in `times` times, each after another while of the agent's speech. */
async function interrupter({ target, number, session }: Caller, times: number): Promise<PersonReport> {
  const clears: number[] = [];
  const phone = new Phone({
    carrier: 'twilio',
    source: silenceSource(),
    record: true,
    ticker,
    onEvent: ({ what }) => {
      if (what === 'clear') clears.push(machineMs());
    },
  });
  const call = phone.placeCall({ webhookUrl: `${target}/incoming-call` });
  const talk = (async () => {
    await another(session);
    for (let i = 0; i < times; i++) {
      // Spread over a frame's and a mark's phase, so that no rounding of either is met by chance each time.
      const targetMs = 600 + ((number * 7 + i * 13) % 20) * 83 + number * 3.7 + i * 1.9;
      const list = () => phone.stream?.interruptions.list ?? [];
      const open = list().length;
      // The tone of the answer before must be over in the ear's books too.
      if (!(await until(() => (phone.stream?.ear.utteranceMs(performance.now()) ?? 0) >= targetMs, 15_000))) break;
      phone.say(words);
      await until(() => (list()[open]?.silencedBy ?? 'nothing') !== 'nothing', 5_000);
      await sleep(1_500);
    }
    phone.hangUp();
  })();
  const report = await call;
  await talk;
  const notes = await model!.ask('session', session);
  const sent = notes?.started ?? [];
  const stream = report.streams[0];
  return {
    interruptions: (stream?.interruptions ?? []).map((it, i) => {
      const clear = clears[i];
      // The caller's words may be several spurts to the model's ear: the last start before the clear is what it answers.
      const start = clear === undefined ? undefined : sent.findLast((at) => at <= clear);
      return {
        clearMs: clear === undefined || start === undefined ? undefined : clear - start,
        heardMs: it.heardMs,
        silencedBy: it.silencedBy,
        leftoverMs: it.leftoverMs,
      };
    }),
    truncated: notes?.truncated ?? [],
    transport: notes?.transport ?? 'none',
    reason: report.reason,
  };
}

/** One caller who speaks `turns` times and listens to each answer. */
async function talker({ target, number, session }: Caller, turns: number): Promise<AnswerReport> {
  const began = machineMs();
  const phone = new Phone({ carrier: 'twilio', source: silenceSource(), record: true, ticker });
  const call = phone.placeCall({ webhookUrl: `${target}/incoming-call` });
  const talk = (async () => {
    await another(session);
    await sleep(2_500 + number * 37);
    for (let i = 0; i < turns; i++) {
      phone.say(words);
      // The words, the answer's delay and its tone, and a phase of frames and ticks that differs each time.
      await sleep(4_500 + ((number * 7 + i * 13) % 20));
    }
    phone.hangUp();
  })();
  const report = await call;
  await talk;
  const notes = await model!.ask('session', session);
  const sent = notes?.spoke ?? [];
  const stream = report.streams[0];
  return {
    turns: (stream?.turns ?? []).flatMap(({ callerToMs, responseMs }) => {
      if (responseMs === undefined) return [];
      // Times of the report are of the call's begin, which was then.
      const at = sent.find((ms) => ms - began > callerToMs - 100 && ms - began < callerToMs + responseMs);
      return [{ responseMs, modelMs: at === undefined ? undefined : at - began - callerToMs }];
    }),
    gaps: stream?.playback.gaps ?? 0,
    gapMs: stream?.playback.gapMs ?? 0,
    transport: notes?.transport ?? 'none',
  };
}

const methods = {
  /** Starts the model, whose only word is one tone of `toneMs`; resolves to its base URL. */
  async listen(options: { toneMs: number; way?: WayOptions }): Promise<string> {
    model = startChild<ModelMethods>('model.ts');
    return model.ask('listen', options);
  },
  lostPercent: () => model!.ask('lostPercent'),
  /** What WebRTC held back on the model's side. */
  held: () => model!.ask('held'),
  /** Callers who say something `turns` times, each time after the answer before is over. */
  talk: ({ target, callers, turns }: { target: string; callers: number; turns: number }): Promise<AnswerReport[]> =>
    inTurn(target, callers, 150, (caller) => talker(caller, turns)),
  /** Callers who interrupt, one call begun after the other. */
  interrupt: ({
    target,
    callers,
    times,
  }: {
    target: string;
    callers: number;
    times: number;
  }): Promise<PersonReport[]> => inTurn(target, callers, 300, (caller) => interrupter(caller, times)),
  /** One call: how long until the caller hears the agent. */
  async setup({ target }: { target: string }): Promise<SetupReport> {
    const session = await model!.ask('sessions');
    const phone = new Phone({
      carrier: 'twilio',
      source: silenceSource(),
      ticker,
      hangUpAfterMs: 10_000,
      onEvent: ({ what }) => {
        if (what === 'agent-speaks') setImmediate(() => phone.hangUp());
      },
    });
    const report = await phone.placeCall({ webhookUrl: `${target}/incoming-call` });
    return {
      webhookMs: report.connect.webhookMs,
      streamMs: report.connect.streamStartMs,
      firstAudioMs: report.firstAgentAudio.fromCallStartMs,
      transport: (await model!.ask('session', session))?.transport ?? 'none',
    };
  },
};
export type PeopleMethods = typeof methods;

serve(methods);
