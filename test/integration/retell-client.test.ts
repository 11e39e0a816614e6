import { describe, expect } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { RetellServer } from '../../src/simulator/retell/index.ts';
import { Peer } from '../../src/transport/peer.ts';
import { openSocket } from '../../src/transport/socket.ts';
import { until } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';

/**
 * What Retell's own client does, and its documents do not say: the stand-in takes it as the real one does, and no less strictly.
 * https://github.com/RetellAI/retell-client-js-sdk/blob/main/src/gateway-transport.ts
 */

const KEY = 'key-of-the-account';
const AGENT = 'agent_7';

async function called(own: Own) {
  const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT] }));
  const post = async (path: string, key: string, body: object) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    return fetch(retell.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  };
  const made = await post('/v3/create-web-call', KEY, { agent_id: AGENT });
  const { call_id, access_token } = (await made.json()) as Record<string, string>;
  return { retell, callId: call_id!, token: access_token!, post };
}

/** A peer of the client's; its candidates are told of when they are found, none stands in its offer. */
async function clientsPeer(own: Own) {
  const states: string[] = [];
  const peer = new Peer({ iceServers: [], clock: systemClock }, { state: (state) => void states.push(state) });
  own({ close: async () => peer.close() });
  peer.createChannel('control').attach({ text: () => {} });
  return { peer, states, offer: await peer.createOffer() };
}

describe("Retell's gateway, asked as its own client asks", () => {
  it('takes an offer without a candidate, and a hang-up after the peer was closed, also twice', async ({ own }) => {
    const { retell, callId, token, post } = await called(own);
    const { peer, states, offer } = await clientsPeer(own);
    expect(offer).not.toContain('a=candidate');
    const sessions = `/webrtc-proxy/${callId}/v1/webrtc/sessions`;
    const answered = await post(sessions, token, { identity: 'client', sdp: offer });
    expect(answered.status).toBe(201);
    const { session_id, sdp } = (await answered.json()) as Record<string, string>;
    await peer.acceptAnswer(sdp!);
    // It was told of no way to this end, and learns it from our checks.
    await until(() => states.includes('connected'), 'the connection');
    expect(retell.sessions[0]!.candidates).toEqual([]);
    peer.close();
    for (let i = 0; i < 2; i++) {
      const headers = { authorization: `Bearer ${token}` };
      const gone = await fetch(`${retell.url}${sessions}/${session_id}`, { method: 'DELETE', headers });
      expect(gone.status).toBe(204);
    }
    expect(retell.sessions[0]!.deleted).toBe(2);
    expect(retell.calls[0]!.status).toBe('ended');
  });

  it('knows no call that it did not make: 404, which nobody asks again', async ({ own }) => {
    const { token, post } = await called(own);
    const { offer } = await clientsPeer(own);
    const refused = await post('/webrtc-proxy/call_of_nobody/v1/webrtc/sessions', token, {
      identity: 'client',
      sdp: offer,
    });
    expect(refused.status).toBe(404);
  });

  it.for([
    ['the name of the scheme first', ['bearer', KEY], true],
    ['the key first', [KEY, 'bearer'], false],
    ['the key alone', [KEY], false],
    ['another key', ['bearer', 'key-of-another'], false],
  ] as const)('shows a transcript to who offers %s', async ([, protocols, taken], { own }) => {
    const { retell, callId } = await called(own);
    const asked = openSocket(
      `${retell.url.replace('http', 'ws')}/v2/monitor-call/${callId}`,
      { text: () => {}, binary: () => {}, close: () => {} },
      {
        protocols: [...protocols],
        maxMessageBytes: 65_536,
        pingIntervalMs: 0,
        connectTimeoutMs: 5_000,
        clock: systemClock,
        signal: new AbortController().signal,
      },
    );
    if (!taken) await expect(asked).rejects.toMatchObject({ status: 401 });
    else (await asked).close(1000);
  });
});
