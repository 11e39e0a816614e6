import { describe, expect } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { openPeers } from '../../src/transport/peer.ts';
import { askAsOperator } from './operator.ts';
import { sleep, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { startWhatsAppRig } from './whatsapp-rig.ts';

/** Calls by WhatsApp where much comes at once, or Meta is away. */

describe('a burst of 50 calls within 2 s, each webhook of which comes twice', () => {
  it('leaves 50 records, none stuck and none doubled, and answers none of the fifth whose end came first', async ({
    own,
  }) => {
    const rig = own(
      await startWhatsAppRig({
        settings: { MAX_CALLS: '60', CALLS_PER_SECOND: '60' },
        model: { voice: { tone: 620, ms: 300, dbfs: -15 } },
      }),
    );
    const wasBegunMs = performance.now();
    // Users who say nothing and send no audio: two cores would be busy with their encoding alone. Their ICE, DTLS and RTCP are real.
    const calls = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        await sleep(i * 35);
        const isReordered = i % 5 === 4;
        const phone = rig.meta.phone({
          source: silenceSource(),
          mute: true,
          delivery: { copies: 2 },
          hangUpAfterMs: 4_000,
          patienceMs: 45_000,
          isReordered,
        });
        return { phone, isReordered, report: phone.placeCall() };
      }),
    );
    expect(performance.now() - wasBegunMs).toBeLessThan(4_000);
    const reports = await Promise.all(calls.map(({ report }) => report));
    const taken = calls.filter(({ isReordered }) => !isReordered);

    const records = await rig.records(50);
    expect(records).toHaveLength(50);
    const ids = records.map(({ carrierCallId }) => carrierCallId);
    expect(new Set(ids)).toEqual(new Set<string | null>(reports.map(({ callSid }) => callSid)));
    expect(records.every(({ endedAt }) => endedAt !== null)).toBe(true);

    // Each that could be was accepted, once, and none got a packet before; of the others Meta hears nothing.
    const accepted = rig.meta.graph.log.filter(({ action }) => action === 'accept');
    expect(accepted.map(({ body }) => body['call_id']).toSorted()).toEqual(
      taken.map(({ phone }) => phone.call?.id).toSorted(),
    );
    expect(accepted.every(({ status }) => status === 200)).toBe(true);
    expect(taken.map(({ phone }) => phone.rtp.packetsBeforeAccept)).toEqual(taken.map(() => 0));
    expect(taken.filter(({ phone }) => phone.rtp.packets === 0)).toEqual([]);
    const reordered = new Set(calls.filter((one) => one.isReordered).map(({ phone }) => phone.call?.id));
    expect(rig.meta.graph.log.filter(({ body }) => reordered.has(String(body['call_id'])))).toEqual([]);
    const ends = records.filter(({ carrierCallId }) => reordered.has(carrierCallId ?? '')).map(({ reason }) => reason);
    expect(ends).toEqual(Array.from({ length: 10 }, () => 'ended-first'));

    // Nothing is left of any.
    const open = (await (await askAsOperator(`${rig.url}/calls`)).json()) as { calls: Array<{ state: string }> };
    expect(open.calls.filter(({ state }) => state === 'active')).toEqual([]);
    await until(() => openPeers() === 0, 'all peers to be closed', 20_000);
    await until(() => rig.model.sessions.every((session) => !session.live), 'the end of all sessions');
  }, 120_000);
});

describe('a Graph API that goes away in mid-call', () => {
  it('leaves the call as it is; its end is clean, and Meta is told when it is back', async ({ own }) => {
    const rig = own(await startWhatsAppRig({ model: { voice: { tone: 620, ms: 1_500, dbfs: -15 } } }));
    const phone = rig.meta.phone({ source: toneSource(1_020), record: true });
    const placed = phone.placeCall();
    await until(() => rig.of('connected')[0], 'the call to be joined');
    await rig.meta.graph.down();
    const before = phone.rtp.packets;
    // Nothing of what is heard goes by way of the Graph API.
    await until(() => phone.rtp.packets - before > 25, 'more of the agent');
    await sleep(500);
    expect(rig.of('call_ended')).toEqual([]);

    const { info } = rig.of('call_started')[0]!;
    expect((await askAsOperator(`${rig.url}/calls/${info.id}/hangup`, { method: 'POST' })).ok).toBe(true);
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    await until(() => openPeers() === 0, 'its peer to be closed');
    await until(() => rig.model.sessions.every((session) => !session.live), 'the end of the session');
    expect(await rig.records(1)).toHaveLength(1);
    // The user still has it on his screen.
    expect(phone.call?.state).toBe('accepted');

    await sleep(1_500);
    await rig.meta.graph.up();
    const report = await placed;
    expect(report.ended).toMatchObject({ by: 'bridge', callStatus: 'completed' });
    await until(() => rig.asked().at(-1)?.[0] === 'terminate', 'Meta to be told');
    await sleep(500);
    expect(rig.asked().filter(([action]) => action === 'terminate')).toEqual([['terminate', 200]]);
    expect(await rig.records(1)).toHaveLength(1);
  });

  it('is not told of the end of a call whose user hung up meanwhile', async ({ own }) => {
    const rig = own(await startWhatsAppRig());
    const phone = rig.meta.phone();
    const placed = phone.placeCall();
    await until(() => rig.of('connected')[0], 'the call to be joined');
    await rig.meta.graph.down();
    phone.hangUp();
    await placed;
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end.reason).toBe('caller-hangup');
    await rig.meta.graph.up();
    await sleep(1_000);
    expect(rig.asked().map(([action]) => action)).toEqual(['pre_accept', 'accept']);
  });
});

describe('a user whose media', () => {
  it('never comes is let go by WhatsApp, and the record says what to look at', async ({ own }) => {
    const rig = own(await startWhatsAppRig({ meta: { limits: { mediaStartMs: 1_500 } } }));
    const phone = rig.meta.phone({ isUnreachable: true });
    const report = await phone.placeCall();
    expect(report.ended).toMatchObject({ by: 'carrier', reason: expect.stringContaining('138021') });
    const [record] = await rig.records(1);
    expect(record).toMatchObject({ reason: 'media-lost' });
    expect(rig.asked().map(([action]) => action)).not.toContain('terminate');
    await until(() => openPeers() === 0, 'its peer to be closed');
  });
});
