import { type Fields, listOf, objectOf } from '../reading.ts';
import { GraphError } from './errors.ts';

/** What Meta answers to the question whether we may call a user. */

/** How often something may be done in a stretch of time. */
export interface PermissionLimit {
  /** ISO 8601 duration: PT24H, P7D. */
  readonly period: string;
  readonly most: number;
  readonly used: number;
  /** When it may be done again, ms since the epoch; undefined while it may be. */
  readonly until: number | undefined;
}

export interface PermittedAction {
  /** `start_call`, `send_call_permission_request`, or what Meta adds. */
  readonly name: string;
  readonly allowed: boolean;
  readonly limits: readonly PermissionLimit[];
}

export interface Permission {
  /** `no_permission`, `temporary`, `permanent`, or what Meta adds. */
  readonly status: string;
  /** When a temporary one ends, ms since the epoch. */
  readonly until: number | undefined;
  readonly actions: readonly PermittedAction[];
}

/** Reads it leniently: what is not there is not allowed. Throws GRAPH_PROTOCOL when there is no permission in it at all. */
export function permissionOf(answer: Fields): Permission {
  const permission = objectOf(answer['permission']);
  const { status } = permission;
  if (typeof status !== 'string')
    throw new GraphError('GRAPH_PROTOCOL', 'Meta answered without saying what is permitted');
  return {
    status,
    until: msOf(permission['expiration_time']),
    actions: listOf(answer['actions'])
      .map(objectOf)
      .map((action) => ({
        name: String(action['action_name'] ?? ''),
        allowed: action['can_perform_action'] === true,
        limits: listOf(action['limits'])
          .map(objectOf)
          .map((limit) => ({
            period: String(limit['time_period'] ?? ''),
            most: Number(limit['max_allowed'] ?? 0),
            used: Number(limit['current_usage'] ?? 0),
            until: msOf(limit['limit_expiration_time']),
          })),
      })),
  };
}

/** Meta writes seconds since the epoch, as a number or as a text. */
function msOf(value: unknown): number | undefined {
  const seconds = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
}
