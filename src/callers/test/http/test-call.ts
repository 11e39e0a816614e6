import type { Calls } from '../../../call/calls.ts';
import type { Clock, Timer } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { WITHHELD } from '../../../call/party.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import type { Dispatch, Overrides } from '../../../dispatch.ts';
import { needsRole, OWN_ADDRESS } from '../../../http/admin.ts';
import { answerOf } from '../../../http/api-error.ts';
import { noMoreCalls } from '../../../http/no-more-calls.ts';
import type { Operator } from '../../../http/operators.ts';
import type { Arrival, Intake, MadeCall } from '../../../intake/intake.ts';
import { Effects } from '../../../media/effects/chain.ts';
import { MessageLimit } from '../../../transport/message-limit.ts';
import { CLOSE, type Socket } from '../../../transport/socket.ts';
import { External } from '../external.ts';
import { TEST_RATE } from '../kind.ts';
import { TestLeg } from '../leg.ts';
import {
  MAX_MESSAGE,
  parseTestAgentMessage,
  type StartMessage,
  type TestAgentError,
  type TestAgentWord,
} from '../messages.ts';

export interface TestCallDeps {
  readonly intake: Pick<Intake, 'admit'>;
  readonly calls: Pick<Calls, 'join'>;
  readonly dispatch: Pick<Dispatch, 'readAgent' | 'saysAddress' | 'hasPrompt'>;
  /** Whose socket it is. */
  readonly operator: Operator;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** A reader that lets more lie than this is let go, bytes. */
  readonly bufferBytes: number;
  /** From now on events of this call are its own; and no more. */
  readonly watch: (callId: string, test: TestCall) => void;
  readonly forget: (test: TestCall, callId: string | undefined) => void;
}

/** How long the first message may take, ms. */
const START_MS = 10_000;
/** Level of speech that effects are measured against: nobody knows a stranger's, dBFS. */
const SPEECH_DBFS = -20;
/** Binary messages that cannot be audio, after which their sender is none of ours. */
const MOST_INVALID = 50;

/** One socket of a test agent, and its call: from the first message until all of it is freed. */
export class TestCall {
  readonly #deps: TestCallDeps;
  readonly #socket: Pick<Socket, 'send' | 'sendBinary' | 'close' | 'bufferedBytes'>;
  readonly #limit = new MessageLimit(MAX_MESSAGE);
  readonly #late: Timer;
  #invalid = 0;
  #arrival: Arrival | undefined;
  #external: External | undefined;
  #leg: TestLeg | undefined;
  #call: MadeCall | undefined;
  #begun = false;
  #over = false;

