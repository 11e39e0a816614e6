import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect } from 'vitest';
import { type AudioSource, scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { openStore } from '../../src/stores/store.ts';
import { audibleMs, hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { type Rig, startRig, TRANSPORTS, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { expectUntorn } from './untorn.ts';

/** Tools at work in real calls: what the model asks for is done, and audio does not wait for it. */

const ZONE = 'America/New_York';
const fixtures = join(import.meta.dirname, '../fixtures');
const ROUTES_FILE = join(fixtures, 'routes.yaml');
const voice = { tone: 620, ms: 600, dbfs: -15 };
const CALLER = '+12025550143';

/** A caller who takes a turn of 500 ms `times` times. */
function turns(times: number, pauseMs = 2_500): AudioSource {
  const turn = [toneSource(1_020, { ms: 500, dbfs: -15 }), { pauseMs }];
  return scriptSource([{ pauseMs: 2_000 }, ...Array.from({ length: times }, () => turn).flat()]);
}

const outputs = (rig: Rig, session = 0) =>
  (rig.model.sessions[session]?.received ?? []).flatMap((event) => {
    const item = event['item'] as { type?: string; output?: string } | undefined;
    return item?.type === 'function_call_output' ? [item.output ?? ''] : [];
  });

/** A time that is free in the example business. */
async function freeSlot(service = 'check-up'): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-'));
  const store = await openStore({ path: join(folder, 'a.db'), zone: ZONE, example: true });
  const now = Date.now();
  const from = new Date(now + 2 * 86_400_000).toISOString().slice(0, 10);
  const [slot] = await store.appointments.available({ service, from, days: 7, limit: 1 }, now);
  await store.close();
  rmSync(folder, { recursive: true });
  if (slot === undefined) throw new Error('the example business has no free time');
  return slot.start;
}

describe.concurrent.each(TRANSPORTS)('a call over %s', { timeout: 240_000 }, (transport) => {
  it('looks up, books, takes a message and transfers; the database holds exactly that', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const start = await freeSlot();
      const say = { tone: 620, toneMs: 400 };
      const rig = own(
        await startRig({
          transport,
          // What else is heard behind a turn is no answer to it.
          settings: { ROUTES_FILE, DIAL_ALLOW: '+1202', BUSINESS_TIMEZONE: ZONE, TOOL_FILLER: 'off' },
          model: { voice },
          scenario: {
            turns: [
              { tools: [{ name: 'look_up_caller' }], afterTools: say },
              {
                tools: [{ name: 'book_appointment', arguments: { service: 'check-up', start, name: 'Maria Santos' } }],
                afterTools: say,
              },
              {
                tools: [{ name: 'take_message', arguments: { message: 'Please call me back.', urgent: false } }],
                afterTools: say,
              },
              { say, tools: [{ name: 'transfer_call', arguments: { destination: '+12025550100' } }] },
            ],
          },
        }),
      );
      const loop = own(watchLoop());
      const { phone, report } = rig.call({ source: silenceSource(), from: CALLER });
      const turn = toneSource(1_020, { ms: 500, dbfs: -15 });
      await hearsOut(phone, 300);
      for (let i = 1; i <= 3; i++) {
        phone.say(turn);
        await until(() => outputs(rig).length >= i, 'the result of the tool');
        await hearsOut(phone, audibleMs(phone) + 200);
      }
      phone.say(turn);
      const result = await report;
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      const unheardMs = result.streams[0]?.playback.unheardMs ?? Number.NaN;
      // Words that come over WebRTC with a hole are two turns, of which the second keeps the line.
      loop.excuses(skip, ended.end.reason !== 'transferred' || unheardMs >= 100, 50);
      const [lookedUp = '', booked = '', message = ''] = outputs(rig);
      expect(lookedUp).toContain('Maria Santos');
      expect(JSON.parse(booked)).toMatchObject({ booked: true });
      expect(JSON.parse(message)).toMatchObject({ taken: true });
      // The transfer ends the stream, and the carrier is told whom to connect.
      expect(result.timeline.map((entry) => entry.text).join('\n')).toContain('+12025550100');
      expect(ended.end).toMatchObject({ result: 'success', reason: 'transferred' });
      expect(unheardMs).toBeLessThan(100);

      const db = new DatabaseSync(join(rig.dataDir, 'voicebridge.db'), { readOnly: true });
      const appointments = db.prepare(
        'SELECT service_id, name, caller_number, call_id, cancelled_at FROM appointments',
      );
      const call = rig.of('call_started')[0]?.info.id;
      expect(appointments.all()).toEqual([
        { service_id: 'check-up', name: 'Maria Santos', caller_number: CALLER, call_id: call, cancelled_at: null },
      ]);
      expect(db.prepare('SELECT body, urgent, caller_number, call_id FROM messages').all()).toEqual([
        { body: 'Please call me back.', urgent: 0, caller_number: CALLER, call_id: call },
      ]);
      db.close();
      const finished = rig
        .of('tool')
        .flatMap(({ event }) => (event.type === 'tool_finished' ? [`${event.name} ${event.outcome}`] : []));
      expect(finished.slice(0, 3)).toEqual(['look_up_caller ok', 'book_appointment ok', 'take_message ok']);
    }));

  it('ends politely: the goodbye is heard whole before the line goes', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(
        await startRig({
          transport,
          settings: { ROUTES_FILE },
          model: { voice },
          scenario: {
            turns: [
              { say: { tone: 620, toneMs: 1_500 }, tools: [{ name: 'end_call', arguments: { reason: 'done' } }] },
            ],
          },
        }),
      );
      const loop = own(watchLoop());
      const result = await rig.call({ source: turns(1, 10_000), hangUpAfterMs: 12_000 }).report;
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      // Words that come over WebRTC with a hole are two turns, of which the second keeps the line.
      loop.excuses(skip, ended.end.reason !== 'agent-hangup', 50);
      expect(ended.end.reason).toBe('agent-hangup');
      const goodbye = result.streams[0]?.agentSpoke.at(-1);
      const goodbyeMs = (goodbye?.toMs ?? 0) - (goodbye?.fromMs ?? 0);
      // A stall within it makes two of it.
      loop.excuses(skip, goodbyeMs <= 1_350, 50);
      expect(goodbyeMs).toBeGreaterThan(1_350);
      expect(result.ended.reason).not.toContain('caller');
    }));
});

