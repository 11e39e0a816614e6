import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, delay } from '../call/clock.ts';
import type { ReportToolCall } from './report/types.ts';
import { otherUses } from './same-use.ts';
import type { MockTool } from './schema.ts';

/**
 * The tools of a run's targets, as the webhook that their provider asks: each answers what the suite says, and what it was asked with is kept. A
 * request is known by the run's token in its path, and is some case's by the provider's id of the call in its body.
 */

/** Requests that are kept of a run. */
const MOST_CALLS = 10_000;
const MOST_CHARACTERS = 20_000;

export interface ToolRequest {
  readonly token: string;
  readonly name: string;
  /** The body, where it was JSON. */
  readonly body: unknown;
}

export interface ToolAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** In place of an answer: several runs have such a tool, and which of them is meant nobody knows. */
export const AMBIGUOUS = 'ambiguous';

/** What is asked for in a case's call. */
export interface AskedTools {
  /** So far, without what the call told of itself. */
  readonly calls: readonly ReportToolCall[];
  /** The call is over: from now on it is asked for in it only by its id. */
  over(): void;
  /** Nothing gathers any more. */
  end(): void;
}

/** A case's call, as far as a request can be found to be of it. */
export interface ToolsCall {
  /** The provider's id of it; undefined while it is not known. */
  readonly callId: () => string | undefined;
  /** This daemon's id of it, by which its own agent's tools name it. */
  readonly ownId?: () => string | undefined;
  /** When media could flow, as the clock has it: 0 of the case's tape. */
  readonly startedAt?: () => number | undefined;
  /** What the call itself told of, by the id of each use. */
  readonly told?: () => ReadonlyMap<string, ReportToolCall>;
}

interface Asked {
  readonly id: string | undefined;
  readonly call: ReportToolCall;
}

interface Running extends ToolsCall {
  /** What was asked for, by its id where it has one: providers ask again what was not answered in time. */
  readonly asked: Asked[];
}

