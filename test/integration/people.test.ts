import { describe, expect } from 'vitest';
import { readBySocket } from './events-reader.ts';
import { startFleet } from './fleet-rig.ts';
import { askAsOperator } from './operator.ts';
import { postgresCluster, postgresMissing } from './postgres.ts';
import { asked, type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** People with roles, over every route that there is; what they did; and a token that is revoked. */

interface Made {
  readonly person: { readonly id: string; readonly name: string };
  readonly token: string;
}

async function somebody(rig: Rig, name: string, role: string): Promise<Made> {
  const answer = await askAsOperator(`${rig.url}/people`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, role }),
  });
  expect(answer.status).toBe(201);
  return (await answer.json()) as Made;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** What these routes answer to somebody who asks for something that there is not. */
async function statuses(rig: Rig, token: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { method, url } of rig.app.http.routes) {
    if (method === 'OPTIONS') continue;
    const answer = await fetch(rig.url + url.replace(/:\w+/g, 'abc'), {
      method,
      headers: bearer(token),
      signal: AbortSignal.timeout(5_000),
    });
    await answer.body?.cancel();
    found.set(`${method} ${url}`, answer.status);
  }
  return found;
}

const UNSET = { BROWSER_ACCESS: 'admin', METRICS_ACCESS: 'admin', RATE_LIMIT_API: '0', RATE_LIMIT_BROWSER_CALLS: '0' };
/** Who is asked by others than operators: carriers, strangers, whoever hands calls on. */
const NOT_OPERATORS =
  /^(POST|GET|HEAD) \/(console|health|ready|openapi\.json|incoming-call|call-continue|stream-status|call-status|hosted-document|transfer-ended|vonage|whatsapp\/webhook|bridge|tests\/tools\/|$)/;
/** What admins alone may do, besides removing. */
const ADMINS = /^(POST|GET|HEAD) \/(people|audit)|^POST \/agents\/file$/;
/** What is read by operators alone: whoever listens to a call can speak on it, and whoever comes by the other is a caller. */
const NO_VIEWERS = /^GET \/(listen|test-agent)$/;
/** A question that is too long for an address: nothing is done by it. */
const QUESTIONS = /^POST \/agents\/answer$/;

describe('roles', () => {
  it('hold over the whole table of routes: a viewer acts on nothing, an operator removes nothing', async ({ own }) => {
    const rig = own(await startRig({ settings: UNSET }));
    const { token: viewer } = await somebody(rig, 'Vera', 'viewer');
    const { token: operator } = await somebody(rig, 'Olaf', 'operator');
    const { token: admin } = await somebody(rig, 'Ada', 'admin');
    const guarded = (all: Map<string, number>) => [...all].filter(([route]) => !NOT_OPERATORS.test(route));
    const seen = { viewer: await statuses(rig, viewer), operator: await statuses(rig, operator) };
    expect(guarded(seen.viewer).length).toBeGreaterThan(20);
    for (const [route, status] of guarded(seen.viewer)) {
      const asks = /^(GET|HEAD) /.test(route) || QUESTIONS.test(route);
      const reads = asks && !ADMINS.test(route) && !NO_VIEWERS.test(route);
      expect(status === 403, `a viewer asks ${route}: ${status}`).toBe(!reads);
      expect(status, route).not.toBe(401);
    }
    for (const [route, status] of guarded(seen.operator)) {
      const removes = route.startsWith('DELETE ') && !route.includes('/webrtc/bridge');
      expect(status === 403, `an operator asks ${route}: ${status}`).toBe(removes || ADMINS.test(route));
    }
    for (const [route, status] of guarded(await statuses(rig, admin)))
      expect([401, 403].includes(status), `an admin asks ${route}: ${status}`).toBe(false);
  });

  it('the token of the settings is an admin’s, and says so', async ({ own }) => {
    const rig = own(await startRig());
    expect(await (await askAsOperator(`${rig.url}/me`)).json()).toEqual({ id: 'admin', name: 'admin', role: 'admin' });
    const { token, person } = await somebody(rig, 'Olaf', 'operator');
    expect(await (await fetch(`${rig.url}/me`, { headers: bearer(token) })).json()).toEqual({
      ...{ id: person.id, name: 'Olaf', role: 'operator' },
    });
  });
});

