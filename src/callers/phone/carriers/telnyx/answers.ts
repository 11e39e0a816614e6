import type { Connection, Instruction, Spoken, StreamOrder, WebhookFacts } from '../webhook.ts';
import type { CommandFields, CommandOptions, TelnyxApi } from './api.ts';
import type { TelnyxCodecs } from './codecs.ts';
import type { CallNews } from './news.ts';
import { stateText } from './state.ts';
import { speech, speechMs } from './words.ts';

/** What the daemon tells about a call, as commands to it. */

/** How long a call may take to be answered once that was asked, ms. */
const ANSWER_MS = 10_000;
/** The rate of the agent's audio that needs no word, Hz: `answer` takes none. */
const PLAIN_HZ = 8_000;
/** https://developers.telnyx.com/api-reference/call-commands/transfer-call: seconds. */
const RING_LEAST_S = 5;
const RING_MOST_S = 600;
const TALK_LEAST_S = 30;
const TALK_MOST_S = 14_400;

export interface TelnyxAnswersOptions {
  readonly api: Pick<TelnyxApi, 'commandIfThere'>;
  readonly codecs: TelnyxCodecs;
  readonly news: Pick<CallNews, 'next'>;
}

/** A call to be told something, and where its commands' ids come from: the same for the same webhook, so that a repetition is none. */
class ToldCall {
  readonly #o: TelnyxAnswersOptions;
  readonly #id: string;
  readonly #event: string;
  #rings: boolean;

  constructor(options: TelnyxAnswersOptions, { carrierCallId, params }: WebhookFacts) {
    this.#o = options;
    this.#id = carrierCallId;
    this.#event = params['event_id'] ?? '';
    this.#rings = params['event_type'] === 'call.initiated';
  }

  get rings(): boolean {
    return this.#rings;
  }

  command(action: string, fields: CommandFields = {}): Promise<void> {
    const options: CommandOptions = this.#event === '' ? {} : { id: `${this.#event}-${action}` };
    return this.#o.api.commandIfThere(this.#id, action, fields, options);
  }

  /** Answers a call that rings. */
  async answer(): Promise<void> {
    if (!this.#rings) return;
    const answered = this.#o.news.next(this.#id, 'call.answered', ANSWER_MS);
    await this.command('answer', { send_silence_when_idle: true });
    await answered;
    this.#rings = false;
  }

  async say(spoken: Spoken | undefined): Promise<void> {
    if (spoken === undefined || spoken.text === '') return;
    const said = this.#o.news.next(this.#id, 'call.speak.ended', speechMs(spoken.text));
    await this.command('speak', speech(spoken));
    await said;
  }
}

/** What a stream is asked for, whichever command asks. */
const streamFields = ({ streamUrl }: StreamOrder, { sent, played }: TelnyxCodecs): CommandFields => ({
  stream_url: streamUrl,
  stream_track: 'inbound_track',
  stream_codec: sent,
  // Without it our audio is dropped, and nothing says so.
  stream_bidirectional_mode: 'rtp',
  stream_bidirectional_codec: played,
  stream_bidirectional_target_legs: 'self',
});

async function connect(call: ToldCall, stream: StreamOrder, codecs: TelnyxCodecs): Promise<void> {
  const { token } = stream;
  if (call.rings && codecs.playedHz === PLAIN_HZ) {
    // One command for both; its only place for a token is the state.
    return call.command('answer', {
      ...streamFields(stream, codecs),
      send_silence_when_idle: true,
      client_state: stateText({ is: 'stream', token }),
    });
  }
  await call.answer();
  await call.command('streaming_start', {
    ...streamFields(stream, codecs),
    stream_bidirectional_sampling_rate: codecs.playedHz,
    stream_auth_token: token,
    custom_parameters: [{ name: 'token', value: token }],
  });
}

const within = (value: number | undefined, least: number, most: number) =>
  value === undefined ? undefined : Math.min(most, Math.max(least, value));

/** The fields of a transfer. `callId`: whose; which of its transfers it is, `action` says in its query. */
export function transferFields(callId: string, connection: Connection): CommandFields {
  const { to, seconds, ringSeconds, callerId, action } = connection;
  const n = action === undefined ? undefined : Number(new URL(action).searchParams.get('transfer') ?? Number.NaN);
  return {
    to,
    from: callerId,
    time_limit_secs: within(seconds, TALK_LEAST_S, TALK_MOST_S),
    timeout_secs: within(ringSeconds, RING_LEAST_S, RING_MOST_S),
    // The new leg tells by it whose it is, and its webhooks come where we are, whatever its application says.
    ...(n === undefined || !Number.isSafeInteger(n)
      ? {}
      : { target_leg_client_state: stateText({ is: 'transfer', n, callId }), webhook_url: action }),
  };
}

async function refuse(call: ToldCall, spoken: Spoken | undefined): Promise<void> {
  if (spoken === undefined && call.rings) return call.command('reject', { cause: 'USER_BUSY' });
  await call.answer();
  await call.say(spoken);
  await call.command('hangup');
}

/** Carries out an instruction; as `CarrierWebhook.carryOut`. A call that is over needs to be told nothing. */
export async function carryOut(
  options: TelnyxAnswersOptions,
  instruction: Instruction,
  facts: WebhookFacts,
): Promise<void> {
  const call = new ToldCall(options, facts);
  const transfer = (connection: Connection) =>
    call.command('transfer', transferFields(facts.carrierCallId, connection));
  switch (instruction.do) {
    case 'connect':
      return connect(call, instruction.stream, options.codecs);
    case 'transfer':
      return transfer(instruction.connection);
    case 'apologise': {
      await call.answer();
      await call.say(instruction.spoken);
      const { connection } = instruction;
      return connection === undefined ? call.command('hangup') : transfer(connection);
    }
    case 'refuse':
      return refuse(call, instruction.spoken);
    case 'hang-up':
      return call.command('hangup');
    default:
      return instruction satisfies never;
  }
}