  constructor(socket: Pick<Socket, 'send' | 'sendBinary' | 'close' | 'bufferedBytes'>, deps: TestCallDeps) {
    this.#deps = deps;
    this.#socket = socket;
    this.#late = deps.clock.after(START_MS, () =>
      this.#refuse({ code: 'START_LATE', message: `no start within ${START_MS} ms` }),
    );
  }

  text(json: string): void {
    if (this.#over || !this.#admits(json.length)) return;
    const parsed = parseTestAgentMessage(json);
    if (!parsed.ok) {
      this.#leg?.count('message_malformed');
      this.#wrong(parsed.error);
      return;
    }
    const { message } = parsed;
    if (message.type === 'start') {
      if (this.#begun) this.#wrong({ code: 'MESSAGE_INVALID', message: 'a socket has one call' });
      else void this.#start(message);
      return;
    }
    if (message.type === 'hangup' && this.#begun) {
      // Also of a call that is only being made.
      void this.end(termination('caller-hangup'));
      return;
    }
    const external = this.#external;
    if (external === undefined || message.type === 'hangup') {
      this.#wrong({ code: 'CALL_NOT_STARTED', message: 'the first message must be a start' });
      return;
    }
    switch (message.type) {
      case 'clear':
        external.clear();
        return;
      case 'keys':
        external.press(message.digits);
        return;
      default:
        message satisfies never;
    }
  }

  binary(bytes: Uint8Array): void {
    if (this.#over) return;
    if (this.#external === undefined) {
      this.#wrong({ code: 'CALL_NOT_STARTED', message: 'the first message must be a start' });
      return;
    }
    const taken = this.#external.say(bytes);
    if (taken === 'taken') return;
    this.#leg?.count(taken === 'odd' ? 'message_malformed' : 'message_flood');
    if (++this.#invalid > MOST_INVALID) {
      const odd = taken === 'odd';
      this.end(termination(odd ? 'media-malformed' : 'media-flood', 'a test agent sends audio that cannot be taken'));
      return;
    }
    this.#wrong(
      taken === 'odd'
        ? { code: 'AUDIO_INVALID', message: 'a binary message is PCM16: an even number of bytes' }
        : { code: 'AUDIO_TOO_MUCH', message: 'too much audio waits to be heard already; this is dropped' },
    );
  }

  /** Tells an event of the call. `transient`: it may be left out when the reader does not keep up. */
  tell(json: string, transient: boolean): void {
    if (this.#over || (transient && this.#socket.bufferedBytes > this.#deps.bufferBytes / 16)) return;
    this.#socket.send(json);
    this.#lookAtBacklog();
  }

  /** The socket is gone: hung up where it was closed in order. */
  closed(code: number): void {
    const inOrder = code === CLOSE.normal || code === CLOSE.goingAway;
    this.end(inOrder ? termination('caller-hangup') : termination('media-lost', 'the socket of the test agent broke'));
  }

  /** Ends the call, however far it has come; the first reason wins. Resolves when it is over. */
  async end(end: Termination): Promise<void> {
    if (!this.#over && this.#call === undefined) this.#finish(end);
    await this.#call?.end(end);
  }

  async #start(start: StartMessage): Promise<void> {
    this.#begun = true;
    this.#late.cancel();
    try {
      await this.#place(start);
    } catch (error) {
      const { status, error: told } = answerOf(error);
      if (status >= 500 && told.code === 'INTERNAL')
        this.#deps.log.warn({ err: error }, 'a call of a test agent could not be made');
      this.#refuse(told);
    }
  }

  async #place({ rate, agent, prompt, variables, effects, seed }: StartMessage): Promise<void> {
    const { intake, dispatch, calls, watch, operator } = this.#deps;
    if (dispatch.saysAddress(agent)) needsRole(operator, 'admin', OWN_ADDRESS);
    const admitted = intake.admit();
    if (!admitted.ok) throw noMoreCalls(admitted.reason);
    const { arrival } = admitted;
    this.#arrival = arrival;
    const overrides: Overrides = { prompt, variables };
    if (prompt !== undefined && !(await dispatch.hasPrompt(prompt)))
      return this.#refuse({ code: 'PROMPT_UNKNOWN', message: 'there is no prompt of this name' });
    const target = agent === undefined ? undefined : await dispatch.readAgent(agent);
    if (target?.ok === false) {
      const told = target.problems.map(({ path, problem }) => ['agent', ...path].join('.').concat(': ', problem));
      return this.#refuse({ code: 'AGENT_UNKNOWN', message: told.join('; ') });
    }
    const facts = { carrier: 'test', from: WITHHELD, to: undefined, direction: 'inbound' } as const;
    const assigned = await arrival.assign(facts, { ...overrides, agent: target?.target });
    if (this.#over) return;
    // Told before the call is made, which begins with its first event.
    watch(arrival.id, this);
    const begun = assigned.begin({ callerKind: WITHHELD.kind }, { message: 'a test agent calls', fields: {} });
    if (!begun.ok) throw noMoreCalls(begun.reason);
    this.#call = begun.call;
    void begun.call.done.then((end) => this.#finish(end));
    this.#external = new External(rate, {
      audio: (bytes) => {
        this.#socket.sendBinary(bytes);
        this.#lookAtBacklog();
      },
      cleared: () => this.#say({ type: 'clear' }),
      over: () => {},
    });
    this.#leg = new TestLeg({
      party: this.#external,
      effects: new Effects(effects ?? {}, { sampleRate: TEST_RATE, seed, speechDbfs: SPEECH_DBFS }),
    });
    this.#say({ type: 'started', id: arrival.id, rate });
    if (!calls.join(arrival.id, this.#leg)) void begun.call.end(termination('no-stream'));
  }

  /** The call is over, or never was. */
  #finish(end: Termination): void {
    if (this.#over) return;
    this.#late.cancel();
    if (this.#begun) this.#say({ type: 'ended', result: end.result, reason: end.reason });
    this.#over = true;
    this.#socket.close(CLOSE.normal, 'the call is over');
    this.#free();
  }

  /** There is no call, and will be none. */
  #refuse(error: { readonly code: string; readonly message: string }): void {
    if (this.#over) return;
    this.#say({ type: 'error', code: error.code, message: error.message });
    this.#over = true;
    this.#late.cancel();
    this.#socket.close(CLOSE.policy, error.code);
    this.#free();
  }

  #free(): void {
    this.#arrival?.free();
    this.#deps.forget(this, this.#arrival?.id);
  }

  #lookAtBacklog(): void {
    if (this.#socket.bufferedBytes <= this.#deps.bufferBytes) return;
    void this.end(termination('media-backpressure', 'the test agent reads too slowly'));
  }

  #say(word: TestAgentWord): void {
    this.#socket.send(JSON.stringify(word));
  }

  /** Something could not be taken: before there is a call that is the end, within one it is told. */
  #wrong(error: TestAgentError): void {
    if (this.#begun) this.#say({ type: 'error', ...error });
    else this.#refuse(error);
  }

  #admits(characters: number): boolean {
    const admitted = this.#limit.admit(this.#deps.clock.now(), characters);
    if (admitted === 'taken') return true;
    this.#leg?.count('message_flood');
    if (admitted === 'flood') void this.end(termination('media-flood', 'a test agent sends messages without end'));
    else if (this.#limit.firstRefusal)
      this.#wrong({ code: 'MESSAGE_FLOOD', message: 'too many messages in a short time' });
    return false;
  }
}
