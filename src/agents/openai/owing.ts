import type { Clock, Timer } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { AnswerDelay } from '../../call/events.ts';
import type { Log } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { classifyModelCode } from '../common/http.ts';
import type { Answers, Outcome, Unheard } from './answers.ts';
import { AnswerDebt } from './debt.ts';
import { responseFailure, type WireResponse } from './event-mapping.ts';
import { responseCancel } from './messages.ts';
import type { ResolvedOptions } from './options.ts';
import { continuePrompt, exactPrompt, regretPrompt, sorryPrompt } from './prompts.ts';
import { resetMsOf, retryAfterOf } from './retry-after.ts';
import { isBeta } from './session.ts';
import type { Must, ResponseParams, ResponseSequencer } from './turns.ts';

export interface OwingDeps {
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  readonly count: Count;
  readonly options: ResolvedOptions;
  readonly answers: Answers;
  readonly sequencer: ResponseSequencer;
  send(json: string): boolean;
  /** Whether audio of this response came that is not silence. */
  sounded(responseId: string): boolean;
  /** Whether all audio that there is has come when a response is done; else it is still to be played by the server. */
  comesAhead(): boolean;
  /** Nobody heard this item: nothing of it was said. */
  unsay(itemId: string): void;
  /** The words of an item that were, or will be, heard. */
  said(itemId: string): string;
  /** The caller is kept waiting. */
  delayed(waitedMs: number, why: AnswerDelay): void;
  /** The response will tell no end of its own: its tools have all been called. */
  abandoned(responseId: string): void;
  end(end: Termination): void;
}

/** A response that is asked for, once more or for the first time. */
interface Asked {
  readonly params: ResponseParams;
  readonly must: Must;
}

/** After so many tries that came to nothing the agent is given up. */
const MOST_TRIES = 3;
/** A response failed for no stated time: asked again after this, times the number of tries, ms; longer where a limit is used up. */
const FAILED_MS = 700;
const LIMITED_MS = 2_000;
/** The server cut a response off and said why neither by an event nor otherwise: what caused it may still be on its way, ms. */
const CUT_MS = 300;
/** An answer that nobody heard is asked for again after a moment, in which the server may do so itself, ms. */
const UNHEARD_MS = 250;
const CUT_BY_SPEECH_MS = 1_500;
/** A time that the server gives is rounded: a little more keeps us from asking just too early, ms. */
const MARGIN_MS = 100;
const MAX_KNOWN = 64;

/** Sees to it that what is owed to the caller (`AnswerDebt`) is asked for again, told in words, or given up. */
export class Owing {
  readonly #deps: OwingDeps;
  readonly #debt: AnswerDebt;
  /** What each response was asked for with. */
  readonly #askedFor = new Map<string, Asked>();
  #timer: Timer | undefined;
  #rest: { readonly asked: Asked; readonly limited: boolean; readonly n: number; timer: Timer } | undefined;
  #limitedUntil = 0;
  #lastFailure: Termination | undefined;

  constructor(deps: OwingDeps) {
    this.#deps = deps;
    const { coverMs, silentRetryMs: askMs, slowRetryMs: retryMs, unheardMs, silentEndMs: endMs } = deps.options.limits;
    this.#debt = new AnswerDebt({ coverMs, askMs, retryMs, unheardMs, endMs });
  }

  /** Whether the caller waits for an answer. */
  get waitedFor(): boolean {
    return this.#debt.owed;
  }

  /** Whether anything is on its way, or about to be asked for. */
  get open(): boolean {
    return this.#debt.owed || this.#rest !== undefined;
  }

  /** A create was sent. */
  requested(): void {
    this.#debt.owe(this.#now);
    this.#arm();
  }

  callerSpeaks(): void {
    this.#rested();
    this.#debt.callerSpeaks();
    this.#arm();
  }

  /** `quietMs`: how long ago the caller fell silent, as far as that is known. */
  callerStopped(answered: boolean, quietMs = 0): void {
    this.#debt.callerStopped(this.#now, answered, quietMs);
    this.#settled();
    this.#arm();
  }

  /** The caller, or whoever operates the call, cut in. */
  interrupted(): void {
    this.#rested();
    this.#debt.settle();
    this.#arm();
  }