describe.concurrent('a tool', { timeout: 240_000 }, () => {
  const ownTools = { ROUTES_FILE, TOOLS_DIR: join(fixtures, 'tools'), PROMPTS_DIR: join(fixtures, 'prompts') };

  it.for(TRANSPORTS)('that is slow gets a filler, and the caller hears no gap, over %s', (transport, { own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(
        await startRig({
          transport,
          // What the tools do is heard or not: a stall of this process, which has the phone and the model in it, is not to be.
          settings: { ...ownTools, TOOL_FILLER: 'One moment, please.', PLAYOUT_CUSHION_LEAST_MS: '200' },
          model: { voice: { ...voice, ms: 200 } },
          scenario: {
            turns: [
              { tools: [{ name: 'slow_look_up', arguments: { ms: 2_900 } }], afterTools: { tone: 620, toneMs: 400 } },
            ],
          },
        }),
      );
      const loop = own(watchLoop());
      const { phone, report } = rig.call({ source: silenceSource() });
      await hearsOut(phone, 100);
      phone.say(toneSource(1_020, { ms: 500, dbfs: -15 }));
      await until(() => outputs(rig).length > 0, 'the result of the tool');
      await hearsOut(phone, audibleMs(phone) + 200);
      phone.hangUp();
      const result = await report;
      const asked = (rig.model.sessions[0]?.received ?? []).filter(
        (event) => event['type'] === 'response.create' && JSON.stringify(event).includes('One moment, please.'),
      );
      expect(asked).toHaveLength(1);
      expect(outputs(rig)).toEqual([JSON.stringify({ found: true })]);
      // The filler and the answer.
      expect(result.streams[0]?.agentSpoke.length).toBeGreaterThanOrEqual(2);
      expectUntorn(result, loop, skip);
    }),
  );

  it('books the last time for one of two callers who ask for it at the same moment', async ({ own }) => {
    const start = await freeSlot('cleaning');
    const book = { name: 'book_appointment', arguments: { service: 'cleaning', start, name: 'Somebody' } };
    const rig = own(
      await startRig({
        settings: { ROUTES_FILE, BUSINESS_TIMEZONE: ZONE },
        model: { voice },
        scenario: { turns: [{ tools: [book], afterTools: { tone: 620, toneMs: 400 } }] },
      }),
    );
    const callers = ['+12025550151', '+12025550152'];
    await Promise.all(callers.map((from) => rig.call({ source: turns(1), from, hangUpAfterMs: 6_000 }).report));
    const answers = [0, 1].map((session) => JSON.parse(outputs(rig, session)[0] ?? '{}') as { booked?: boolean });
    expect(answers.map(({ booked }) => booked).toSorted()).toEqual([false, true]);
    expect(answers.find(({ booked }) => booked === false)).toMatchObject({ reason: 'taken' });
    const db = new DatabaseSync(join(rig.dataDir, 'voicebridge.db'), { readOnly: true });
    expect(db.prepare('SELECT name FROM appointments').all()).toEqual([{ name: 'Somebody' }]);
    db.close();
  });

  it('that hangs, throws, is unknown or is called wrongly tells the model so, and nothing of its inside', async ({
    own,
  }) => {
    const rig = own(
      await startRig({
        settings: ownTools,
        model: { voice },
        scenario: {
          turns: [
            {
              tools: [
                { name: 'slow_look_up', arguments: { ms: 60_000 } },
                { name: 'broken' },
                { name: 'no_such_tool' },
                { name: 'slow_look_up', arguments: { ms: 'soon' } },
              ],
              afterTools: { tone: 620, toneMs: 400 },
            },
          ],
        },
      }),
    );
    await rig.call({ source: turns(1, 8_000), hangUpAfterMs: 9_500 }).report;
    const all = outputs(rig);
    expect(all).toHaveLength(4);
    expect(all.every((output) => output.includes('error'))).toBe(true);
    expect(all.join()).not.toContain('inner secret');
    const outcomes = rig.of('tool').flatMap(({ event }) => (event.type === 'tool_finished' ? [event.outcome] : []));
    expect(outcomes.toSorted()).toEqual(['failed', 'invalid', 'timeout', 'unknown']);
    expect(rig.model.sessions[0]?.errors).toEqual([]);
  });

  it('whose result comes after the end of the call is dropped', async ({ own }) => {
    const rig = own(
      await startRig({
        settings: ownTools,
        model: { voice },
        scenario: { turns: [{ tools: [{ name: 'slow_look_up', arguments: { ms: 2_000 } }] }] },
      }),
    );
    const { phone, report } = rig.call({ source: scriptSource([{ pauseMs: 500 }, turns(1, 5_000)]) });
    await until(() => rig.of('tool').length > 0, 'the tool');
    phone.hangUp();
    await report;
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(outputs(rig)).toEqual([]);
    expect(rig.app.calls.size).toBe(0);
  });

  it('leaves a call alone that has nobody to talk to', async ({ own }) => {
    const rig = own(await startRig({ settings: ownTools, model: { voice } }));
    const report = await rig.call({ source: silenceSource(), hangUpAfterMs: 1_500 }).report;
    expect(report.streams[0]?.received.messages).toBe(0);
    expect(rig.of('tool')).toEqual([]);
  });
});
