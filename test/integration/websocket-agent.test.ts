import { describe } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { startBuoys } from '../fixtures/kinds/agent/far-end.ts';
import { converse, cutsIn } from './agent-heard.ts';
import { onlyRecord, startAgentRig } from './agents-rig.ts';
import { loudestTone, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** A phone call that is answered by an agent which nothing of the daemon knows but what its route says. */

const CALLER_HZ = 1_020;
// Far enough apart that what the edge of one tone spreads into a window is not the other.
const AGENT_HZ = 620;
const TOKEN = 'token-canary-of-the-buoys';

/** What an operator writes about an agent with messages of its own. */
const described = (url: string, pace: 'live' | 'burst') => ({
  kind: 'websocket',
  url,
  name: 'buoy-3',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable, as routes name it.
  headers: { Authorization: 'Bearer ${AGENT_BUOY_TOKEN}' },
  audio: { rate: 16_000, pace },
  start: { type: 'hello', instructions: '{{instructions}}', tone: AGENT_HZ, pace, call: '{{call_id}}' },
  send: { interrupt: { type: 'hush' } },
  events: [
    { when: { type: 'open' }, is: 'ready', id: 'session' },
    { when: { type: 'talk' }, is: 'answer-started', id: 'id' },
    { when: { type: 'quiet' }, is: 'answer-ended' },
    { when: { type: 'caller', speaks: true }, is: 'interrupted' },
    { when: { type: 'caller', speaks: false }, is: 'caller-stops' },
  ],
});

async function rigWith(
  own: <T extends { close(): Promise<void> }>(one: T) => T,
  pace: 'live' | 'burst',
  talkMs: number,
) {
  process.env['AGENT_BUOY_TOKEN'] = TOKEN;
  const buoys = own(await startBuoys({ token: TOKEN, talkMs }));
  return { buoys, rig: own(await startAgentRig(described(`${buoys.url}?key=url-canary`, pace))) };
}

describe.concurrent.each(['live', 'burst'] as const)('an agent behind a WebSocket, its audio %s', (pace) => {
  it('answers a phone call: each side’s tone reaches the other, alone, and one record is left', async ({
    own,
    expect,
  }) => {
    const { rig, buoys } = await rigWith(own, pace, 1_500);
    const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
    await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
    const result = await report;
    expect(result.reason).toBe('audio went both ways');
    const heard = phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
    expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);
    const session = buoys.sessions[0]!;
    expect(toneAloneMs(session.heard(), 16_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
    expect(loudestTone(session.heard(), 16_000, AGENT_HZ)).toBeLessThan(-50);
    expect(rig.of('turn')).toHaveLength(1);
    await until(() => session.closed, 'the agent closed');
    expect(await onlyRecord(rig)).toMatchObject({
      model: 'buoy-3',
      transports: ['websocket'],
      result: 'success',
      reason: 'caller-hangup',
    });
    const lines = JSON.stringify(rig.lines);
    expect(lines).not.toContain('canary');
    expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('is cut off by a caller who speaks over it', async ({ own, expect }) => {
    const { rig, buoys } = await rigWith(own, pace, 6_000);
    const { phone, report } = rig.call({ source: silenceSource(), ...cutsIn(rig, () => phone, CALLER_HZ) });
    const result = await report;
    const [cut] = rig.of('barge_in');
    expect(cut?.heard[0]?.heardMs).toBeGreaterThan(1_000);
    expect(cut?.heard[0]?.heardMs).toBeLessThan(3_500);
    expect(buoys.sessions[0]?.hushes).toBe(1);
    expect(result.streams[0]?.interruptions.length).toBeGreaterThanOrEqual(1);
  });
});

describe.concurrent('an agent behind a WebSocket that cannot be had', () => {
  it('is told by a code, without its address', async ({ own, expect }) => {
    process.env['AGENT_BUOY_TOKEN'] = TOKEN;
    const buoys = own(await startBuoys({ token: 'another' }));
    const rig = own(await startAgentRig(described(`${buoys.url}?key=url-canary`, 'live')));
    await rig.call({ source: toneSource(CALLER_HZ), hangUpAfterMs: 8_000 }).report;
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'upstream_error', reason: 'model-auth' });
    expect(JSON.stringify([rig.lines, ended])).not.toContain('canary');
  });
});
