/** The flags of `npm run call`. */

import { parseArgs } from 'node:util';
import { errorMessage } from '../errors.ts';
import { COMMANDED, commanded } from '../simulator/commanded.ts';
import {
  CARRIERS,
  type Carrier,
  CODEC_NAMES,
  type CodecName,
  FAR_ENDS,
  parseCodecName,
} from '../simulator/phone/index.ts';

/** Who calls by WhatsApp has no carrier; he is called for by the same flag. */
export const WHATSAPP = 'whatsapp';
/** Opus, unless G.711 is asked for. */
const WHATSAPP_FACTS: { title: string; codecs: readonly CodecName[] } = { title: 'WhatsApp', codecs: ['PCMU@8000'] };
/** Somebody who joins a room with LiveKit's own client: always Opus. */
export const LIVEKIT = 'livekit';
const LIVEKIT_FACTS: typeof WHATSAPP_FACTS = { title: 'LiveKit', codecs: [] };
/** What the call itself is in; what its streams are in the daemon's settings say as well. */
const COMMANDED_FACTS: typeof WHATSAPP_FACTS = {
  title: commanded.title,
  codecs: ['PCMU@8000', 'PCMA@8000', 'L16@16000', 'L16@24000'],
};
const [DEFAULT_CARRIER, ...OTHER_CARRIERS] = [...CARRIERS, COMMANDED, WHATSAPP, LIVEKIT] as const;
const secrets = CARRIERS.map((name) => `${FAR_ENDS[name].title}'s ${FAR_ENDS[name].secret}`).concat(
  `${commanded.title}'s ${commanded.secret}`,
  "the Meta app's secret",
);
/** Those whose streams or calls can be in this codec. */
const carriersWith = (codec: CodecName): string[] => [
  ...CARRIERS.filter((name) => FAR_ENDS[name].codecs.includes(codec)),
  ...(COMMANDED_FACTS.codecs.includes(codec) ? [COMMANDED] : []),
];
/** Every codec with who has it, in words. */
const codecsInWords = CODEC_NAMES.map((name) => `${name} (${carriersWith(name).join(', ')})`).join(
  ',\n                       ',
);

export const USAGE = `Usage: npm run call -- [flags]

Calls a bridge's webhook as a carrier does, speaks to it, listens, and prints what was measured.

  --webhook URL        where calls are answered (default: http://127.0.0.1:$PORT/incoming-call, or /whatsapp/webhook;
                       when nothing listens there, a daemon of its own is started for this call).
                       At ${LIVEKIT} any URL of the daemon's: it is asked for a room at /livekit/create-room
  --carrier NAME       ${DEFAULT_CARRIER} (default) or ${OTHER_CARRIERS.join(' or ')}
  --from NUMBER        caller's number        --to NUMBER   number called (${WHATSAPP}: the id of a user
                       without a number, such as GB.123, may stand in place of the caller's; ${LIVEKIT}:
                       a name, and the name of a prompt)
  --wav FILE           what the caller says: WAV of 8, 16, 24 or 48 kHz (default: a bundled recording)
  --codec CODEC        ${codecsInWords};
                       default: what the bridge asks for. At ${COMMANDED} what the call is in (default PCMU)
  --dtmf DIGITS[@MS]   keys to press, MS after the stream's start (default 2000)
  --interrupt-at MS    speak over the agent once MS of it were heard
  --record FILE        write the call as stereo WAV: caller left, agent right
  --duration MS        hang up after MS (default 60000); sooner when all is said and the agent is silent for 5 s
  --secret SECRET      ${secrets.join(' or ')}: signs requests.
                       At ${LIVEKIT} the admin token, where rooms are for operators
  --public-url URL     origin under which the bridge knows itself, when it is not the webhook's: for its signatures.
                       A stream at wss:// of a bridge on plain http is found without it
  --json               print the report as JSON on stdout; progress goes to stderr
  --help               this text
`;

/** Wrong flags: the message says what would be right. */
export class UsageError extends Error {}