  /** A response began and is to be heard. */
  created(responseId: string): void {
    const { activeParams: params, activeMust: must } = this.#deps.sequencer;
    this.#askedFor.set(responseId, { params, must });
    if (this.#askedFor.size > MAX_KNOWN) this.#askedFor.delete(this.#askedFor.keys().next().value!);
    this.#rested();
    this.#debt.begun(responseId, this.#now);
    this.#arm();
  }

  /** A tool runs. Told after its response was taken for one that came to nothing, it is what that came to. */
  called(): void {
    const late = this.#rest !== undefined;
    this.#rested();
    if (late) this.#debt.toolRuns();
    this.#arm();
  }

  /** Another response runs over this one. */
  superseded(responseId: string): void {
    this.#debt.drop(responseId, this.#now);
  }

  progress(): void {
    this.#debt.progress(this.#now);
  }

  /** The caller hears so much of an item of this response. */
  heard(responseId: string, heardMs: number): void {
    if (heardMs <= 0) return;
    if (!this.#deps.sounded(responseId)) return;
    this.#debt.heard(responseId, this.#now);
    this.#settled();
  }

  /** A response is over, and nothing else may begin before this returns. False when the conversation is over, too. */
  over(response: WireResponse): boolean {
    const { answers, sounded, comesAhead, unsay } = this.#deps;
    const failure = responseFailure(response);
    const { id } = response;
    if (failure?.final) {
      this.#deps.end(failure.end);
      return false;
    }
    const outcome = answers.judge(response, sounded(id), comesAhead());
    if (outcome.kind === 'unheard') for (const itemId of answers.items(id)) unsay(itemId);
    if (!this.#debt.has(id)) {
      this.#cutUnsaid(response);
      return true;
    }
    this.#lastFailure = failure?.end;
    if (outcome.kind === 'called') {
      this.#debt.toolRuns();
    } else if (outcome.kind === 'said') {
      this.#debt.over(id, this.#now);
      this.#settled();
    } else if (!this.#debt.owed) {
      this.#debt.drop(id, this.#now);
      this.#cutUnsaid(response);
    } else {
      return this.#failed(id, outcome, response, failure?.end);
    }
    this.#arm();
    return true;
  }

  /**
   * A create of ours was refused, and not for what it asks for: it is asked again. A wrong create is not, and what it was to answer is asked for
   * plainly when nothing else answers it.
   */
  refused(code: string, message: string, asked: Asked): void {
    const classified = classifyModelCode(code);
    if (!this.#debt.owed || (classified !== 'MODEL_RATE_LIMITED' && classified !== 'MODEL_UNAVAILABLE')) return;
    const response = { status_details: { error: { code, message } } };
    const end = termination(
      classified === 'MODEL_RATE_LIMITED' ? 'model-rate-limited' : 'model-unavailable',
      `an answer was refused with ${code}`,
    );
    this.#lastFailure = end;
    this.#failed(undefined, { kind: 'unheard', why: 'failed', text: '' }, response, end, asked);
  }

  /** What is left of the account's limits. */
  limits(limits: Parameters<typeof resetMsOf>[0]): void {
    this.#limitedUntil = this.#now + resetMsOf(limits);
    const rest = this.#rest;
    const waitMs = this.#limitedUntil - this.#now;
    if (rest?.limited !== true || waitMs <= 0) return;
    if (waitMs > this.#debt.leftMs(this.#now)) this.#giveUp(this.#lastFailure);
    else this.#wait(rest.asked, waitMs, true, rest.n);
  }

  /** The session is lost. Returns what was about to be asked for again. */
  lost(calledTools: boolean): Asked | undefined {
    const asked = this.#rest?.asked;
    this.#rest?.timer.cancel();
    this.#rest = undefined;
    if (calledTools) this.#debt.toolRuns();
    this.#debt.lost(this.#now);
    this.#arm();
    return asked;
  }

  /** Whether somebody is on the line to be owed anything. */
  listened(there: boolean): void {
    if (!there) this.#rested();
    this.#debt.listened(there, this.#now);
    this.#arm();
  }

  dispose(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#rest?.timer.cancel();
    this.#rest = undefined;
    this.#debt.settle();
  }

  get #now(): number {
    return this.#deps.clock.now();
  }

  /** A response, or the asking for one, came to nothing for the caller. False when that was the last try. */
  #failed(
    id: string | undefined,
    outcome: Extract<Outcome, { kind: 'partly' | 'unheard' }>,
    response: Pick<WireResponse, 'status_details'>,
    end: Termination | undefined,
    before = this.#before(id),
  ): boolean {
    const { log, count } = this.#deps;
    const n = this.#debt.failed(id);
    const { why } = outcome;
    const reason = response.status_details?.error?.code ?? response.status_details?.reason;
    count('answer_unheard');
    count(COUNTER[why]);
    log.warn({ why, reason, partly: outcome.kind === 'partly', tries: n }, 'an answer was not heard');
    if (n >= MOST_TRIES) return this.#giveUp(end);
    const waitMs = this.#waitMs(why, response, n);
    if (waitMs.ms > this.#debt.leftMs(this.#now)) return this.#giveUp(end);
    count('model_retry');
    this.#wait(this.#next(before, outcome, reason, n), waitMs.ms, waitMs.limited, n);
    this.#arm();
    return true;
  }

  /** What is asked for after a try that came to nothing. */
  #next(before: Asked, outcome: Outcome, reason: string | undefined, n: number): Asked {
    const { options, said } = this.#deps;
    const { instructions } = options;
    const { must } = before;
    if (outcome.kind === 'partly') {
      const words = said(outcome.itemId);
      const prompt = reason === 'content_filter' ? regretPrompt(instructions) : continuePrompt(instructions, words);
      return words === '' ? before : { params: { instructions: prompt }, must };
    }
    const why = outcome.kind === 'unheard' ? outcome.why : 'not-played';
    if (why === 'failed' || why === 'slow') return before;
    if (n > 1) return { params: this.#aloud(sorryPrompt(instructions)), must };
    if (outcome.kind === 'unheard' && outcome.text !== '') {
      return { params: this.#aloud(exactPrompt(instructions, outcome.text)), must };
    }
    return before;
  }

  /** One answer that is to be speech, and nothing else. */
  #aloud(instructions: string): ResponseParams {
    const modalities = isBeta(this.#deps.options)
      ? { modalities: ['audio', 'text'] }
      : { output_modalities: ['audio'] };
    return { instructions, tool_choice: 'none', ...modalities };
  }

  #waitMs(why: Unheard, { status_details: details }: Pick<WireResponse, 'status_details'>, n: number) {
    if (why === 'cancelled') {
      return { ms: details?.reason === 'turn_detected' ? CUT_BY_SPEECH_MS : CUT_MS, limited: false };
    }
    if (why === 'slow') return { ms: 0, limited: false };
    if (why !== 'failed') return { ms: UNHEARD_MS, limited: false };
    const error = details?.error;
    const limited = classifyModelCode(error?.code, error?.type) === 'MODEL_RATE_LIMITED';
    if (!limited) return { ms: FAILED_MS * n, limited };
    const told =
      retryAfterOf(error?.message ?? '') ??
      (this.#limitedUntil > this.#now ? this.#limitedUntil - this.#now : undefined);
    if (told === undefined) return { ms: LIMITED_MS * n, limited: true };
    // The second time what it said did not hold: who believes "20ms" again and again has asked three times within the second.
    return { ms: Math.max(told + MARGIN_MS, n > 1 ? LIMITED_MS * n : 0), limited: false };
  }

  #wait(asked: Asked, ms: number, limited: boolean, n: number): void {
    this.#rest?.timer.cancel();
    this.#rest = undefined;
    if (ms <= 0) {
      this.#deps.sequencer.again(asked.params, asked.must);
      return;
    }
    const timer = this.#deps.clock.after(ms, () => {
      this.#rest = undefined;
      // It may not go at once: the caller's turn, or another response, is before it.
      this.#debt.owe(this.#now);
      this.#deps.sequencer.again(asked.params, asked.must);
      this.#arm();
    });
    this.#rest = { asked, limited, n, timer };
    if (ms > this.#deps.options.limits.coverMs && this.#deps.options.limits.coverMs > 0) {
      this.#delayed();
    }
  }

  /** The caller is kept waiting: by the model's limits where a try failed for them and the next one rests. */
  #delayed(): void {
    const limited = this.#rest !== undefined && this.#lastFailure?.reason === 'model-rate-limited';
    this.#deps.delayed(this.#debt.silentMs(this.#now), limited ? 'limits' : 'model');
  }

