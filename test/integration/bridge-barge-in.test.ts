import { describe, expect } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { startRig, TRANSPORTS, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

const AGENT_HZ = 620;
const CALLER_HZ = 1_020;

/** What is measured here is to some milliseconds: where all ends stood still for so long, it is of that. */
const STOOD_MS = 30;

const LINES = [...TRANSPORTS.map((transport) => [transport, 'twilio'] as const), ['websocket', 'signalwire'] as const];

describe.each(LINES)('barge-in over %s, at %s', { timeout: 240_000 }, (transport, carrier) => {
  it('[twilio, signalwire] clear, marks: silences the agent at once, and what was heard is known to 40 ms', ({
    own,
    skip,
  }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(await startRig({ transport, model: { voice: { tone: AGENT_HZ, ms: 6_000, dbfs: -15 } } }));
      const loop = own(watchLoop());
      const { phone, report } = rig.call({
        carrier,
        source: silenceSource(),
        interruptAtMs: 2_000,
        interruptWith: toneSource(CALLER_HZ, { ms: 700, dbfs: -12 }),
        hangUpAfterMs: 7_000,
        onInterruption: () => {
          const heard = rig.of('barge_in')[0]?.heard[0];
          if (heard !== undefined) phone.reportHeard(heard.heardMs);
        },
      });
      const result = await report;
      const stream = result.streams[0];
      const [interruption] = stream?.interruptions ?? [];
      if (interruption === undefined) throw new Error('the agent was not interrupted');
      const [bargeIn] = rig.of('barge_in');
      const session = rig.model.sessions[0];
      const truncations = session?.received.filter((event) => event['type'] === 'conversation.item.truncate') ?? [];
      // From the caller's first sound to silence: the model's turn detection takes most of it.
      const withinMs = transport === 'webrtc' ? 600 : 400;
      const offBy = (heardMs: unknown) => Math.abs(Number(heardMs ?? 0) - interruption.heardMs);
      const isLate =
        interruption.silencedBy !== 'clear' ||
        Number(interruption.delayMs) >= withinMs ||
        interruption.leftoverMs > 0 ||
        Number(bargeIn?.clearMs) > 5 ||
        [interruption.reportedHeardMs, ...truncations.map((event) => event['audio_end_ms'])].some(
          (ms) => offBy(ms) > 40,
        );
      loop.excuses(skip, isLate, STOOD_MS);
      expect(interruption.silencedBy).toBe('clear');
      expect(interruption.delayMs).toBeLessThan(withinMs);
      expect(interruption.leftoverMs).toBe(0);

      expect(bargeIn?.clearMs).toBeLessThanOrEqual(5);
      expect(offBy(interruption.reportedHeardMs)).toBeLessThanOrEqual(40);
      if (transport === 'websocket') {
        expect(truncations).toHaveLength(1);
        expect(offBy(truncations[0]?.['audio_end_ms'])).toBeLessThanOrEqual(40);
      } else {
        expect(truncations).toHaveLength(0);
        expect(session?.received.map((event) => event['type'])).toContain('output_audio_buffer.clear');
      }
      // Neither a truncation beyond the item's end, nor a cancel with nothing to cancel.
      expect(session?.errors.filter((code) => code !== 'response_cancel_not_active')).toEqual([]);
      expect(rig.agentEvents('error')).toEqual([]);
      // The caller's turn is answered afterwards.
      await until(() => (session?.responses ?? 0) >= 2, 'the answer to the interruption');
    }));
});
