import { randomBytes, randomUUID } from 'node:crypto';
import { delay, type Timer } from '../../call/clock.ts';
import { CallRecorder } from '../phone/recorder.ts';
import type { AudioSource } from '../phone/source.ts';
import type { StreamReport } from '../phone/stream-report.ts';
import { Timeline } from '../phone/timeline.ts';
import { playedCodec, sentCodec } from './codecs.ts';
import type { CallWatch, Side } from './side.ts';
import { TelnyxStream } from './stream.ts';
import { CallEvents } from './webhooks.ts';

/** One call: it rings, does what it is commanded, and tells what becomes of that, each by an event. */

export type Cause = 'normal_clearing' | 'originator_cancel' | 'user_busy' | 'timeout' | 'call_rejected' | 'no_answer';

/** What a command is answered: 200, or 422 with a code and a title of the carrier's. */
export interface Verdict {
  readonly status: number;
  readonly code?: string;
  readonly title?: string;
}

type Fields = Readonly<Record<string, unknown>>;

const OK: Verdict = { status: 200 };
const ENDED: Verdict = { status: 422, code: '90018', title: 'Call has already ended' };
const NOT_ANSWERED: Verdict = { status: 422, code: '90034', title: 'Call has not been answered yet' };
const invalid = (title: string): Verdict => ({ status: 422, code: '10015', title });

/** A calm voice, ms a word. */
const MS_PER_WORD = 375;
/** How long answering takes, ms. */
const ANSWER_MS = 20;
const text = (fields: Fields, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
};

export interface CallInit extends CallWatch {
  readonly side: Side;
  readonly direction: 'inbound' | 'outbound-api';
  readonly from: string;
  readonly to: string;
  readonly source: AudioSource;
  /** Where its events go. */
  readonly webhookUrl: string;
  readonly clientState?: string | undefined;
}

export class TelnyxCall {
  readonly sid = `v3:${randomBytes(30).toString('base64url')}`;
  readonly session: string = randomUUID();
  readonly direction: CallInit['direction'];
  readonly from: string;
  readonly to: string;
  readonly timeline: Timeline;
  readonly dialled: string[] = [];
  readonly digits: string[] = [];
  readonly said: string[] = [];
  /** The commands that it took, in order, with their fields. */
  readonly commands: Array<{ readonly action: string; readonly fields: Fields }> = [];
  /** Of every media stream that ended, in order. */
  readonly reports: StreamReport[] = [];
  readonly done: Promise<void>;
  status: 'ringing' | 'in-progress' | 'completed' | 'busy' | 'no-answer' | 'canceled' | 'failed' = 'ringing';
  /** Who ended it. */
  endedBy: 'caller' | 'bridge' | 'carrier' = 'carrier';
  stream: TelnyxStream | undefined;
  recorder: CallRecorder | undefined;
  readonly events: CallEvents;
  readonly #o: CallInit;
  readonly #taken = new Set<string>();
  readonly #over = new AbortController();
  readonly #resolveDone: () => void;
  #state: string | undefined;
  #webhookUrl: string;
  #firstCommand: Timer | undefined;