/** Takes as long whatever is wrong with what is given. */
export function isSameToken(given: string, own: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(own)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export class MockTools {
  /** In the path of every request. */
  readonly token: string;
  /** Requests that were of no case that runs. */
  readonly unclaimed: ReportToolCall[] = [];
  readonly #clock: Clock;
  readonly #tools: Readonly<Record<string, MockTool>>;
  readonly #running = new Set<Running>();
  /** Of those whose calls are over what still gathers. */
  readonly #late = new Set<Running>();
  /** Ids of calls that are over: what is asked for in them late is no other case's. */
  readonly #past = new Set<string>();
  #kept = 0;

  constructor(tools: Readonly<Record<string, MockTool>>, clock: Clock, token = randomBytes(18).toString('base64url')) {
    this.#tools = tools;
    this.#clock = clock;
    this.token = token;
  }

  /** Whether a token is this run's. */
  knows(token: string): boolean {
    return isSameToken(token, this.token);
  }

  /** Whether a call of the run is named in it: one that is over is the run's, too, and what is asked for in it is no other's. */
  isNamedIn(body: unknown): boolean {
    return this.#named(body) !== undefined || this.#isLate(body);
  }

  /** Whether it may be of a call here although none is named that runs: where it names none, or one whose id is not known yet. */
  mayHave({ body }: ToolRequest): boolean {
    return callIdsIn(body).length === 0 || [...this.#running].some(({ callId }) => callId() === undefined);
  }

  /** Keeps what was asked for as no case's. */
  disclaim({ name, body }: ToolRequest): void {
    for (const call of callsIn(name, body)) this.#note(call, undefined);
  }

  /** Whether the suite has what is asked for. */
  has({ name, body }: ToolRequest): boolean {
    return callsIn(name, body).some((call) => Object.hasOwn(this.#tools, call.name));
  }

  /** A case's call begins; what is asked for in it gathers in what is returned until `end`. What the call told of itself is not in it. */
  begin(call: ToolsCall): AskedTools {
    const running: Running = { ...call, asked: [] };
    this.#running.add(running);
    const over = () => {
      if (this.#running.delete(running)) this.#late.add(running);
    };
    const end = () => {
      this.#running.delete(running);
      this.#late.delete(running);
      for (const id of idsOf(call)) this.#past.add(id);
    };
    return {
      get calls() {
        return notTold(running.asked, call.told?.() ?? new Map());
      },
      over,
      end,
    };
  }

  /** Answers one request; undefined where there is no such tool. */
  async answer({ name, body }: ToolRequest): Promise<ToolAnswer | undefined> {
    const calls = callsIn(name, body);
    const owner = this.#ownerOf(body);
    for (const call of calls) this.#note(call, owner);
    const found = calls.map((call) => ({
      ...call,
      tool: Object.hasOwn(this.#tools, call.name) ? this.#tools[call.name] : undefined,
    }));
    const first = found[0]?.tool;
    if (first === undefined) return undefined;
    await delay(this.#clock, first.delay_ms);
    // Several calls in one request are answered together, each by its id.
    if (found.some(({ id }) => id !== undefined))
      return {
        status: first.status,
        body: { results: found.map(({ id, tool }) => ({ toolCallId: id, result: textOf(tool?.result) })) },
      };
    return { status: first.status, body: first.result ?? null };
  }

  #note({ name, arguments: given, id }: AskedFor, owner: Running | undefined): void {
    if (this.#kept >= MOST_CALLS || (id !== undefined && owner?.asked.some((one) => one.id === id))) return;
    this.#kept++;
    const kept = JSON.stringify(given ?? null).length > MOST_CHARACTERS ? null : given;
    const call: ReportToolCall = {
      name,
      arguments: kept,
      by: 'webhook',
      ...(owner === undefined ? {} : { atMs: this.#since(owner) }),
    };
    if (owner === undefined) this.unclaimed.push(call);
    else owner.asked.push({ id, call });
  }

  #since({ startedAt }: Running): number {
    const now = this.#clock.now();
    return Math.round(now - (startedAt?.() ?? now));
  }

  /** The case whose call the body names; where it names none, or one that may be the only one that runs, whose id is not known yet, that one. */
  #ownerOf(body: unknown): Running | undefined {
    const named = this.#named(body);
    const [only] = this.#running;
    if (named !== undefined || only === undefined || this.#running.size !== 1) return named;
    const ids = callIdsIn(body);
    const mayBeIts = only.callId() === undefined && !this.#isLate(body);
    return ids.length === 0 || mayBeIts ? only : undefined;
  }

  /** Of the calls that run, or whose requests still gather. */
  #named(body: unknown): Running | undefined {
    const ids = new Set(callIdsIn(body));
    return [...this.#running, ...this.#late].find((call) => idsOf(call).some((id) => ids.has(id)));
  }

  /** Whether a call is named in it for which nothing gathers any more. */
  #isLate(body: unknown): boolean {
    return callIdsIn(body).some((id) => this.#past.has(id));
  }
}

const idsOf = ({ callId, ownId }: ToolsCall): string[] =>
  [callId(), ownId?.()].filter((id): id is string => id !== undefined);

/** What the call did not tell of: seen by its id, and where it has none by what it is. */
function notTold(asked: readonly Asked[], told: ReadonlyMap<string, ReportToolCall>): ReportToolCall[] {
  const seen = new Set(asked.flatMap(({ id }) => (id !== undefined && told.has(id) ? [id] : [])));
  const unseen = [...told].filter(([id]) => !seen.has(id)).map(([, call]) => call);
  const nameless = asked.flatMap(({ id, call }) => (id === undefined ? [call] : []));
  const others = new Set(otherUses(nameless, unseen));
  return asked.filter(({ id, call }) => (id === undefined ? others.has(call) : !seen.has(id))).map(({ call }) => call);
}

type Json = Readonly<Record<string, unknown>>;
const objectOf = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

/** Ids of calls where the bodies of providers have them: in `call`, in `message.call`, or at the top. */
function callIdsIn(body: unknown): string[] {
  const top = objectOf(body);
  const call = objectOf(top?.['call']);
  const inMessage = objectOf(objectOf(top?.['message'])?.['call']);
  return [call?.['call_id'], call?.['id'], inMessage?.['id'], top?.['call_id'], top?.['conversation_id']].filter(
    (id): id is string => typeof id === 'string' && id !== '',
  );
}

/** Whether a body says of which call it is. */
export const namesCall = (body: unknown): boolean => callIdsIn(body).length > 0;

interface AskedFor {
  readonly name: string;
  readonly arguments: unknown;
  readonly id?: string;
}

/** What of a body is a tool's arguments: `args` beside a name, a list of calls in `message.toolCallList`, else the body itself. */
function callsIn(name: string, body: unknown): AskedFor[] {
  const top = objectOf(body);
  const list = objectOf(top?.['message'])?.['toolCallList'];
  if (Array.isArray(list))
    return list.flatMap((one) => {
      const call = objectOf(one) ?? {};
      const given = objectOf(call['function']) ?? call;
      const { id } = call;
      const own = typeof given['name'] === 'string' ? given['name'] : name;
      return typeof id === 'string' ? [{ name: own, arguments: jsonOf(given['arguments']), id }] : [];
    });
  const isWrapped = top !== undefined && 'args' in top && ('name' in top || 'call' in top);
  return [{ name, arguments: isWrapped ? top['args'] : body }];
}

function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const textOf = (result: unknown) => (typeof result === 'string' ? result : JSON.stringify(result ?? null));
