import { isDeepStrictEqual } from 'node:util';
import type { ReportToolCall } from './report/types.ts';

/** One use of a tool that comes to a case in two ways: the call tells of it, and the run is asked for it without an id by which that would be seen. Pure. */

/** So long behind what the call told a request may come, ms: the longest that a tool may be at work. */
const LATEST_MS = 120_000;
/** The news of the call may be so much later than the request, ms. */
const EARLIEST_MS = 5_000;

/**
 * The requests that are no use which the call told of. Each of those takes one request at the most: the nearest in time with its name and arguments, and those with
 * the very same arguments first.
 */
export function otherUses(asked: readonly ReportToolCall[], told: readonly ReportToolCall[]): ReportToolCall[] {
  const left = [...told];
  const unmet = (requests: readonly ReportToolCall[], isSame: typeof areEqual) =>
    requests.filter((request) => {
      const [same] = left
        .filter((use) => use.name === request.name && isNear(use, request))
        .filter((use) => isSame(use.arguments, withoutCall(request.arguments, use.arguments)))
        .sort((a, b) => apartMs(a, request) - apartMs(b, request));
      if (same !== undefined) left.splice(left.indexOf(same), 1);
      return same === undefined;
    });
  return unmet(unmet(asked, areEqual), agree);
}

const apartMs = (use: ReportToolCall, { atMs }: ReportToolCall) => Math.abs((atMs ?? 0) - (use.atMs ?? 0));

function isNear(use: ReportToolCall, request: ReportToolCall): boolean {
  if (use.atMs === undefined || request.atMs === undefined) return true;
  const behind = request.atMs - use.atMs;
  return behind >= -EARLIEST_MS && behind <= LATEST_MS;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The arguments of a request without the call that `includeCall` puts beside them. */
function withoutCall(asked: unknown, given: unknown): unknown {
  if (!isFields(asked) || (isFields(given) && Object.hasOwn(given, 'call'))) return asked;
  const { call: _, ...rest } = asked;
  return rest;
}

const areEqual = (given: unknown, asked: unknown): boolean => isDeepStrictEqual(given ?? {}, asked ?? {});

/**
 * Whether the arguments of a request may be those that the model gave. What only one of them has is no difference: a tool adds its defaults, and leaves out what it
 * does not declare or has in its address. All of them it may leave out, and something they must share where it did not.
 */
function agree(given: unknown, asked: unknown): boolean {
  if (!isFields(given) || !isFields(asked)) return areEqual(given, asked);
  const keys = Object.keys(asked);
  const shared = keys.filter((key) => Object.hasOwn(given, key));
  return (keys.length === 0 || shared.length > 0) && shared.every((key) => agree(given[key], asked[key]));
}