  /** Nothing is waited with any more; what must be said is said in its turn. */
  #rested(): void {
    const rest = this.#rest;
    rest?.timer.cancel();
    this.#rest = undefined;
    if (rest?.asked.must) this.#deps.sequencer.request(rest.asked.params, rest.asked.must);
  }

  /** What has to be said before any answer was cut off, and nobody can tell that by its words: there were none. */
  #cutUnsaid({ id, status }: WireResponse): void {
    const { answers, sequencer } = this.#deps;
    const { params, must } = this.#before(id);
    if (must === 'first' && status === 'cancelled' && !answers.spoke(id)) sequencer.request(params, must);
  }

  #settled(): void {
    if (this.#debt.owed) return;
    this.#rested();
    this.#deps.sequencer.answered();
  }

  #before(id: string | undefined): Asked {
    return (id === undefined ? undefined : this.#askedFor.get(id)) ?? { params: undefined, must: false };
  }

  #giveUp(end: Termination | undefined): false {
    const { silentEndMs } = this.#deps.options.limits;
    this.#deps.end(
      end ?? termination('model-silent', `the caller heard no answer, ${MOST_TRIES} tries within ${silentEndMs} ms`),
    );
    return false;
  }

  /** One timer at a time, for what is due first. Progress does not move it: when it fires it looks how things stand. */
  #arm(): void {
    this.#timer?.cancel();
    const at = this.#debt.dueAt;
    this.#timer = at === undefined ? undefined : this.#deps.clock.after(Math.max(0, at - this.#now), this.#onDue);
  }

  readonly #onDue = (): void => {
    this.#timer = undefined;
    const due = this.#debt.look(this.#now);
    if (due !== undefined) this.#do(due);
    if (due !== 'end') this.#arm();
  };

  #do(due: NonNullable<ReturnType<AnswerDebt['look']>>): void {
    const { sequencer, count, log, end } = this.#deps;
    const { active } = sequencer;
    switch (due) {
      case 'cover':
        this.#delayed();
        return;
      case 'ask':
        count('model_retry');
        log.warn({ active: active !== undefined }, 'the model is silent, asking again');
        sequencer.insist();
        return;
      case 'retry':
        if (active === undefined) sequencer.insist();
        else this.#stands(active);
        return;
      case 'unheard':
        this.#unplayed();
        return;
      case 'end': {
        const { silentEndMs } = this.#deps.options.limits;
        const silent = termination('model-silent', `the caller heard no answer within ${silentEndMs} ms`);
        end((this.#rest === undefined ? undefined : this.#lastFailure) ?? silent);
        return;
      }
      default:
        due satisfies never;
    }
  }

  /** A response runs and puts out nothing. */
  #stands(active: string): void {
    const { sequencer, answers, send, sounded, abandoned } = this.#deps;
    const spoke = sounded(active);
    const whole = spoke && answers.isWhole(active);
    send(responseCancel(active));
    sequencer.giveUp(active);
    if (answers.calledTools(active)) {
      this.#debt.toolRuns();
      abandoned(active);
    } else if (whole) {
      this.#debt.over(active, this.#now);
      this.#settled();
    } else {
      const [itemId = ''] = answers.items(active).slice(-1);
      const outcome: Outcome = spoke
        ? { kind: 'partly', itemId, why: 'slow' }
        : { kind: 'unheard', why: 'slow', text: '' };
      this.#failed(active, outcome, {}, undefined);
    }
  }

  /** What was said does not come out. */
  #unplayed(): void {
    const id = this.#debt.unplayed;
    if (id === undefined) {
      this.#debt.settle();
      return;
    }
    for (const itemId of this.#deps.answers.items(id)) this.#deps.unsay(itemId);
    this.#failed(id, { kind: 'unheard', why: 'not-played', text: '' }, {}, undefined);
  }
}

const COUNTER = {
  text: 'answer_text_only',
  empty: 'answer_empty',
  'no-audio': 'answer_no_audio',
  incomplete: 'answer_incomplete',
  failed: 'answer_failed',
  cancelled: 'answer_cancelled',
  'not-played': 'answer_not_played',
  slow: 'answer_slow',
} as const satisfies Record<Unheard, Parameters<Count>[0]>;
