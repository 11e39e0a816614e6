import { generateKeyPairSync } from 'node:crypto';
import { describe, expect } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { TexmlCall, type TexmlInit } from '../../src/simulator/telnyx/index.ts';
import { converse } from './agent-heard.ts';
import { loudestTone, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import {
  AGENT_HZ,
  CALLER,
  CALLER_HZ,
  caller,
  heldBy,
  OURS,
  PUBLIC,
  startTelnyxRig,
  type TelnyxRigOptions,
} from './telnyx-rig.ts';

/** Calls to a number at Telnyx that is given to a TeXML application: documents in the replies, and the same media stream. */

const ACCOUNT = 'account-of-the-tests';
const rigOf = ({ settings, ...options }: TelnyxRigOptions = {}) =>
  startTelnyxRig({
    ...options,
    settings: { TELNYX_APPLICATION: 'texml', TELNYX_ACCOUNT_SID: ACCOUNT, ...settings },
  });

const callIn = ({ telnyx }: Awaited<ReturnType<typeof rigOf>>, options: Partial<TexmlInit> = {}) =>
  new TexmlCall({
    side: telnyx.side,
    from: CALLER,
    to: OURS,
    source: caller(),
    voiceUrl: `${PUBLIC}/incoming-call`,
    statusUrl: `${PUBLIC}/call-status`,
    ...options,
  });

const faultsOf = ({ timeline }: TexmlCall) => timeline.entries.filter(({ what }) => what === 'fault');

describe.concurrent('a call of a TeXML application', () => {
  it.for([
    ['PCMU', 'PCMU', 'PCMU@8000'],
    ['PCMA', 'default', 'PCMA@8000'],
  ] as const)(
    '[telnyx] in, codecs: by TeXML, is answered with a document, and each tone reaches the other side: a call in %s, asked for in %s, ours in %s',
    async ([callCodec, TELNYX_STREAM_CODEC, TELNYX_BIDIRECTIONAL_CODEC], { own }) => {
      const settings = { TELNYX_STREAM_CODEC, TELNYX_BIDIRECTIONAL_CODEC };
      const rig = own(await rigOf({ settings, carrier: { callCodec } }));
      const call = callIn(rig, { source: silenceSource() });
      await converse(heldBy(call), toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
      await call.done;
      const heard = call.recordedChannels()!;
      expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
      expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);
      expect(toneAloneMs(rig.model.sessions[0]!.inputAudio(), 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
      expect(call.streams.map(({ faults }) => faults)).toEqual([[]]);
      expect(faultsOf(call)).toEqual([]);
      expect(call.answers).toEqual([200, 204]);
      const { end, info } = {
        ...(await until(() => rig.of('call_ended')[0], 'the end of the call')),
        ...rig.of('call_started')[0],
      };
      expect(info).toMatchObject({ direction: 'inbound' });
      expect(end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    },
  );

  it('[telnyx] recovery: by TeXML, a line that breaks is opened again by the document behind the stream', async ({
    own,
  }) => {
    const rig = own(await rigOf());
    const call = callIn(rig);
    await until(() => rig.agentEvents('response_done').length > 0, 'the greeting');
    call.streams[0]?.breakLine();
    await until(() => rig.of('caller_joined').length === 2, 'the caller is back');
    await until(() => call.streams[1]?.talk.ear.lastLoudMs !== undefined, 'the agent is heard again');
    call.hangUp();
    await call.done;
    expect(rig.of('call_started')).toHaveLength(1);
    expect(rig.model.sessions).toHaveLength(1);
    expect(call.timeline.entries.flatMap(({ what, text }) => (what === 'verb' ? [text] : []))).toEqual([
      'Connect',
      'Redirect',
      'Connect',
    ]);
  });

  it('[telnyx] webhook signature: by TeXML, of another key begins no call', async ({ own }) => {
    const rig = own(await rigOf());
    const call = callIn(rig, { key: generateKeyPairSync('ed25519').privateKey });
    await call.done;
    expect(call.answers).toEqual([403, 403]);
    expect(rig.of('call_started')).toEqual([]);
  });
});
