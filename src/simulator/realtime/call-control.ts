import { z } from 'zod';
import { parseJsonObject } from './http-body.ts';
import { ServiceError } from './service-error.ts';
import { parseUpdate } from './session-config.ts';
import { throwZodIssue } from './validation.ts';
import type { WebRtcCall } from './webrtc-session.ts';

/**
 * What can be asked of one call: `POST /v1/realtime/calls/{call_id}/accept`, `reject`, `refer` and `hangup`. Source: OpenAI API reference, Realtime
 * calls (npm openai, resources/realtime/calls.d.ts).
 */
export const CALL_ACTIONS = ['accept', 'reject', 'refer', 'hangup'] as const;
export type CallAction = (typeof CALL_ACTIONS)[number];

const refer = z.strictObject({ target_uri: z.string().regex(/^(tel|sips?):\S+$/i, 'a tel: or sip: URI is expected') });
const reject = z.strictObject({ status_code: z.int().min(300).max(699).optional() });

/** The action and the call of a path; undefined for a path that is none of these. */
export function callActionOf(path: string): { readonly action: CallAction; readonly id: string } | undefined {
  const [, id, name] = /^\/v1\/realtime\/calls\/([^/]+)\/([a-z]+)$/.exec(path) ?? [];
  const action = CALL_ACTIONS.find((one) => one === name);
  return id === undefined || action === undefined ? undefined : { action, id };
}

/** Does it. Throws a ServiceError for a wrong body, a call that there is not, and what its state forbids. */
export function controlCall(
  calls: ReadonlyMap<string, WebRtcCall>,
  id: string,
  action: CallAction,
  bytes: Buffer,
): void {
  const body = parseJsonObject(bytes);
  const check = (schema: z.ZodType) => {
    const parsed = schema.safeParse(body);
    if (!parsed.success) throwZodIssue(parsed.error, body, '');
  };
  if (action === 'accept') parseUpdate(body, '');
  else if (action === 'refer') check(refer);
  else if (action === 'reject') check(reject);
  const call = calls.get(id);
  if (call === undefined)
    throw new ServiceError(`No call found with id '${id}'.`, { status: 404, code: 'call_not_found' });
  switch (action) {
    case 'hangup':
      call.end('hangup');
      return;
    case 'refer':
      // The caller is with somebody else from now on, so the session is over.
      call.end(`referred to ${String(body['target_uri'])}`);
      return;
    case 'accept':
    case 'reject':
      // Both are for a call that rings by SIP; here each call is up from its offer on.
      throw new ServiceError(`The call '${id}' was answered already.`, { status: 409, code: 'call_already_answered' });
    default:
      action satisfies never;
  }
}
