import { OpenAiLeg } from '../../../../src/agents/openai/leg.ts';
import { type OpenAiAgentOptions, resolveOptions } from '../../../../src/agents/openai/options.ts';
import type { Counter } from '../../../../src/call/counters.ts';
import type { AgentEvent } from '../../../../src/call/events.ts';
import type { LegContext } from '../../../../src/call/leg.ts';
import { type Termination, termination } from '../../../../src/call/termination.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeSink, fakeLog } from '../../../fakes/legs.ts';
import { FakeModel, says, ulaw } from '../../../fakes/model.ts';

export const HANGUP: Termination = termination('caller-hangup');

/** A leg with a fake model behind it and a fake call before it. */
export class Run {
  readonly clock = new FakeClock();
  readonly model = new FakeModel();
  readonly events: AgentEvent[] = [];
  readonly counters: Partial<Record<Counter, number>> = {};
  readonly log = fakeLog();
  readonly abort = new AbortController();
  readonly peer: FakeSink;
  readonly leg: OpenAiLeg;
  readonly ctx: LegContext<AgentEvent>;
  /** What happened in which order: events by type, and "frame" for audio written. */
  readonly order: string[] = [];
  /** Whether the caller hears each item as soon as it was written whole. */
  hears = true;
  started: Promise<void> = Promise.resolve();
  startError: unknown;

  constructor(options: Partial<OpenAiAgentOptions> = {}) {
    this.leg = new OpenAiLeg(
      resolveOptions({
        apiKey: 'sk-test',
        model: 'gpt-realtime',
        keyApi: 'none',
        transport: 'websocket',
        random: () => 0.5,
        ...options,
      }),
      this.model.connectors,
    );
    this.peer = new FakeSink(this.leg.rate);
    const write = this.peer.write.bind(this.peer);
    this.peer.write = (frame) => {
      if (frame.sampleRate !== this.peer.sampleRate) throw new Error(`frame of ${frame.sampleRate} Hz`);
      if (this.order.at(-1) !== 'frame') this.order.push('frame');
      write(frame);
    };
    this.ctx = {
      callId: 'call_1',
      peer: this.peer,
      emit: (event) => {
        this.events.push(event);
        this.order.push(event.type);
        if (event.type === 'audio_done' && this.hears) this.heard(event.responseId, event.itemId);
      },
      count: (counter, n = 1) => {
        this.counters[counter] = (this.counters[counter] ?? 0) + n;
      },
      log: this.log,
      clock: this.clock,
      ticker: new Ticker(this.clock),
      signal: this.abort.signal,
    };
  }

  /** Starts and waits until the promise is settled or nothing moves any more. */
  async start(): Promise<this> {
    this.started = this.leg.start(this.ctx);
    this.started.catch((error: unknown) => {
      this.startError = error;
    });
    await this.settle();
    return this;
  }

  /** Lets promise callbacks run; no time passes. */
  async settle(): Promise<void> {
    for (let i = 0; i < 60; i++) await Promise.resolve();
  }

  async after(ms: number): Promise<void> {
    await this.clock.advanceAsync(ms, Math.max(10, ms / 200));
    await this.settle();
  }

  /** The server says these, in this order, on the latest connection. */
  says(...events: Array<object | string>): void {
    for (const event of events) this.model.last.says(event);
  }

  /** The caller hears so much of an item, ms. */
  heard(responseId: string, itemId: string, heardMs = 100): void {
    this.leg.heard({ responseId, itemId, contentIndex: 0, heardMs, writtenMs: heardMs });
  }

  /** A response that says `ms` of sound and is done. */
  answers(responseId: string, itemId: string, ms = 100, status = 'completed', more: object = {}): void {
    this.says(says.created(responseId), says.message(responseId, itemId), says.delta(responseId, itemId, ulaw(ms)));
    this.says(says.audioDone(responseId, itemId), says.done(responseId, status, more));
  }

  of<T extends AgentEvent['type']>(type: T): Array<Extract<AgentEvent, { type: T }>> {
    return this.events.filter((event): event is Extract<AgentEvent, { type: T }> => event.type === type);
  }

  get types(): string[] {
    return this.events.map((event) => event.type);
  }

  /** Types of what the leg sent on the latest connection after its set-up. */
  get sent(): string[] {
    return this.model.last.types.slice(1);
  }

  get end(): Termination | undefined {
    return this.of('ended')[0]?.end;
  }
}

/** A started leg. */
export function run(options: Partial<OpenAiAgentOptions> = {}): Promise<Run> {
  return new Run(options).start();
}
