import { Ticker } from '../../../../src/call/ticker.ts';
import { DEFAULT_PACE, type Pace, type ToneVoice } from '../../../../src/simulator/realtime/options.ts';
import { Playout } from '../../../../src/simulator/realtime/playout.ts';
import { SessionRecord } from '../../../../src/simulator/realtime/record.ts';
import { faultsFor, parseScenario, type ScenarioInput } from '../../../../src/simulator/realtime/scenario.ts';
import { Session, type SessionTransport } from '../../../../src/simulator/realtime/session.ts';
import { defaultConfig, type SessionConfig } from '../../../../src/simulator/realtime/session-config.ts';
import { FakeClock } from '../../../fakes/clock.ts';

// biome-ignore lint/suspicious/noExplicitAny: events are read by tests as the JSON they are.
export type AnyEvent = any;

export interface Bench {
  readonly clock: FakeClock;
  readonly session: Session;
  readonly record: SessionRecord;
  readonly ticker: Ticker;
  /** Everything the session sent, parsed; text that is not JSON as a string. */
  readonly events: AnyEvent[];
  readonly playout: Playout | undefined;
  /** What was done to the transport: "close 1001 reason", "drop", "closeChannel". */
  readonly ends: string[];
  send(event: Record<string, unknown>): void;
  types(): string[];
  last(type: string): AnyEvent;
  all(type: string): AnyEvent[];
  /** Feeds audio in 20 ms packets while time passes with it. */
  speak(audio: Int16Array): void;
}

export interface BenchOptions {
  config?: SessionConfig;
  beta?: boolean;
  webrtc?: boolean;
  scenario?: ScenarioInput;
  voice?: ToneVoice;
  speak?: { everyMs: number; forMs: number };
  pace?: Partial<Pace>;
  start?: boolean;
}

/** A session on a fake clock with a transport that only remembers. */
export function bench(options: BenchOptions = {}): Bench {
  const clock = new FakeClock();
  const ticker = new Ticker(clock);
  const events: AnyEvent[] = [];
  const ends: string[] = [];
  const scenario = options.scenario === undefined ? undefined : parseScenario(options.scenario);
  const record = new SessionRecord(
    {
      id: 'sess_1',
      number: 1,
      transport: options.webrtc ? 'webrtc' : 'websocket',
      model: 'm',
      callId: undefined,
      dialect: 'ga',
      startedAt: 0,
    },
    true,
  );
  const playout = options.webrtc
    ? new Playout({ started: (id) => session.playoutStarted(id), stopped: (id) => session.playoutStopped(id) })
    : undefined;
  const base: SessionTransport = {
    send: (text) => {
      try {
        events.push(JSON.parse(text));
      } catch {
        events.push(text);
      }
    },
    close: (code, reason) => {
      ends.push(`close ${code} ${reason}`);
      session.end(reason);
    },
    drop: () => {
      ends.push('drop');
      session.end('dropped');
    },
    closeChannel: () => {
      ends.push('closeChannel');
    },
  };
  const transport: SessionTransport =
    playout === undefined
      ? base
      : {
          ...base,
          play: (responseId, itemId, audio, offset) => playout.push(responseId, itemId, audio, offset),
          playComplete: (responseId) => playout.complete(responseId),
          clearPlayout: () => playout.clear(),
        };
  const session = new Session({
    id: 'sess_1',
    config: options.config ?? defaultConfig('gpt-realtime'),
    beta: options.beta ?? false,
    transport,
    record,
    clock,
    ticker,
    pace: { ...DEFAULT_PACE, ...options.pace },
    faults: faultsFor(scenario?.faults ?? [], 1),
    scenario,
    voice: options.voice,
    speak: options.speak,
  });
  if (options.start ?? true) session.start();
  return {
    clock,
    session,
    record,
    ticker,
    events,
    playout,
    ends,
    send: (event) => session.receive(JSON.stringify(event)),
    types: () => events.map((event) => event.type),
    last: (type) => events.findLast((event) => event.type === type),
    all: (type) => events.filter((event) => event.type === type),
    speak(audio) {
      for (let at = 0; at < audio.length; at += 480) {
        const bytes = audio.slice(at, at + 480);
        session.receive(
          JSON.stringify({ type: 'input_audio_buffer.append', audio: Buffer.from(bytes.buffer).toString('base64') }),
        );
        clock.advance(20);
      }
    },
  };
}

/** The audio of all deltas of one response, as 24 kHz samples. */
export function deltasOf(events: AnyEvent[], type = 'response.output_audio.delta'): Int16Array {
  const bytes = Buffer.concat(
    events.filter((event) => event.type === type).map((event) => Buffer.from(event.delta, 'base64')),
  );
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
