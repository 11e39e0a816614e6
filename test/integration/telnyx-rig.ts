import { type AudioSource, toneSource } from '../../src/simulator/phone/index.ts';
import { scriptSource } from '../../src/simulator/phone/source.ts';
import { Telnyx, type TelnyxCall, type TelnyxOptions, type TexmlCall } from '../../src/simulator/telnyx/index.ts';
import type { ListeningCaller } from './agent-heard.ts';
import { OPERATOR } from './operator.ts';
import { type Rig, type RigOptions, startRig } from './rig.ts';

/** The whole daemon with Telnyx's stand-in: webhooks first, signed, answered over its API. */

export const PUBLIC = 'https://voice.example.com';
export const OURS = '+12025550100';
export const CALLER = '+12025550143';
export const THEIRS = '+12025550177';
export const CALLER_HZ = 1_020;
export const AGENT_HZ = 620;

export interface TelnyxRig extends Rig {
  readonly telnyx: Telnyx;
  /** Somebody calls our number. */
  callIn(): TelnyxCall;
  operate(path: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }>;
}

export interface TelnyxRigOptions extends RigOptions {
  readonly carrier?: TelnyxOptions;
}

/** The caller listens to a greeting, says his tone, and listens again. */
export const caller = () =>
  scriptSource([{ pauseMs: 3_500 }, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }), { pauseMs: 60_000 }]);

/** Who holds the phone of this call, which speaks on the stream that is open. */
export const heldBy = (call: TelnyxCall | TexmlCall): ListeningCaller => ({
  recordedChannels: () => call.recordedChannels(),
  say(words: AudioSource) {
    const stream = 'streams' in call ? call.streams.at(-1) : call.stream;
    stream?.talk.mouth.cutIn(words);
  },
  hangUp: () => call.hangUp(),
});

export async function startTelnyxRig(options: TelnyxRigOptions = {}): Promise<TelnyxRig> {
  const telnyx = await Telnyx.start({ record: true, source: caller(), ...options.carrier });
  const application = telnyx.account.addApplication(`${PUBLIC}/incoming-call`);
  telnyx.account.addNumber(OURS, application.id);
  const rig = await startRig({
    model: { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } },
    ...options,
    settings: {
      PUBLIC_URL: PUBLIC,
      TELNYX_API_KEY: telnyx.apiKey,
      TELNYX_API_URL: telnyx.url,
      TELNYX_CONNECTION_ID: application.id,
      ...(telnyx.publicKey === undefined ? {} : { TELNYX_PUBLIC_KEY: telnyx.publicKey }),
      OUTBOUND_FROM: OURS,
      OUTBOUND_CARRIER: 'telnyx',
      DIAL_ALLOW: '+1202',
      ...options.settings,
    },
  });
  telnyx.bridge = rig.url;
  return {
    ...rig,
    telnyx,
    callIn: () => telnyx.callIn({ from: CALLER, to: OURS, webhookUrl: telnyx.account.webhookOf(OURS) ?? '' }),
    async operate(path, body) {
      const answer = await fetch(rig.url + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...OPERATOR, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? {} : JSON.parse(text) };
    },
    async close() {
      await telnyx.close();
      await rig.close();
    },
  };
}
