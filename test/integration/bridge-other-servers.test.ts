import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Servers of other makers that speak this protocol in ways of their own hold a call as OpenAI's do. */

const AGENT_HZ = 620;
const CALLER_HZ = 1_020;
const ROUTES_FILE = join(import.meta.dirname, '../fixtures/routes.yaml');

describe.concurrent.each(TRANSPORTS)('a server that gives ids again, over %s', (transport) => {
  it('is heard, runs its tool once, and is interrupted at each of its answers', async ({ own }) => {
    const say = { tone: AGENT_HZ, toneMs: 4_000 };
    const rig = own(
      await startRig({
        transport,
        settings: { ROUTES_FILE },
        scenario: {
          greeting: say,
          turns: [{ say }, { tools: [{ name: 'look_up_caller' }], afterTools: say }],
          faults: [{ fault: 'other_dialect' }],
        },
      }),
    );
    const turn = [toneSource(CALLER_HZ, { ms: 600, dbfs: -12 }), { pauseMs: 2_400 }];
    const source = scriptSource([{ pauseMs: 2_000 }, ...turn, ...turn, ...turn]);
    const { phone, report } = rig.call({ source, from: '+12025550143', hangUpAfterMs: 12_000 });
    expect((await report).ok).toBe(true);

    // The greeting and the first answer were cut, one after the other, though both are item_0.
    const cuts = rig.of('barge_in').filter((event) => event.heard.some((part) => part.heardMs > 0));
    expect(cuts.length).toBeGreaterThanOrEqual(2);
    expect(new Set(cuts.flatMap((event) => event.heard.map((part) => part.itemId))).size).toBeGreaterThanOrEqual(2);
    if (transport === 'websocket') {
      const truncated = rig.model.sessions[0]?.received.filter(({ type }) => type === 'conversation.item.truncate');
      expect(truncated?.length).toBeGreaterThanOrEqual(2);
    }
    const calls = rig.agentEvents('tool_call');
    expect(calls).toMatchObject([{ name: 'look_up_caller' }]);
    await until(() => rig.model.sessions[0]?.receivedByType.get('conversation.item.create'), 'the result of the tool');
    const heard = phone.recordedChannels();
    const heardMs = toneAloneMs(heard?.agent ?? new Int16Array(), heard?.sampleRate ?? 8_000, AGENT_HZ);
    expect(heardMs).toBeGreaterThan(3_000);
    expect(rig.model.sessions[0]?.errors.filter((code) => code !== 'response_cancel_not_active')).toEqual([]);
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end.reason).toBe('caller-hangup');
  });
});
