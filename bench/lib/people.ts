import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { firstWords, Phone, silenceSource, wavSource } from '../../src/simulator/phone/index.ts';
import { type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { NativePeerChannel } from '../../src/transport/peer-channel.ts';
import { Socket } from '../../src/transport/socket.ts';
import { serve, sleep } from './child.ts';

/** The simulated carrier's phones and the simulated model in one process: callers who talk, and whose ears keep exact books. */

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
let server: RealtimeServer | undefined;

/** When each session was sent `speech_started`, by the session's id; the wire is watched, whichever it is. */
const started = new Map<string, number[]>();
const sessionOf = new WeakMap<object, string>();

function watch(wire: object, text: string): void {
  if (text.startsWith('{"type":"session.created"')) {
    const { session } = JSON.parse(text) as { session: { id: string } };
    sessionOf.set(wire, session.id);
    started.set(session.id, []);
  } else if (text.startsWith('{"type":"input_audio_buffer.speech_started"')) {
    started.get(sessionOf.get(wire) ?? '')?.push(performance.now());
  }
}

for (const { prototype } of [Socket, NativePeerChannel]) {
  const { send } = prototype;
  prototype.send = function (text: string) {
    watch(this, text);
    return send.call(this, text);
  };
}

async function until(ready: () => boolean, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(5)) if (ready()) return true;
  return ready();
}

/** One caller who cuts in `times` times, each after another while of the agent's speech. */
async function interrupter(target: string, number: number, times: number): Promise<PersonReport> {
  const model = server!;
  const before = model.sessions.length;
  const clears: number[] = [];
  const phone = new Phone({
    carrier: 'twilio',
    source: silenceSource(),
    record: true,
    ticker,
    onEvent: ({ what }) => {
      if (what === 'clear') clears.push(performance.now());
    },
  });
  const call = phone.placeCall({ webhookUrl: `${target}/incoming-call` });
  // The order of sessions is the order of calls: the next caller waits for this one's session.
  const there = until(() => model.sessions.length > before, 5_000);
  const session = there.then(() => model.sessions[before]);
  const talk = (async () => {
    await there;
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
  const record = await session;
  const sent = started.get(record?.id ?? '') ?? [];
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
    truncated: (record?.received ?? [])
      .filter((e) => e['type'] === 'conversation.item.truncate')
      .map((e) => Number(e['audio_end_ms'])),
    transport: record?.transport ?? 'none',
    reason: report.reason,
  };
}

const methods = {
  /** Starts the model, whose only word is one tone of `toneMs`; resolves to its base URL. */
  async listen({ toneMs }: { toneMs: number }): Promise<string> {
    server = await startRealtimeServer({ port: 0, ticker, record: true, voice: { tone: 440, ms: toneMs } });
    return server.url;
  },
  /** Callers who interrupt, one call begun after the other. */
  async interrupt({
    target,
    callers,
    times,
  }: {
    target: string;
    callers: number;
    times: number;
  }): Promise<PersonReport[]> {
    const all: Promise<PersonReport>[] = [];
    for (let number = 0; number < callers; number++) {
      const before = server!.sessions.length;
      all.push(interrupter(target, number, times));
      await until(() => server!.sessions.length > before, 5_000);
      await sleep(300);
    }
    return Promise.all(all);
  },
  /** One call: how long until the caller hears the agent. */
  async setup({ target }: { target: string }): Promise<SetupReport> {
    const before = server!.sessions.length;
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
      transport: server!.sessions[before]?.transport ?? 'none',
    };
  },
};
export type PeopleMethods = typeof methods;

serve(methods);
