import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { NativePeerChannel } from '../../src/transport/peer-channel.ts';
import { Socket } from '../../src/transport/socket.ts';
import { serve } from './child.ts';
import { watchHeld } from './held.ts';
import { type LossyWay, lossyWay, type WayOptions } from './lossy-way.ts';
import { machineMs } from './machine-time.ts';

/**
 * The simulated model alone in its process, as it is alone in the world: a phone beside it would hear late whatever comes while the model is busy
 * with its own messages. What it sent, and when, is asked for when the calls are over.
 */

/** What a session did. Times of the machine's clock, ms. */
export interface SessionNotes {
  readonly id: string;
  readonly transport: 'websocket' | 'webrtc';
  /** `audio_end_ms` of every `conversation.item.truncate` that the model was sent, in order. */
  readonly truncated: readonly number[];
  /** When each `speech_started` was sent. */
  readonly started: readonly number[];
  /** When the first audio of each of its answers was sent. */
  readonly spoke: readonly number[];
}

const held = watchHeld();
let server: RealtimeServer | undefined;
let way: LossyWay | undefined;

/** By the session's id; the wire is watched, whichever it is. */
const started = new Map<string, number[]>();
const spoke = new Map<string, number[]>();
const answered = new WeakMap<object, string>();
const sessionOf = new WeakMap<object, string>();

function watch(wire: object, text: string): void {
  if (text.startsWith('{"type":"session.created"')) {
    const { session } = JSON.parse(text) as { session: { id: string } };
    sessionOf.set(wire, session.id);
    started.set(session.id, []);
    spoke.set(session.id, []);
  } else if (text.startsWith('{"type":"input_audio_buffer.speech_started"')) {
    started.get(sessionOf.get(wire) ?? '')?.push(machineMs());
  } else if (/^\{"type":"(output_audio_buffer\.started|response\.output_audio\.delta)"/.test(text.slice(0, 60))) {
    const responseId = /"response_id":"([^"]*)"/.exec(text)?.[1] ?? '';
    if (answered.get(wire) === responseId) return;
    answered.set(wire, responseId);
    spoke.get(sessionOf.get(wire) ?? '')?.push(machineMs());
  }
}

for (const { prototype } of [Socket, NativePeerChannel]) {
  const { send } = prototype;
  prototype.send = function (text: string) {
    watch(this, text);
    return send.call(this, text);
  };
}

const methods = {
  /** Starts the model, whose only word is one tone of `toneMs`; resolves to its base URL. */
  async listen({ toneMs, way: by }: { toneMs: number; way?: WayOptions | undefined }): Promise<string> {
    const ticker = new Ticker(systemClock);
    server = await startRealtimeServer({ port: 0, ticker, record: true, voice: { tone: 440, ms: toneMs } });
    way = by === undefined ? undefined : await lossyWay(server.url, by);
    return way?.url ?? server.url;
  },
  lostPercent: () => (way === undefined || way.packets.seen === 0 ? 0 : (100 * way.packets.lost) / way.packets.seen),
  /** What WebRTC held back on the model's side, of all sessions so far. */
  held,
  /** How many sessions there were: the number of the next. */
  sessions: () => server!.sessions.length,
  /** What the session of this number did, counted from 0; undefined where there was none. */
  session(number: number): SessionNotes | undefined {
    const record = server!.sessions[number];
    if (record === undefined) return undefined;
    return {
      id: record.id,
      transport: record.transport,
      truncated: record.received
        .filter((event) => event['type'] === 'conversation.item.truncate')
        .map((event) => Number(event['audio_end_ms'])),
      started: started.get(record.id) ?? [],
      spoke: spoke.get(record.id) ?? [],
    };
  },
};
export type ModelMethods = typeof methods;

serve(methods);
