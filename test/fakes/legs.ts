import type { AgentEvent, CallerEvent, Heard } from '../../src/call/events.ts';
import type { AgentLeg, CallerLeg, LegContext, Log, Pace, ToolResult } from '../../src/call/leg.ts';
import type { Termination } from '../../src/call/termination.ts';
import type { AudioSink, PcmFrame } from '../../src/media/frame.ts';

/** A log that keeps what it is told. */
export function fakeLog(): Log & { lines: Array<{ level: string; fields: object; message: string }> } {
  const lines: Array<{ level: string; fields: object; message: string }> = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  const log = {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  return log;
}

/** A sink that keeps what it heard. */
export class FakeSink implements AudioSink {
  readonly sampleRate: number;
  heard: number[] = [];
  cleared = 0;

  constructor(sampleRate = 8000) {
    this.sampleRate = sampleRate;
  }

  write(frame: PcmFrame): void {
    this.heard.push(...frame.samples);
  }

  clear(): void {
    this.cleared++;
    this.heard = [];
  }

  toString(): string {
    return 'fake';
  }
}

/** A caller's leg whose playing is told by hand. */
export class FakeCaller implements CallerLeg {
  readonly kind = 'fake';
  readonly rate: number;
  readonly audio: FakeSink;
  ctx: LegContext<CallerEvent> | undefined;
  closedWith: Termination[] = [];
  played = 0;
  /** When true everything written counts as played at once. */
  playsAtOnce = true;
  onHold = false;
  cushionMs: number | undefined;
  startError: Error | undefined;
  /** What the line says more of the agent's events. */
  onAgent = (event: AgentEvent): AgentEvent => event;

  constructor(rate = 8000) {
    this.rate = rate;
    this.audio = new FakeSink(rate);
  }

  readonly playout = {
    writtenMs: () => (this.audio.heard.length * 1000) / this.rate,
    playedMs: () => (this.playsAtOnce ? this.playout.writtenMs() : this.played),
  };

  async start(ctx: LegContext<CallerEvent>): Promise<void> {
    this.ctx = ctx;
    if (this.startError !== undefined) throw this.startError;
  }

  async close(end: Termination): Promise<void> {
    this.closedWith.push(end);
  }

  say(samples: number[]): void {
    this.ctx?.peer.write({ samples: new Int16Array(samples), sampleRate: this.rate });
  }
}

/** An agent's leg driven by hand that can do nothing but listen, speak and be interrupted. */
export class PlainAgent implements AgentLeg {
  readonly kind = 'fake-agent';
  readonly rate: number;
  readonly audio: FakeSink;
  ctx: LegContext<AgentEvent> | undefined;
  pace: Pace = 'burst';
  interruptions: Array<readonly Heard[]> = [];
  closedWith: Termination[] = [];
  startError: Error | undefined;
  /** Set to make close wait. */
  closeGate: Promise<void> | undefined;

  constructor(rate = 8000) {
    this.rate = rate;
    this.audio = new FakeSink(rate);
  }

  async start(ctx: LegContext<AgentEvent>): Promise<void> {
    this.ctx = ctx;
    if (this.startError !== undefined) throw this.startError;
  }

  async close(end: Termination): Promise<void> {
    this.closedWith.push(end);
    await this.closeGate;
  }

  emit(event: AgentEvent): void {
    if (event.type === 'ready') this.pace = event.pace;
    this.ctx?.emit(event);
  }

  /** Confirms the session. */
  ready(): void {
    this.emit({ type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 'sess_1', resumed: false });
  }

  /** Speaks one item of `ms` milliseconds at magnitude `level`. */
  speak(itemId: string, ms: number, { done = true, level = 1000 } = {}): void {
    this.emit({ type: 'audio_started', responseId: `resp_${itemId}`, itemId, contentIndex: 0 });
    this.ctx?.peer.write({ samples: new Int16Array((this.rate * ms) / 1000).fill(level), sampleRate: this.rate });
    if (done) this.emit({ type: 'audio_done', responseId: `resp_${itemId}`, itemId });
  }

  interrupt(heard: readonly Heard[]): void {
    this.interruptions.push(heard);
  }
}

/** An agent's leg driven by hand that can do everything. */
export class FakeAgent extends PlainAgent {
  readonly did: string[] = [];
  results: ToolResult[] = [];

  greet(): void {
    this.did.push('greet');
  }

  respond(instructions: string): void {
    this.did.push(`respond ${instructions}`);
  }

  hush(quiet: boolean): void {
    this.did.push(quiet ? 'hush' : 'unhush');
  }

  /** What it was told to be heard: item and ms. */
  readonly told: Array<[itemId: string, heardMs: number]> = [];
  there: boolean | undefined;
  waitedFor = false;

  heard({ itemId, heardMs }: Heard): void {
    this.told.push([itemId, heardMs]);
  }

  listened(there: boolean): void {
    this.there = there;
  }

  submitToolResult(result: ToolResult): void {
    this.results.push(result);
  }

  sendText(text: string): void {
    this.did.push(`text ${text}`);
  }

  note(text: string): void {
    this.did.push(`note ${text}`);
  }
}
