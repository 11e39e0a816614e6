import { randomUUID } from 'node:crypto';
import { checkBase, checkCallId } from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import { RestClient, type RestFailure, type RestOptions } from '../../control/rest.ts';

/**
 * Commands of the Call Control API: JSON, posted to the call, or to none to place one. Telnyx carries out one `command_id` of a call once, so whatever is
 * asked of a call may be asked again. https://developers.telnyx.com/api-reference/call-commands/answer-call
 */

/**
 * The call has ended, https://developers.telnyx.com/docs/development/api-errors: 90015 and 90018 for one that is over, 90053 and 90055 for one that is not,
 * or no longer, alive.
 */
const GONE_CODES = [90_015, 90_018, 90_053, 90_055];

export interface TelnyxApiOptions extends Omit<RestOptions, 'user' | 'password' | 'goneCodes' | 'failureOf'> {
  /** KEY… */
  readonly apiKey: string;
  /** https://api.telnyx.com when left out. */
  readonly baseUrl?: string | undefined;
}

/** `{"errors":[{"code":"90018","title":…,"detail":…}]}`. */
export function telnyxFailure({ errors }: Readonly<Record<string, unknown>>): RestFailure {
  const [first] = Array.isArray(errors) ? errors : [];
  if (typeof first !== 'object' || first === null) return {};
  const { code, title, detail } = first as Readonly<Record<string, unknown>>;
  return { code, message: detail ?? title };
}

/** Those of a command, `undefined` ones left out. */
export type CommandFields = Readonly<Record<string, unknown>>;

export interface CommandOptions {
  /** The same for one and the same wish, however often it is asked; a fresh one without it. */
  readonly id?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class TelnyxApi {
  readonly #url: string;
  readonly #rest: RestClient;

  /** Throws CONTROL_INVALID. */
  constructor({ apiKey, baseUrl = 'https://api.telnyx.com', ...rest }: TelnyxApiOptions) {
    this.#url = `${checkBase(baseUrl)}/v2/calls`;
    this.#rest = new RestClient({ ...rest, password: apiKey, goneCodes: GONE_CODES, failureOf: telnyxFailure });
  }

  /** Has a call do this. Rejects with a ControlError: CONTROL_GONE where it is over. */
  async command(
    callId: string,
    action: string,
    fields: CommandFields = {},
    options: CommandOptions = {},
  ): Promise<void> {
    const { id = randomUUID(), signal } = options;
    const url = `${this.#url}/${encodeURIComponent(checkCallId(callId))}/actions/${action}`;
    await this.#rest.json(action, 'POST', url, { ...fields, command_id: id }, { repeatable: true, signal });
  }

  /** As `command`, of a call for which it is nothing to be told that it is over. */
  async commandIfThere(
    callId: string,
    action: string,
    fields?: CommandFields,
    options?: CommandOptions,
  ): Promise<void> {
    try {
      await this.command(callId, action, fields, options);
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
    }
  }

  /** Places a call; gives its id. Not repeated where it may have been placed: that would ring somebody twice. */
  async dial(fields: CommandFields, signal?: AbortSignal): Promise<string> {
    const body = { ...fields, command_id: randomUUID() };
    try {
      const answer = await this.#rest.json('dial', 'POST', this.#url, body, { repeatable: false, signal });
      return idOf(answer);
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
      throw new ControlError('CONTROL_REJECTED', `there is no such application or address: ${error.message}`, {
        ...(error.status === undefined ? {} : { status: error.status }),
      });
    }
  }
}

function idOf({ status, body }: { status: number; body: Readonly<Record<string, unknown>> | undefined }): string {
  const data = body?.['data'];
  const id =
    typeof data === 'object' && data !== null ? (data as Record<string, unknown>)['call_control_id'] : undefined;
  if (typeof id === 'string' && /^[A-Za-z0-9][A-Za-z0-9:_=-]{0,99}$/.test(id)) return id;
  throw new ControlError('CONTROL_PROTOCOL', 'the carrier took the call but gave no id of it', {
    status,
    uncertain: true,
  });
}
