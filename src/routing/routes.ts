import { isWithin, type TimeWindow } from './schedule.ts';

/** Which agent answers: dialled number, caller and time decide; the first route that fits wins. Pure. */

export interface Route {
  readonly name: string;
  /** Dialled numbers, `+1202*` for all that begin so; undefined: any. */
  readonly to: readonly string[] | undefined;
  /** Callers, in the same way; undefined: any. `withheld` stands for callers without a number. */
  readonly from: readonly string[] | undefined;
  /** The route fits inside any of these; undefined: always. */
  readonly when: readonly TimeWindow[] | undefined;
  readonly prompt: string;
  /** Narrows the tools of the prompt; undefined: as the prompt has them. */
  readonly tools: readonly string[] | undefined;
  /** How the model is reached; undefined: as the daemon is set. */
  readonly transport: 'webrtc' | 'websocket' | undefined;
}

export interface Routes {
  /** The zone of the time windows. */
  readonly timezone: string;
  readonly routes: readonly Route[];
}

/** A call that has to be routed. Numbers are E.164; `now` is epoch ms. */
export interface Arrival {
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly now: number;
}

export interface Routed {
  /** Name of the route, for the log. */
  readonly route: string;
  readonly prompt: string;
  readonly tools: readonly string[] | undefined;
  readonly transport: 'webrtc' | 'websocket' | undefined;
}

/** The first route that fits. There always is one: the last route takes everything. */
export function resolve({ routes, timezone }: Routes, arrival: Arrival): Routed {
  const found =
    routes.find(
      ({ to, from, when }) =>
        fits(to, arrival.to) &&
        fits(from, arrival.from) &&
        (when === undefined || when.some((window) => isWithin(window, arrival.now, timezone))),
    ) ?? routes.at(-1)!;
  return { route: found.name, prompt: found.prompt, tools: found.tools, transport: found.transport };
}

/** Whether the route takes every call. */
export function isCatchAll({ to, from, when }: Route): boolean {
  return to === undefined && from === undefined && when === undefined;
}

function fits(patterns: readonly string[] | undefined, number: string | undefined): boolean {
  if (patterns === undefined) return true;
  return patterns.some((pattern) => {
    if (number === undefined) return pattern === 'withheld';
    return pattern.endsWith('*') ? number.startsWith(pattern.slice(0, -1)) : number === pattern;
  });
}
