import { describe, expect } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { converse, hears } from './agent-heard.ts';
import { loudestTone, startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Each end plays its own tone and listens for the other's: a swapped leg, a wrong rate or a wrong law cannot pass. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;

const LINES = [
  { carrier: 'twilio', codec: 'PCMU@8000', settings: {} },
  { carrier: 'signalwire', codec: 'PCMU@8000', settings: { SIGNALWIRE_CODEC: 'PCMU@8000h' } },
  { carrier: 'signalwire', codec: 'L16@16000', settings: { SIGNALWIRE_CODEC: 'L16@16000h' } },
  { carrier: 'signalwire', codec: 'L16@24000', settings: { SIGNALWIRE_CODEC: 'L16@24000h' } },
] as const;

describe.concurrent.each(TRANSPORTS)('a call over %s', (transport) => {
  it.for(LINES)(
    '[twilio, signalwire] in, codecs: each side’s tone reaches the other, alone, at $carrier in $codec',
    async ({ carrier, codec, settings }, { own }) => {
      const rig = own(
        await startRig({ transport, settings, model: { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } } }),
      );
      const { phone, report } = rig.call({ carrier, source: silenceSource() });
      await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
      const result = await report;
      expect(result.reason).toBe('audio went both ways');
      expect(result.streams[0]?.codec).toBe(codec);
      expect(rig.agentEvents('ready').map((e) => e['transport'])).toEqual([transport]);

      const heard = phone.recordedChannels();
      if (heard === undefined) throw new Error('no recording');
      // A greeting and an answer of 1.5 s each.
      expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
      expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);

      const session = rig.model.sessions[0];
      if (session === undefined) throw new Error('no session');
      const input = session.inputAudio();
      expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
      expect(loudestTone(input, 24_000, AGENT_HZ)).toBeLessThan(-50);
      expect(session.errors).toEqual([]);
      expect(result.streams[0]?.faultCount).toBe(0);

      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
      await until(() => rig.model.sessions.every((s) => !s.live), 'the end of the session');
    },
  );
});

describe.concurrent.each(TRANSPORTS)('the first words over %s', (transport) => {
  it('are kept while the session is being set up, and reach the model whole', async ({ own }) => {
    const rig = own(
      await startRig({
        transport,
        settings: { GREETING: 'off' },
        scenario: { faults: [{ fault: 'delay_key', ms: 1_500 }] },
        model: { voice: { tone: AGENT_HZ, ms: 500 } },
      }),
    );
    // The caller speaks from the very first frame, long before the model is there.
    const source = scriptSource([toneSource(CALLER_HZ, { ms: 1_000, dbfs: -15 }), { pauseMs: 10_000 }]);
    const { phone, report } = rig.call({ source });
    await until(() => rig.model.sessions[0]?.responses, 'the answer');
    // Of a caller who waits the daemon itself lets a sound be heard.
    await hears(phone, 300);
    phone.hangUp();
    const result = await report;
    expect(result.ok).toBe(true);
    const session = rig.model.sessions[0];
    if (session === undefined) throw new Error('no session');
    expect(toneAloneMs(session.inputAudio(), 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(900);
    expect(session.responses).toBe(1);
    expect(await rig.counter('ms_dropped_holdback')).toBe(0);
  });
});