  constructor(init: CallInit) {
    const { side } = init;
    this.#o = init;
    this.direction = init.direction;
    this.from = init.from;
    this.to = init.to;
    this.timeline = new Timeline(side.clock, init.onEvent);
    this.events = new CallEvents(side, this.timeline);
    this.#state = init.clientState;
    this.#webhookUrl = init.webhookUrl;
    const done = Promise.withResolvers<void>();
    this.done = done.promise;
    this.#resolveDone = done.resolve;
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** What was heard so far, as samples; undefined without `record`. */
  recordedChannels(): { sampleRate: number; caller: Int16Array; agent: Int16Array } | undefined {
    if (this.recorder === undefined) return undefined;
    const [caller, agent] = this.recorder.channels();
    return { sampleRate: this.recorder.sampleRate, caller, agent };
  }

  /** Somebody calls: whoever has the number has to command something within a time. */
  offer(): void {
    const { clock, firstCommandMs } = this.#o.side;
    this.#post('call.initiated', { direction: 'incoming', state: 'parked' });
    this.#firstCommand = clock.after(firstCommandMs, () => {
      this.timeline.add('fault', `no command within ${firstCommandMs} ms`);
      this.#end('timeout', 'no-answer');
    });
  }

  /** We call somebody, as far as he answers. */
  async place(detects: boolean): Promise<void> {
    const { side } = this.#o;
    const far = side.far(this.to);
    this.#post('call.initiated', { direction: 'outgoing', state: 'bridging' });
    await this.#wait(far.ringMs);
    if (this.isOver) return;
    if (far.outcome !== 'answer')
      return far.outcome === 'busy' ? this.#end('user_busy', 'busy') : this.#end('timeout', 'no-answer');
    this.status = 'in-progress';
    this.#post('call.answered', { state: 'answered' });
    if (detects) this.#post('call.machine.detection.ended', { result: far.machine ?? 'human' });
  }

  /** A command of the API. */
  command(action: string, fields: Fields): Verdict {
    const id = text(fields, 'command_id');
    if (id !== undefined && this.#taken.has(id)) return OK;
    if (this.isOver) return ENDED;
    const verdict = this.#carryOut(action, fields);
    if (verdict.status !== 200) return verdict;
    this.#firstCommand?.cancel();
    if (id !== undefined) this.#taken.add(id);
    this.#state = text(fields, 'client_state') ?? this.#state;
    this.#webhookUrl = action === 'transfer' ? this.#webhookUrl : (text(fields, 'webhook_url') ?? this.#webhookUrl);
    this.commands.push({ action, fields });
    this.timeline.add('verb', action);
    return verdict;
  }

  /** The far party hangs up. */
  hangUp(): void {
    const rings = this.status === 'ringing';
    if (!this.isOver) this.endedBy = 'caller';
    this.#end(rings ? 'originator_cancel' : 'normal_clearing', rings ? 'canceled' : 'completed');
  }

  #carryOut(action: string, fields: Fields): Verdict {
    const answered = this.status === 'in-progress';
    switch (action) {
      case 'answer':
        if (this.direction !== 'inbound' || answered) return invalid('the call is answered');
        this.#answer(fields);
        return OK;
      case 'reject':
        if (answered) return invalid('the call is answered');
        // Whoever rejects is answered before the call is gone.
        setImmediate(() => this.#end('user_busy', 'busy'));
        return OK;
      case 'hangup':
        this.endedBy = 'bridge';
        setImmediate(() =>
          this.#end(answered ? 'normal_clearing' : 'originator_cancel', answered ? 'completed' : 'canceled'),
        );
        return OK;
      default:
        return answered ? this.#whileTalking(action, fields) : NOT_ANSWERED;
    }
  }

  #whileTalking(action: string, fields: Fields): Verdict {
    switch (action) {
      case 'streaming_start':
        return this.#openStream(fields);
      case 'streaming_stop':
        if (this.stream === undefined) return invalid('no stream is open');
        this.stream.stop();
        return OK;
      case 'speak':
        if (text(fields, 'payload') === undefined || text(fields, 'voice') === undefined)
          return invalid('payload and voice are required');
        void this.#speak(text(fields, 'payload') ?? '');
        return OK;
      case 'transfer':
        if (text(fields, 'to') === undefined) return invalid('to is required');
        void this.#transfer(fields);
        return OK;
      case 'send_dtmf':
        this.digits.push(text(fields, 'digits') ?? '');
        return OK;
      default:
        return invalid(`no such command: ${action}`);
    }
  }

  #answer(fields: Fields): void {
    setTimeout(() => {
      if (this.isOver) return;
      this.status = 'in-progress';
      this.#post('call.answered', { state: 'answered' });
      if (text(fields, 'stream_url') !== undefined)
        this.#openStream({ ...fields, stream_bidirectional_sampling_rate: 8_000 });
    }, ANSWER_MS);
  }

  #openStream(fields: Fields): Verdict {
    const { side, source } = this.#o;
    const url = text(fields, 'stream_url');
    if (url === undefined) return invalid('stream_url is required');
    const { byteOrder, clock } = side;
    const truth = sentCodec(text(fields, 'stream_codec') ?? 'default', side.callCodec, byteOrder);
    const sent = { ...truth, name: side.sentAs ?? truth.name };
    const hz = Number(fields['stream_bidirectional_sampling_rate'] ?? 8_000);
    const isPlayed = fields['stream_bidirectional_mode'] === 'rtp';
    const played = isPlayed
      ? playedCodec(text(fields, 'stream_bidirectional_codec') ?? 'PCMU', hz, byteOrder)
      : undefined;
    if (isPlayed && played === undefined) return invalid('this codec is not played');
    if (side.record) this.recorder ??= new CallRecorder(played?.sampleRate ?? 8_000, clock.now());
    const state = text(fields, 'client_state') ?? this.#state;
    const stream = new TelnyxStream({
      url: side.here(url),
      authToken: text(fields, 'stream_auth_token'),
      about: {
        user_id: side.accountId,
        call_control_id: this.sid,
        call_session_id: this.session,
        from: this.from,
        to: this.to,
        tags: [],
        client_state: state ?? null,
        custom_parameters: fields['custom_parameters'] ?? [],
      },
      sent,
      played,
      source,
      clock,
      ticker: side.ticker,
      timeline: this.timeline,
      recorder: this.recorder,
      onBegan: () => this.#o.onStream?.(stream),
      onTick: (_, now) => this.#o.onTick?.(stream, now),
    });
    this.stream = stream;
    void this.#runStream(stream, url);
    return OK;
  }

  async #runStream(stream: TelnyxStream, url: string): Promise<void> {
    const ends = stream.run();
    this.#post('streaming.started', { stream_url: url });
    const how = await ends;
    if (this.stream === stream) this.stream = undefined;
    if (how !== 'unopened')
      this.reports.push(stream.talk.report({ carrier: 'telnyx', streamSid: stream.id, codec: stream.codec }));
    const failed = how === 'broken' || how === 'unopened' || how === 'silent';
    if (failed) this.#post('streaming.failed', { stream_id: stream.id, failure_reason: stream.error || how });
    else this.#post('streaming.stopped', { stream_url: url });
    if (how === 'silent') this.#end('normal_clearing', 'completed');
  }

  async #speak(words: string): Promise<void> {
    this.said.push(words);
    this.#post('call.speak.started', {});
    await this.#wait(words.split(/\s+/).length * MS_PER_WORD * this.#o.side.speechScale);
    if (!this.isOver) this.#post('call.speak.ended', { status: 'completed' });
  }

  /** Rings another number on a leg of its own, whose events come with that leg's id and state. */
  async #transfer(fields: Fields): Promise<void> {
    const { side } = this.#o;
    const to = text(fields, 'to') ?? '';
    this.dialled.push(to);
    const far = side.far(to);
    const leg = `v3:${randomBytes(30).toString('base64url')}`;
    const tell = (name: string, more: object) =>
      this.events.post(text(fields, 'webhook_url') ?? this.#webhookUrl, name, {
        call_control_id: leg,
        call_session_id: this.session,
        client_state: text(fields, 'target_leg_client_state') ?? null,
        from: text(fields, 'from') ?? this.to,
        to,
        ...more,
      });
    tell('call.initiated', { direction: 'outgoing', state: 'bridging' });
    const longestMs = Number(fields['timeout_secs'] ?? 30) * 1_000;
    await this.#wait(Math.min(far.ringMs, longestMs));
    if (this.isOver) return tell('call.hangup', { hangup_cause: 'originator_cancel' });
    if (far.outcome !== 'answer')
      return tell('call.hangup', { hangup_cause: far.outcome === 'busy' ? 'user_busy' : 'timeout' });
    tell('call.answered', { state: 'answered' });
    tell('call.bridged', { state: 'bridged' });
    await this.#wait(far.talkMs ?? 0);
    tell('call.hangup', { hangup_cause: 'normal_clearing' });
    // Whoever was bridged is hung up with the other, unless he was to be parked.
    if (fields['park_after_unbridge'] !== 'self') this.#end('normal_clearing', 'completed');
  }

  #wait(ms: number): Promise<void> {
    return delay(this.#o.side.clock, ms, this.#over.signal).catch(() => {});
  }

  #post(name: string, more: object): void {
    this.events.post(this.#webhookUrl, name, {
      call_control_id: this.sid,
      call_leg_id: this.session,
      call_session_id: this.session,
      client_state: this.#state ?? null,
      connection_id: this.#o.side.connectionId,
      from: this.from,
      to: this.to,
      ...more,
    });
  }

  #end(cause: Cause, status: TelnyxCall['status']): void {
    if (this.isOver) return;
    this.status = status;
    this.#firstCommand?.cancel();
    this.#over.abort();
    this.stream?.stop();
    this.timeline.add('ended', cause);
    // The end of its stream is told before.
    setImmediate(() => {
      this.#post('call.hangup', { hangup_cause: cause, hangup_source: 'unknown', state: 'hangup' });
      void this.events.done.then(() => this.#resolveDone());
    });
  }
}
