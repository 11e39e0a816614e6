/**
 * A call as a browser or mobile client makes it: asks the daemon for a room, joins it with LiveKit's own library, talks, and measures what it hears, with
 * the timeline, recording and report of the telephone.
 */

import { systemClock } from '../../call/clock.ts';
import { encodeWav } from '../../media/wav.ts';
import type { FlowEnd } from '../phone/flow.ts';
import type { HabitOptions } from '../phone/habits.ts';
import { type CallReport, makeReport } from '../phone/report.ts';
import type { StreamReport } from '../phone/stream-report.ts';
import { Timeline, type TimelineEntry, tenth } from '../phone/timeline.ts';
import { type PersonEvent, RATE } from './messages.ts';
import { People, type Person } from './people.ts';

/** How long somebody stays in a room that the agent has left, ms: it may be on its way back. */
const ALONE_MS = 3_000;
/** How long the daemon may take to answer, ms. */
const ASK_LIMIT_MS = 20_000;

export interface RoomPhoneOptions extends Omit<HabitOptions, 'interruptWith'> {
  /** Where the daemon is: `http://host:port`. */
  readonly daemon: string;
  /** Goes with each request, as a bearer token. */
  readonly bearer?: string | undefined;
  readonly participantName?: string | undefined;
  /** The prompt that is asked for. */
  readonly agentId?: string | undefined;
  /** Keep a stereo recording. */
  readonly record?: boolean | undefined;
  /** Leave this long after the room was joined, ms. */
  readonly hangUpAfterMs?: number | undefined;
  /** Told everything that happens, when it happens. Must not throw. */
  readonly onEvent?: ((entry: TimelineEntry) => void) | undefined;
}

/** What `POST /livekit/create-room` answers, as far as a client needs it. */
interface Created {
  readonly connectionId: string;
  readonly roomName: string;
  readonly accessToken: string;
  readonly serverUrl: string;
}

interface Answer {
  readonly status: number | undefined;
  readonly ms: number;
  readonly body: Record<string, unknown>;
  /** Why there was none. */
  readonly error: string | undefined;
}

export class RoomPhone {
  readonly #o: RoomPhoneOptions;
  readonly #timeline: Timeline;
  readonly #hungUp = Promise.withResolvers<void>();
  #isHungUp = false;
  #alone: NodeJS.Timeout | undefined;
  #isAlone = false;
  #wav: Uint8Array | undefined;

  constructor(options: RoomPhoneOptions) {
    this.#o = options;
    this.#timeline = new Timeline(systemClock, options.onEvent);
  }

  /** Leaves the room. */
  hangUp(): void {
    this.#isHungUp = true;
    this.#hungUp.resolve();
  }

  /** The call as a stereo WAV (caller left, agent right); undefined without `record`, or before the end. */
  recording(): Uint8Array | undefined {
    return this.#wav;
  }

  /** Calls. Resolves when the call is over; whatever failed stands in the report. */
  async placeCall(): Promise<CallReport> {
    const { participantName, agentId } = this.#o;
    const body = {
      participantName: participantName ?? 'A caller',
      ...(agentId === undefined ? {} : { agentId }),
    };
    this.#timeline.add('webhook', `POST ${this.#o.daemon}/livekit/create-room`);
    const answer = await this.#post('create-room', body);
    const said = answer.status === undefined ? `no answer (${answer.error})` : `HTTP ${answer.status}`;
    this.#timeline.add('webhook', `${said} after ${answer.ms} ms`);
    const created = readCreated(answer);
    if (created === undefined) {
      const { code = '', message = '' } = (answer.body['error'] ?? {}) as { code?: string; message?: string };
      const reason = `no room: create-room got ${said}${code === '' ? '' : `: ${code}, ${message}`}`;
      return this.#report(answer, undefined, undefined, { by: 'bridge', reason, callStatus: 'failed' });
    }
    return this.#talk(answer, created);
  }