describe('a token that is revoked', () => {
  it('is refused at once, and what it had open ends', async ({ own }) => {
    const rig = own(await startRig());
    const { token, person } = await somebody(rig, 'Vera', 'viewer');
    const { token: other } = await somebody(rig, 'Otto', 'viewer');
    const socket = await readBySocket(rig.url, '', { headers: bearer(token) });
    const others = await readBySocket(rig.url, '', { headers: bearer(other) });
    const stream = await fetch(`${rig.url}/events`, { headers: bearer(token) });
    expect(stream.status).toBe(200);
    const streamEnds = stream.text().catch(() => 'cut');
    const revoked = await askAsOperator(`${rig.url}/people/${person.id}`, { method: 'DELETE' });
    expect(revoked.status).toBe(204);
    expect((await fetch(`${rig.url}/calls`, { headers: bearer(token) })).status).toBe(401);
    expect(await until(() => socket.ended, 'the socket is closed')).toMatchObject({ code: 1008 });
    await streamEnds;
    expect(others.ended).toBeUndefined();
    await expect(readBySocket(rig.url, '', { headers: bearer(token) })).rejects.toThrow();
    others.close();
    const again = await askAsOperator(`${rig.url}/people/${person.id}`, { method: 'DELETE' });
    expect(again.status).toBe(404);
  });
});

describe.skipIf(postgresMissing() !== undefined)('two instances with one database', () => {
  it('know the same people, and what was revoked at one is refused, and closed, at the other at once', async () => {
    const cluster = await postgresCluster();
    const fleet = await startFleet({ settings: { DATABASE_URL: cluster.database('people') } });
    try {
      const made = await fleet.operate('POST', '/people', { name: 'Vera', role: 'viewer' }, 0);
      const { token, person } = (await made.json()) as Made;
      const there = fleet.instances[1]!.url;
      expect((await fetch(`${there}/calls`, { headers: bearer(token) })).status).toBe(200);
      const socket = await readBySocket(there, '', { headers: bearer(token) });
      expect((await fleet.operate('DELETE', `/people/${person.id}`, undefined, 0)).status).toBe(204);
      expect((await fetch(`${there}/calls`, { headers: bearer(token) })).status).toBe(401);
      // Long before it would be looked at by itself.
      expect(await until(() => socket.ended, 'the socket at the other is closed', 5_000)).toMatchObject({ code: 1008 });
      // What was done at either is told by both.
      const entries = await asked(async () => {
        const audit = (await (await fleet.operate('GET', '/audit', undefined, 1)).json()) as {
          entries: Array<{ action: string }>;
        };
        return audit.entries.length > 1 && audit.entries;
      }, 'what was done at the other to be written');
      expect(entries.map(({ action }) => action)).toEqual(['revokePerson', 'addPerson']);
    } finally {
      await fleet.close();
      cluster.remove();
    }
  });
});

describe('the audit log', () => {
  it('has who did what to which call, refusals too, and tells it to admins by person, target and page', async ({
    own,
  }) => {
    const rig = own(await startRig());
    const { token: viewer } = await somebody(rig, 'Vera', 'viewer');
    const { token: operator, person } = await somebody(rig, 'Olaf', 'operator');
    await fetch(`${rig.url}/calls/no-such-call/hangup`, { method: 'POST', headers: bearer(operator) });
    await fetch(`${rig.url}/calls/no-such-call/hangup`, { method: 'POST', headers: bearer(viewer) });
    await fetch(`${rig.url}/calls`, { headers: bearer(operator) });
    const read = async (query: string) =>
      (await (await askAsOperator(`${rig.url}/audit?${query}`)).json()) as {
        entries: Array<Record<string, unknown>>;
        next: string | null;
      };
    const { entries } = await read('');
    expect(entries).toMatchObject([
      { name: 'Vera', role: 'viewer', action: 'hangUpCall', target: 'no-such-call', status: 403 },
      { name: 'Olaf', role: 'operator', action: 'hangUpCall', target: 'no-such-call', status: 404 },
      { name: 'admin', action: 'addPerson', target: person.id, status: 201 },
      { name: 'admin', action: 'addPerson', status: 201 },
    ]);
    expect((await read(`person=${person.id}`)).entries).toHaveLength(1);
    expect((await read('target=no-such-call')).entries).toHaveLength(2);
    expect((await read('action=addPerson')).entries).toHaveLength(2);
    expect((await read(`until=${new Date(0).toISOString()}`)).entries).toEqual([]);
    const first = await read('limit=3');
    expect(first.next).toBe(entries[2]?.['id']);
    expect((await read(`limit=3&before=${first.next}`)).entries).toEqual(entries.slice(3));
    expect(JSON.stringify(entries)).not.toContain(operator);
    expect(JSON.stringify(rig.lines)).not.toContain(operator);
  });
});
