import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { memoryKey, partyText } from '../../../call/party.ts';
import { errorCode } from '../../../errors.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';
import { isUserId, whatsappParty } from '../../../numbering/party.ts';
import type { PermissionEvent, UserIds } from '../events.ts';
import type { Addressee, GraphClient } from '../graph/client.ts';
import { GraphError } from '../graph/errors.ts';
import type { Permission, PermittedAction } from '../graph/permission.ts';

/**
 * Whether we may call a user. Meta knows, and is asked before each call and each request; what the user last answered is kept beside it, for the
 * times when Meta cannot be asked, and for who wants to know what was answered.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-call-permissions
 */

/** What a user answered last, or did in place of an answer. Times are ms since the epoch. */
export interface PermissionReply {
  readonly accepted: boolean;
  readonly permanent: boolean;
  /** When it ends; undefined where that is not told. */
  readonly until?: number | undefined;
  /** `user_action` or `automatic`, as Meta calls it. */
  readonly source?: string | undefined;
  readonly at: number;
}

export type PermissionGraph = Pick<GraphClient, 'phoneNumberId' | 'permissions' | 'askPermission'>;

/** What is known of one user, for whoever asks. */
export interface PermissionView {
  /** Meta's word: `no_permission`, `temporary`, `permanent`. */
  readonly status: string;
  readonly until?: number | undefined;
  readonly canCall: boolean;
  readonly canAsk: boolean;
  /** His last answer, as far as this fleet was told it lately. */
  readonly reply?: PermissionReply | undefined;
}

export interface PermissionsOptions {
  readonly memory: ProcessMemory;
  readonly clock: Pick<Clock, 'wall'>;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Tells whoever watches of a user's answer. Must not throw. */
  readonly told?: ((event: PermissionEvent, reply: PermissionReply) => void) | undefined;
}

/** A permission without an end, and a refusal, are remembered for so long, ms: Meta's own word is asked anyway. */
const KEEP_MS = 30 * 86_400_000;
const CAPACITY = 50_000;
/** What a permission of Meta's rules allows: https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-call-permissions */
const CALL = 'start_call';
const ASK = 'send_call_permission_request';

export class Permissions {
  readonly #o: PermissionsOptions;
  readonly #replies: MemorySpace<PermissionReply>;

  constructor(options: PermissionsOptions) {
    this.#o = options;
    this.#replies = options.memory.space({ name: 'whatsapp-permissions', most: CAPACITY });
  }

