import {
  type CallControl,
  checkDigits,
  checkNumber,
  checkSeconds,
  checkUrl,
  type DialRequest,
  type TransferOptions,
} from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import { transferFields } from './answers.ts';
import type { TelnyxApi } from './api.ts';
import type { CallNews } from './news.ts';
import { stateText } from './state.ts';
import { speech, speechMs } from './words.ts';

/** Longest text said before a transfer, characters: about half a minute. */
const SAY_MOST = 500;
/** The carrier rings no shorter than this, s. */
const RING_LEAST_S = 5;

export interface TelnyxControlOptions {
  readonly api: TelnyxApi;
  readonly news: CallNews;
  /** The application that calls are placed from; none are without it. */
  readonly connectionId: string | undefined;
}

/** Call control by commands. https://developers.telnyx.com/api-reference/call-commands/dial */
export class TelnyxControl implements CallControl {
  readonly name = 'telnyx-rest';
  readonly account: CallControl['account'] = { carrier: 'telnyx', accountId: '' };
  readonly #o: TelnyxControlOptions;

  constructor(options: TelnyxControlOptions) {
    this.#o = options;
  }

  hangup(callId: string): Promise<void> {
    return this.#o.api.commandIfThere(callId, 'hangup');
  }

  /** Says the words, rings the number, and takes our stream away. */
  async transfer(callId: string, to: string, options: TransferOptions = {}): Promise<void> {
    const { say, signal, callerId, action } = options;
    if (say !== undefined && say.length > SAY_MOST)
      throw new ControlError('CONTROL_INVALID', `what is said before a transfer has at most ${SAY_MOST} characters`);
    const fields = transferFields(callId, {
      to: checkNumber(to, 'the number to transfer to'),
      callerId: callerId === undefined ? undefined : checkNumber(callerId, 'the caller id'),
      action: action === undefined ? undefined : checkUrl(action, 'the action of a transfer'),
      ringSeconds: checkSeconds(options.timeoutSeconds),
      seconds: checkSeconds(options.limitSeconds, 'limitSeconds'),
    });
    const { api, news } = this.#o;
    if (say !== undefined && say.trim() !== '') {
      const said = news.next(callId, 'call.speak.ended', speechMs(say));
      const { language, voice } = options;
      await api.command(callId, 'speak', speech({ text: say, language, voice }), { signal });
      await said;
    }
    await api.command(callId, 'transfer', fields, { signal });
    await this.#takeStream(callId, signal);
  }

  async sendDigits(callId: string, digits: string): Promise<void> {
    await this.#o.api.command(callId, 'send_dtmf', { digits: checkDigits(digits) });
  }

  async dial(request: DialRequest): Promise<string> {
    const { api, connectionId } = this.#o;
    const { machineDetection, signal } = request;
    const ringSeconds = checkSeconds(request.timeoutSeconds);
    const fields = {
      connection_id: connectionId,
      to: checkNumber(request.to, 'the number to call'),
      from: checkNumber(request.from, 'the number to call from'),
      // All that becomes of the call is told there, its answer among it; an address for that alone is not needed.
      webhook_url: checkUrl(request.url, 'the URL of instructions'),
      webhook_url_method: 'POST',
      client_state: stateText({ is: 'placed' }),
      timeout_secs: ringSeconds === undefined ? undefined : Math.max(RING_LEAST_S, ringSeconds),
      answering_machine_detection:
        machineDetection === undefined ? undefined : machineDetection === 'detect' ? 'detect' : 'greeting_end',
    };
    if (connectionId === undefined)
      throw new ControlError('CONTROL_INVALID', 'TELNYX_CONNECTION_ID says from which application calls are placed');
    return api.dial(fields, signal);
  }

  async close(): Promise<void> {}

  /** A stream that is not there any more is taken away already. */
  async #takeStream(callId: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#o.api.commandIfThere(
        callId,
        'streaming_stop',
        { client_state: stateText({ is: 'moving' }) },
        { signal },
      );
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_REJECTED') throw error;
    }
  }
}
