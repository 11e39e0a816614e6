import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { fixtures } from './calls-rig.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { type Rig, startRig, TRANSPORTS, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What a caller does beside speaking: presses keys, or says nothing at all. */

const voice = { tone: 620, ms: 600, dbfs: -15 };
const ROUTES_FILE = join(fixtures, 'routes.yaml');
const PROMPTS_DIR = join(fixtures, 'prompts');
const TOOLS_DIR = join(fixtures, 'keypad-tools');

/** Turns of the user that the bridge typed. */
const typed = (rig: Rig) =>
  (rig.model.sessions[0]?.received ?? []).flatMap((event) => {
    const item = event['item'] as { role?: string; content?: Array<{ text?: string }> } | undefined;
    return event['type'] === 'conversation.item.create' && item?.role === 'user' ? [item.content?.[0]?.text ?? ''] : [];
  });

const dtmf = (rig: Rig) =>
  rig
    .of('caller')
    .flatMap(({ event }) => (event.type === 'dtmf' ? [event.digit] : []))
    .join('');

const LINES = [...TRANSPORTS.map((transport) => [transport, 'twilio'] as const), ['websocket', 'signalwire'] as const];

describe.concurrent.each(LINES)('keys, the model on %s, at %s', (transport, carrier) => {
  it('[twilio, signalwire] digits in: become a turn that the agent answers, cut in on what it says, and are in no log', async ({
    own,
  }) => {
    const long = { tone: 620, toneMs: 6_000 };
    const rig = own(
      await startRig({ transport, settings: { ROUTES_FILE }, scenario: { greeting: long }, model: { voice } }),
    );
    const { phone, report } = rig.call({ carrier, source: silenceSource() });
    await until(() => rig.of('first_agent_audio').length > 0, 'the greeting');
    phone.press('4711#');
    await until(() => typed(rig).length > 0, 'the turn');
    expect(typed(rig)).toEqual(['[The caller pressed on the keypad: 4 7 1 1]']);
    await until(() => rig.of('barge_in').length > 0, 'the greeting is cut');
    await until(() => rig.agentEvents('audio_started').length > 1, 'the answer');
    phone.hangUp();
    await report;
    expect(dtmf(rig)).toBe('4711#');
    expect(JSON.stringify(rig.lines)).not.toMatch(/4711|4 7 1 1/);
  });
});

describe.concurrent('a tool', () => {
  it('may ask for digits that nobody else sees', async ({ own }) => {
    const rig = own(
      await startRig({
        settings: { ROUTES_FILE, PROMPTS_DIR, TOOLS_DIR },
        scenario: { turns: [{ tools: [{ name: 'ask_pin' }], afterTools: { tone: 620, toneMs: 300 } }] },
        model: { voice },
      }),
    );
    const { phone, report } = rig.call({ source: silenceSource() });
    await until(() => rig.of('connected')[0], 'both ends on the line');
    phone.say(toneSource(1_020, { ms: 500, dbfs: -15 }));
    await until(() => rig.of('tool').length > 0, 'the tool asks');
    phone.press('9876#');
    const outputs = await until(() => {
      const found = (rig.model.sessions[0]?.received ?? []).flatMap((event) => {
        const item = event['item'] as { type?: string; output?: string } | undefined;
        return item?.type === 'function_call_output' ? [item.output] : [];
      });
      return found.length > 0 && found;
    }, 'the result');
    expect(outputs).toEqual([JSON.stringify({ digits: 4 })]);
    // Keys after the answer are turns again.
    phone.press('1#');
    await until(() => typed(rig).length > 0, 'the turn');
    expect(typed(rig)).toEqual(['[The caller pressed on the keypad: 1]']);
    phone.hangUp();
    await report;
    expect(dtmf(rig)).toBe('xxxxx1#');
    expect(JSON.stringify(rig.lines)).not.toContain('9876');
    expect(JSON.stringify(rig.model.sessions[0]?.received)).not.toContain('9 8 7 6');
  });
});

describe.concurrent.each(TRANSPORTS)('a caller who says nothing, the model on %s', (transport) => {
  it('is asked, then told goodbye, which he hears before the line goes', { timeout: 240_000 }, ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(
        await startRig({
          transport,
          settings: { ROUTES_FILE: join(fixtures, 'impatient.yaml'), PROMPTS_DIR },
          model: { voice },
        }),
      );
      const { report } = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
      await until(() => rig.of('first_agent_audio')[0], 'the agent', 20_000);
      const loop = own(watchLoop());
      const result = await report;
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-silent' });
      const asks = (rig.model.sessions[0]?.received ?? []).filter((event) => event['type'] === 'response.create');
      expect(asks.map((event) => JSON.stringify(event))).toEqual([
        expect.stringContaining('whether they are still there'),
        expect.stringContaining('say goodbye'),
      ]);
      // Two silences of three seconds, and what the agent said between and after.
      expect(ended.durationMs).toBeGreaterThan(6_000);
      expect(ended.durationMs).toBeLessThan(14_000);
      const { agentSpoke, playback } = result.streams[0]!;
      const isWhole = agentSpoke.length === 2 && playback.unheardMs < 100;
      loop.excuses(skip, !isWhole, 50);
      expect(agentSpoke).toHaveLength(2);
      expect(playback.unheardMs).toBeLessThan(100);
      expect(result.ended.reason).not.toContain('caller');
    }),
  );
});