  /** Resolves where the user may be called. Rejects with GRAPH_NO_CALL_PERMISSION or GRAPH_CALL_LIMIT, or with why Meta could not say. */
  async mayCall(client: PermissionGraph, user: Addressee): Promise<void> {
    let permission: Permission;
    try {
      permission = await client.permissions(user);
    } catch (error) {
      if (!(error instanceof GraphError) || !error.retryable) throw error;
      // That question has a limit of its own. Meta says so itself when it is asked to call whom it must not.
      const kept = await this.#kept(client.phoneNumberId, user);
      this.#o.log.warn(
        { code: error.code, kept: kept?.accepted },
        'Meta could not be asked whether a user may be called',
      );
      if (kept?.accepted === false) throw notPermitted('the user refused calls when he was last asked');
      return;
    }
    const action = actionOf(permission, CALL);
    if (action?.allowed ?? permission.status !== 'no_permission') return;
    const full = permission.status === 'no_permission' ? undefined : usedUp(action);
    if (full === undefined) throw notPermitted('the user has not allowed this number to call');
    throw new GraphError('GRAPH_CALL_LIMIT', 'as many calls with this user were connected as is allowed', {
      retryAfterMs: this.#waitMs(full.until),
    });
  }

  /**
   * Asks the user, unless he has allowed it or may not be asked. `asked` false: he may be called already. Rejects with
   * GRAPH_PERMISSION_ASKED_TOO_OFTEN, or with why Meta did not do it.
   */
  async ask(
    client: PermissionGraph,
    user: Addressee,
    text: string,
  ): Promise<{ readonly asked: boolean; readonly messageId: string | undefined; readonly view: PermissionView }> {
    const permission = await client.permissions(user);
    const view = await this.#view(client, user, permission);
    if (view.canCall) return { asked: false, messageId: undefined, view };
    const action = actionOf(permission, ASK);
    if (action?.allowed === false)
      throw new GraphError('GRAPH_PERMISSION_ASKED_TOO_OFTEN', 'this user was asked as often as is allowed', {
        retryAfterMs: this.#waitMs(usedUp(action)?.until),
      });
    // Another one might have been sent if the answer is lost: it is not repeated by itself.
    const { messageId } = await client.askPermission(user, text);
    return { asked: true, messageId, view };
  }

  async view(client: PermissionGraph, user: Addressee): Promise<PermissionView> {
    return this.#view(client, user, await client.permissions(user));
  }

  /** A user answered. Never throws. */
  reply(event: PermissionEvent): void {
    const { accepted, permanent, until, source, user } = event;
    const at = this.#o.clock.wall();
    const reply: PermissionReply = {
      accepted,
      permanent,
      at,
      ...(until === undefined ? {} : { until }),
      ...(source === undefined ? {} : { source }),
    };
    this.#o.log.info({ accepted, permanent }, 'a WhatsApp user says whether he may be called');
    const ttlMs = Math.min(KEEP_MS, Math.max(1, accepted && until !== undefined ? until - at : KEEP_MS));
    for (const key of keysOf(event.phoneNumberId, user))
      this.#replies
        .put(key, reply, ttlMs)
        .catch((error) =>
          this.#o.log.warn({ code: errorCode(error) }, 'an answer of a WhatsApp user could not be kept'),
        );
    this.#o.told?.(event, reply);
  }

  async #view(client: PermissionGraph, user: Addressee, permission: Permission): Promise<PermissionView> {
    const reply = await this.#kept(client.phoneNumberId, user);
    const { status, until } = permission;
    return {
      status,
      ...(until === undefined ? {} : { until }),
      canCall: actionOf(permission, CALL)?.allowed ?? status !== 'no_permission',
      canAsk: actionOf(permission, ASK)?.allowed ?? false,
      ...(reply === undefined ? {} : { reply }),
    };
  }

  async #kept(phoneNumberId: string, user: Addressee): Promise<PermissionReply | undefined> {
    return this.#replies.get(keyOf(phoneNumberId, 'to' in user ? user.to : user.recipient)).catch(() => undefined);
  }

  #waitMs(until: number | undefined): number | undefined {
    return until === undefined ? undefined : Math.max(0, until - this.#o.clock.wall());
  }
}

/** What is told of an answer to whoever watches: whom it is of, and what it is. */
export function permissionNotice({ user, phoneNumberId }: PermissionEvent, reply: PermissionReply) {
  const party = whatsappParty(user);
  const key = memoryKey(party);
  return {
    phoneNumberId,
    /** Under what he can be called: `POST /calls` takes it as `to`. */
    user: party.kind === 'number' ? `whatsapp:${party.number}` : (partyText(party) ?? null),
    userId: key?.startsWith('whatsapp:') === true ? key.slice('whatsapp:'.length) : null,
    accepted: reply.accepted,
    permanent: reply.permanent,
    until: reply.until === undefined ? null : new Date(reply.until).toISOString(),
    source: reply.source ?? null,
  };
}

const notPermitted = (why: string): GraphError =>
  new GraphError('GRAPH_NO_CALL_PERMISSION', `${why}: ask him with POST /whatsapp/permissions`);

const actionOf = ({ actions }: Permission, name: string): PermittedAction | undefined =>
  actions.find((action) => action.name === name);

/** The limit of an action that is used up; of several the one that holds longest. */
const usedUp = (action: PermittedAction | undefined) =>
  action?.limits.filter(({ used, most }) => used >= most).sort((a, b) => (b.until ?? 0) - (a.until ?? 0))[0];

const keyOf = (phoneNumberId: string, id: string): string => `${phoneNumberId}/${id}`;

/** He is known by both of his ids from then on. */
function keysOf(phoneNumberId: string, { userId, waId, from }: UserIds): string[] {
  const numbers = [waId, from].filter((id) => id !== undefined && !isUserId(id)).map((id) => id?.replace(/^\+/, ''));
  const users = [userId, waId, from].filter((id) => id !== undefined && isUserId(id));
  return [...new Set([...numbers, ...users, userId])]
    .filter((id) => id !== undefined && id !== '')
    .map((id) => keyOf(phoneNumberId, id ?? ''));
}