export interface CallFlags {
  readonly help: boolean;
  readonly webhook: string | undefined;
  readonly carrier: Carrier | typeof COMMANDED | typeof WHATSAPP | typeof LIVEKIT;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly wav: string | undefined;
  readonly codec: CodecName | undefined;
  readonly digits: { readonly keys: string; readonly atMs: number } | undefined;
  readonly interruptAtMs: number | undefined;
  readonly record: string | undefined;
  readonly durationMs: number;
  readonly secret: string | undefined;
  readonly publicUrl: string | undefined;
  readonly json: boolean;
}

/** Reads the command line. Throws a UsageError. */
export function parseFlags(argv: readonly string[]): CallFlags {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const values = (() => {
    try {
      return parseArgs({
        args: [...argv],
        options: {
          webhook: text,
          carrier: text,
          from: text,
          to: text,
          wav: text,
          codec: text,
          dtmf: text,
          'interrupt-at': text,
          record: text,
          duration: text,
          secret: text,
          'public-url': text,
          json: flag,
          help: flag,
        },
      }).values;
    } catch (error) {
      throw new UsageError(errorMessage(error));
    }
  })();
  const known = [...CARRIERS, COMMANDED, WHATSAPP, LIVEKIT] as const;
  const carrier = known.find((name) => name === (values.carrier ?? DEFAULT_CARRIER));
  if (carrier === undefined) throw new UsageError(`--carrier ${values.carrier}: known are ${known.join(', ')}`);
  const codec = values.codec === undefined ? undefined : parseCodecName(values.codec);
  if (values.codec !== undefined && codec === undefined) {
    throw new UsageError(`--codec ${values.codec}: known are ${CODEC_NAMES.map((name) => `${name}h`).join(', ')}`);
  }
  const { title, codecs } = factsOf(carrier);
  if (codec !== undefined && !codecs.includes(codec)) {
    const possible = codecs.map((name) => name.replace(/^(PCM[UA])@8000$/, '$1')).join(', ');
    throw new UsageError(
      `--codec ${values.codec}: ${title}'s streams are ${possible === '' ? 'in Opus, always' : possible}; use --carrier ${carriersWith(codec).join(' or ')}`,
    );
  }
  return {
    help: values.help,
    webhook: values.webhook === undefined ? undefined : webUrl('--webhook', values.webhook),
    carrier,
    from: values.from,
    to: values.to,
    wav: values.wav,
    codec,
    digits: values.dtmf === undefined ? undefined : readDigits(values.dtmf),
    interruptAtMs:
      values['interrupt-at'] === undefined ? undefined : milliseconds('--interrupt-at', values['interrupt-at']),
    record: values.record,
    durationMs: values.duration === undefined ? 60_000 : milliseconds('--duration', values.duration),
    secret: values.secret,
    publicUrl: values['public-url'] === undefined ? undefined : webUrl('--public-url', values['public-url']),
    json: values.json,
  };
}

function factsOf(carrier: CallFlags['carrier']): typeof WHATSAPP_FACTS {
  if (carrier === WHATSAPP) return WHATSAPP_FACTS;
  if (carrier === LIVEKIT) return LIVEKIT_FACTS;
  return carrier === COMMANDED ? COMMANDED_FACTS : FAR_ENDS[carrier];
}

function milliseconds(flag: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value))
    throw new UsageError(`${flag} ${value}: a whole number of milliseconds is expected`);
  return Number(value);
}

function webUrl(flag: string, value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw new UsageError(`${flag} ${value}: an http(s) URL is expected`);
  return value;
}

function readDigits(value: string): { keys: string; atMs: number } {
  const [, keys, at] = /^([0-9*#A-D]+)(?:@(\d{1,9}))?$/.exec(value) ?? [];
  if (keys === undefined) throw new UsageError(`--dtmf ${value}: digits 0-9 * # A-D are expected, then @MS if wanted`);
  return { keys, atMs: at === undefined ? 2_000 : Number(at) };
}
