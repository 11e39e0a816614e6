import { type Party, partyNames } from '../call/party.ts';
import type { Words } from '../spoken.ts';
import { isWithin, type TimeWindow } from './schedule.ts';

/** Which agent answers: dialled number, caller and time decide; the first route that fits wins. Pure. */

/** What a route says of the agent that answers. */
export interface RoutedAgent {
  /** The kind that it chooses over its prompt; undefined: the prompt's. */
  readonly chosen: string | undefined;
  /** The kind that `options` are of: the one chosen, or that of the prompt when the routes were read. */
  readonly kind: string;
  /** By that kind's keys for routes; they stand over the prompt's. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Which agent of the kind: what an agent written as an object says, and then all that is said of it. Undefined: the prompt's. */
  readonly target?: Readonly<Record<string, unknown>> | undefined;
}

export interface Route {
  readonly name: string;
  /** Dialled numbers, `+1202*` for all that begin so; undefined: any. */
  readonly to: readonly string[] | undefined;
  /** Callers, in the same way, and identities such as `client:alice` or `whatsapp:US.1349…`; undefined: any. `withheld` stands for who withholds who it is, or is not known. */
  readonly from: readonly string[] | undefined;
  /** The route fits inside any of these; undefined: always. */
  readonly when: readonly TimeWindow[] | undefined;
  /** Undefined: its agent needs no words. */
  readonly prompt: string | undefined;
  /** Narrows the tools of the prompt; undefined: as the prompt has them. */
  readonly tools: readonly string[] | undefined;
  /** What it says of the agent. */
  readonly agent: RoutedAgent;
  /** What its callers are told where no agent can; what it leaves out is as the daemon is set. */
  readonly say?: Words | undefined;
}

export interface Routes {
  /** The zone of the time windows. */
  readonly timezone: string;
  readonly routes: readonly Route[];
}

/** A call that has to be routed. `now` is epoch ms. */
export interface Arrival {
  /** Our own number; undefined where none was dialled (a web page). */
  readonly to: Party | undefined;
  /** The person on the line. */
  readonly from: Party;
  readonly now: number;
}

export interface Routed {
  /** Name of the route, for the log. */
  readonly route: string;
  readonly prompt: string | undefined;
  readonly tools: readonly string[] | undefined;
  readonly agent: RoutedAgent;
  readonly say?: Words | undefined;
}

/** Whether a route fits a call, by each of the three that it goes by. */
export interface Considered {
  readonly route: string;
  readonly to: boolean;
  readonly from: boolean;
  readonly when: boolean;
}

function consider({ name, to, from, when }: Route, arrival: Arrival, timezone: string): Considered {
  return {
    route: name,
    to: fits(to, arrival.to),
    from: fits(from, arrival.from),
    when: when === undefined || when.some((window) => isWithin(window, arrival.now, timezone)),
  };
}

const isFit = ({ to, from, when }: Considered): boolean => to && from && when;

/** Each route that was looked at for a call, in order: the last of them is the one that takes it. */
export function explain({ routes, timezone }: Routes, arrival: Arrival): readonly Considered[] {
  const all = routes.map((route) => consider(route, arrival, timezone));
  const at = all.findIndex(isFit);
  return at < 0 ? all : all.slice(0, at + 1);
}

/** The first route that fits. There always is one: the last route takes everything. */
export function resolve({ routes, timezone }: Routes, arrival: Arrival): Routed {
  const found = routes.find((route) => isFit(consider(route, arrival, timezone))) ?? routes.at(-1)!;
  const { name, prompt, tools, agent, say } = found;
  return { route: name, prompt, tools, agent, ...(say === undefined ? {} : { say }) };
}

/** Whether the route takes every call. */
export function isCatchAll({ to, from, when }: Route): boolean {
  return to === undefined && from === undefined && when === undefined;
}

function fits(patterns: readonly string[] | undefined, party: Party | undefined): boolean {
  if (patterns === undefined) return true;
  if (party === undefined) return false;
  if (party.kind === 'withheld') return patterns.includes('withheld');
  const names = partyNames(party);
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? names.some((name) => name.startsWith(pattern.slice(0, -1))) : names.includes(pattern),
  );
}