  async #talk(answer: Answer, created: Created): Promise<CallReport> {
    let people: People | undefined;
    try {
      people = await People.start();
      const { source, digits, interruptAtMs, hangUpWhenQuietMs } = this.#o;
      const person = await people.join({
        url: created.serverUrl,
        token: created.accessToken,
        originMs: performance.timeOrigin + this.#timeline.originMs,
        source,
        digits,
        interruptAtMs,
        hangUpWhenQuietMs,
        comesBack: true,
        onEvent: (event) => this.#take(event),
      });
      const ended = await this.#toTheEnd(person);
      const report = await person.report();
      if (this.#o.record) {
        const { said, heard } = await person.recording();
        this.#wav = encodeWav([said, heard], RATE);
      }
      return this.#report(answer, created, report, ended);
    } catch (error) {
      const reason = `the room could not be joined: ${error instanceof Error ? error.message : String(error)}`;
      return this.#report(answer, created, undefined, { by: 'carrier', reason, callStatus: 'failed' });
    } finally {
      clearTimeout(this.#alone);
      await people?.close();
      // Who goes for good says so; else the agent waits for somebody to come back.
      await this.#post('end-call', { connectionId: created.connectionId });
    }
  }

  async #toTheEnd(person: Person): Promise<FlowEnd> {
    const ms = this.#o.hangUpAfterMs;
    const limit =
      ms === undefined
        ? undefined
        : setTimeout(() => {
            this.#timeline.add('hangup', `${ms} ms are over`);
            this.hangUp();
          }, ms);
    const gone = await Promise.race([person.gone, this.#hungUp.promise]);
    clearTimeout(limit);
    if (gone === undefined) await person.leave();
    const callStatus = 'completed';
    if (this.#isAlone) return { by: 'bridge', reason: 'the agent left the room', callStatus };
    if (this.#isHungUp || gone === 'CLIENT_INITIATED') return { by: 'caller', reason: 'the caller left', callStatus };
    return { by: 'bridge', reason: `the room ended: ${gone}`, callStatus };
  }

  #take(event: PersonEvent): void {
    if (event.what === 'happened') this.#timeline.add(event.kind, event.text, this.#timeline.originMs + event.atMs);
    const isAgents = (event.what === 'came' || event.what === 'left') && event.seen.isAgent;
    if (event.what === 'link' || isAgents) clearTimeout(this.#alone);
    if (event.what !== 'left' || !isAgents) return;
    this.#alone = setTimeout(() => {
      this.#isAlone = true;
      this.hangUp();
    }, ALONE_MS);
  }

  async #post(route: string, body: unknown): Promise<Answer> {
    const began = performance.now();
    const took = () => tenth(performance.now() - began);
    const { daemon, bearer } = this.#o;
    try {
      const response = await fetch(`${daemon}/livekit/${route}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ASK_LIMIT_MS),
      });
      const text = await response.text();
      const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : {};
      return { status: response.status, ms: took(), body: parsed as Record<string, unknown>, error: undefined };
    } catch (error) {
      const { cause = error } = error as { cause?: unknown };
      const words = cause instanceof Error ? cause.message : String(cause);
      return { status: undefined, ms: took(), body: {}, error: words };
    }
  }

  #report(answer: Answer, created: Created | undefined, stream: StreamReport | undefined, ended: FlowEnd): CallReport {
    this.#timeline.add('ended', ended.reason);
    return makeReport({
      carrier: 'livekit',
      callSid: created?.connectionId ?? '',
      from: this.#o.participantName ?? 'A caller',
      to: created?.roomName ?? '',
      ended,
      durationMs: tenth(systemClock.now() - this.#timeline.originMs),
      connect: {
        webhookMs: answer.ms,
        webhookStatus: answer.status,
        socketMs: undefined,
        streamStartMs: stream?.startedMs,
      },
      streams: stream === undefined ? [] : [stream],
      timeline: this.#timeline,
    });
  }
}

function readCreated({ status, body }: Answer): Created | undefined {
  const texts = [body['connectionId'], body['roomName'], body['accessToken'], body['serverUrl']];
  if (status === undefined || status >= 300 || !texts.every((one) => typeof one === 'string')) return undefined;
  const [connectionId = '', roomName = '', accessToken = '', serverUrl = ''] = texts;
  return { connectionId, roomName, accessToken, serverUrl };
}
