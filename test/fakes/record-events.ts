import type { CallEvent } from '../../src/call/events.ts';
import type { CallInfo } from '../../src/call/info.ts';
import { termination } from '../../src/call/termination.ts';
import type { PriceList } from '../../src/records/costs.ts';
import { EventIds, type RecordedEvent } from '../../src/records/event.ts';
import { RecordStream } from '../../src/records/stream.ts';

/** Tells what calls would tell and keeps the records that are made of it. */
export class Telling {
  readonly told: RecordedEvent[] = [];
  readonly #stream: RecordStream;
  #now: number;

  constructor(instance = 'aaaaaa', startAt = 1_700_000_000_000) {
    this.#now = startAt;
    this.#stream = new RecordStream({
      clock: { now: () => this.#now, wall: () => this.#now },
      ids: new EventIds(() => this.#now, instance),
      sinks: [{ onRecord: (event) => void this.told.push(event) }],
      failed: (error) => {
        throw error;
      },
    });
  }

  /** Tells events of a call, `ms` apart; gives their records. */
  tell(callId: string, events: readonly CallEvent[], ms = 100): RecordedEvent[] {
    const from = this.told.length;
    for (const event of events) {
      this.#stream.onEvent(callId, event);
      this.#now += ms;
    }
    return this.told.slice(from);
  }

  wait(ms: number): void {
    this.#now += ms;
  }

  start(id: string, info: Partial<CallInfo> = {}): RecordedEvent[] {
    const whole: CallInfo = {
      id,
      direction: 'inbound',
      carrier: 'twilio',
      carrierCallId: `CA${id}`,
      from: '+12025550143',
      to: '+12025550199',
      route: 'main',
      prompt: 'default',
      model: 'gpt-realtime-2.1',
      ...info,
    };
    return this.tell(id, [
      { type: 'call_started', at: this.#now, direction: whole.direction, info: whole },
      { type: 'caller_joined', kind: 'twilio', again: false },
      { type: 'agent', event: { type: 'ready', transport: 'webrtc', pace: 'live', sessionId: 's', resumed: false } },
    ]);
  }

  /** A turn of the caller and the agent's answer. */
  turn(id: string, caller: string, agent: string): RecordedEvent[] {
    const said = (role: 'caller' | 'agent', text: string, final: boolean): CallEvent => ({
      type: 'agent',
      event: { type: 'transcript', role, itemId: `${role}-${text.length}`, text, final },
    });
    return this.tell(id, [
      { type: 'agent', event: { type: 'speech_stopped' } },
      said('caller', caller, true),
      said('agent', agent.slice(0, 3), false),
      said('agent', agent, true),
      {
        type: 'agent',
        event: {
          type: 'response_done',
          responseId: 'r',
          status: 'completed',
          usage: {
            inputTextTokens: 1_000,
            inputAudioTokens: 100,
            cachedTokens: 500,
            cachedAudioTokens: 0,
            outputTextTokens: 50,
            outputAudioTokens: 200,
          },
        },
      },
    ]);
  }

  /** Answers that the caller heard so many ms after his last word. */
  answers(id: string, ...waits: readonly number[]): RecordedEvent[] {
    return this.tell(
      id,
      waits.map((ms, index) => ({
        type: 'turn',
        index,
        callerStoppedMs: 1_000,
        detectedMs: 1_100,
        firstAudioMs: 1_000 + ms,
        heardMs: 1_000 + ms,
      })),
    );
  }

  /** A tool that was asked for and run. */
  tool(id: string, name: string): RecordedEvent[] {
    return this.tell(id, [
      { type: 'agent', event: { type: 'tool_call', toolCallId: 't', name, arguments: '{}', responseId: 'r' } },
      { type: 'tool', event: { type: 'tool_started', name, toolCallId: 't' } },
    ]);
  }

  end(id: string, reason: Parameters<typeof termination>[0] = 'caller-hangup', durationMs = 5_000): RecordedEvent[] {
    return this.tell(id, [
      { type: 'call_ended', end: termination(reason), durationMs, counters: { frames_in: 250, barge_in: 1 } },
    ]);
  }
}

/** What one `turn` costs by `PRICES`. */
export const TURN_COST = (500 * 4 + 500 * 0.4 + 100 * 32 + 50 * 24 + 200 * 64) / 1_000_000;

export const PRICES: PriceList = {
  currency: 'USD',
  per: 1_000_000,
  models: {
    'gpt-realtime-2.1': {
      text: { input: 4, cached: 0.4, output: 24 },
      audio: { input: 32, cached: 0.4, output: 64 },
    },
    'by-the-minute': { minute: 0.6 },
  },
};
