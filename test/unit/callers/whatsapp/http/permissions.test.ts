import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../../src/callers/whatsapp/graph/errors.ts';
import type { Permission } from '../../../../../src/callers/whatsapp/graph/permission.ts';
import { graphAnswer, graphCodes } from '../../../../../src/callers/whatsapp/http/errors.ts';
import {
  type PermissionReply,
  Permissions,
  permissionNotice,
} from '../../../../../src/callers/whatsapp/http/permissions.ts';
import { permissionsApi } from '../../../../../src/callers/whatsapp/http/permissions-api.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { routes } from '../../../../../src/orders/calls-api-routes.ts';
import { mayDialBy } from '../../../../../src/orders/outbound-guard.ts';
import { checkWhatsApp } from '../../../../../src/tools/policy.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { fakeLog } from '../../../../fakes/legs.ts';
import { NUMBER_ID } from '../../../../fakes/meta.ts';

const USER = 'US.13491208655302741918';
const TOKEN = 'operators-token';
const DAY = 86_400_000;

const says = (status: string, canCall: boolean, canAsk: boolean, until?: number): Permission => ({
  status,
  until: undefined,
  actions: [
    { name: 'start_call', allowed: canCall, limits: [] },
    {
      name: 'send_call_permission_request',
      allowed: canAsk,
      limits: [{ period: 'P1D', most: 1, used: canAsk ? 0 : 1, until }],
    },
  ],
});

async function rig() {
  const clock = new FakeClock();
  const log = fakeLog();
  const told: object[] = [];
  const memory = new LocalMemory({ clock });
  const permissions = new Permissions({
    memory,
    clock,
    log,
    told: (event, reply) => void told.push(permissionNotice(event, reply)),
  });
  const asked: object[] = [];
  const state = { permission: async () => says('no_permission', false, true) };
  const graph = {
    phoneNumberId: NUMBER_ID,
    permissions: async () => state.permission(),
    askPermission: async (to: object, text: string) => {
      asked.push({ to, text });
      return { messageId: 'wamid.1' };
    },
  };
  const app = Fastify();
  const policy = { allow: ['+1202', 'whatsapp:US.'] };
  await app.register(permissionsApi, {
    admin: { tokens: [TOKEN] },
    numbers: new Map([[NUMBER_ID, graph]]),
    permissions,
    mayDial: (to) => mayDialBy(checkWhatsApp(to, policy)),
  });
  const ask = async (method: 'GET' | 'POST', url: string, payload?: object, token = TOKEN) => {
    const answer = await app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}` },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };
  const reply = (over: object = {}) =>
    permissions.reply({
      type: 'permission',
      phoneNumberId: NUMBER_ID,
      displayNumber: '',
      user: { userId: USER, waId: '12025550143', from: '12025550143' },
      accepted: true,
      permanent: false,
      until: clock.wall() + 7 * DAY,
      source: 'user_action',
      ...over,
    });
  return { clock, log, permissions, graph, state, asked, told, ask, reply };
}

describe('POST /whatsapp/permissions', () => {
  it('asks a user, by number or by user id, in the words that are given', async () => {
    const { ask, asked } = await rig();
    expect(await ask('POST', '/whatsapp/permissions', { to: 'whatsapp:+1 202 555 0143' })).toMatchObject({
      status: 200,
      body: {
        to: 'whatsapp:+12025550143',
        asked: true,
        messageId: 'wamid.1',
        status: 'no_permission',
        canCall: false,
        canAsk: true,
      },
    });
    await ask('POST', '/whatsapp/permissions', { to: USER, text: 'Dürfen wir anrufen?' });
    expect(asked).toEqual([
      { to: { to: '12025550143' }, text: expect.stringContaining('May we?') },
      { to: { recipient: USER }, text: 'Dürfen wir anrufen?' },
    ]);
  });

  it('asks nobody who has allowed it, and nobody as often as is too often', async () => {
    const { ask, asked, state, clock } = await rig();
    state.permission = async () => says('permanent', true, false);
    expect(await ask('POST', '/whatsapp/permissions', { to: USER })).toMatchObject({
      status: 200,
      body: { asked: false, canCall: true },
    });
    const until = clock.wall() + 30_000;
    state.permission = async () => says('no_permission', false, false, until);
    const answer = await ask('POST', '/whatsapp/permissions', { to: USER });
    expect(answer).toMatchObject({ status: 429, body: { error: { code: 'GRAPH_PERMISSION_ASKED_TOO_OFTEN' } } });
    expect(answer.headers['retry-after']).toBe('30');
    expect(asked).toEqual([]);
  });

  it.each([
    ['without the operators’ token', { to: USER }, 'wrong', 401, 'ADMIN_TOKEN_INVALID'],
    ['of nobody whom the lists do not name', { to: 'whatsapp:DE.1' }, TOKEN, 403, 'DESTINATION_REFUSED'],
    ['of a number that there is not', { to: 'whatsapp:+1202' }, TOKEN, 400, 'REQUEST_INVALID'],
    ['by a number that is not ours', { to: USER, from: '99999' }, TOKEN, 404, 'WHATSAPP_NUMBER_UNKNOWN'],
    ['with what is not known', { to: USER, urgent: true }, TOKEN, 400, 'REQUEST_INVALID'],
  ])('asks nothing %s', async (_, body, token, status, code) => {
    const { ask, asked } = await rig();
    expect(await ask('POST', '/whatsapp/permissions', body, token)).toMatchObject({
      status,
      body: { error: { code } },
    });
    expect(asked).toEqual([]);
  });

  it('says by its code what Meta refuses', async () => {
    const { ask, graph } = await rig();
    graph.askPermission = () =>
      Promise.reject(new GraphError('GRAPH_NO_OPEN_CONVERSATION', 'no', { graphCode: 131047 }));
    expect(await ask('POST', '/whatsapp/permissions', { to: USER })).toMatchObject({
      status: 409,
      body: { error: { code: 'GRAPH_NO_OPEN_CONVERSATION', graphCode: 131047, uncertain: false } },
    });
  });
});

describe('what a user answers', () => {
  it('is kept under both of his ids, shown beside what Meta says, and told', async () => {
    const { ask, reply, told, state, clock } = await rig();
    state.permission = async () => says('temporary', true, false);
    reply();
    for (const to of ['whatsapp:12025550143', USER])
      expect(await ask('GET', `/whatsapp/permissions?${new URLSearchParams({ to })}`)).toMatchObject({
        status: 200,
        body: { canCall: true, reply: { accepted: true, permanent: false, source: 'user_action' } },
      });
    expect(told).toEqual([
      {
        phoneNumberId: NUMBER_ID,
        user: 'whatsapp:+12025550143',
        userId: USER,
        accepted: true,
        permanent: false,
        until: new Date(clock.wall() + 7 * DAY).toISOString(),
        source: 'user_action',
      },
    ]);
  });

  it('is forgotten when it holds no longer: Meta tells of no end', async () => {
    const { ask, reply, clock } = await rig();
    reply();
    clock.advance(7 * DAY);
    const { body } = await ask('GET', `/whatsapp/permissions?to=${USER}`);
    expect(body.reply).toBeUndefined();
  });

  it('is what counts where Meta cannot be asked, and nothing else does', async () => {
    const { permissions, graph, reply, state } = await rig();
    state.permission = () => Promise.reject(new GraphError('GRAPH_RATE_LIMITED', 'too many questions'));
    const mayCall = () => permissions.mayCall(graph, { recipient: USER });
    await expect(mayCall()).resolves.toBeUndefined();
    reply({ accepted: false, until: undefined });
    await expect(mayCall()).rejects.toMatchObject({ code: 'GRAPH_NO_CALL_PERMISSION' });
    reply();
    await expect(mayCall()).resolves.toBeUndefined();
    // What is wrong with our account is no question of his.
    state.permission = () => Promise.reject(new GraphError('GRAPH_AUTH', 'no token'));
    await expect(mayCall()).rejects.toMatchObject({ code: 'GRAPH_AUTH' });
  });

  it('is told of who has no number by his user id', () => {
    const event = { user: { userId: USER }, phoneNumberId: NUMBER_ID } as Parameters<typeof permissionNotice>[0];
    const reply: PermissionReply = { accepted: false, permanent: false, at: 0 };
    expect(permissionNotice(event, reply)).toMatchObject({ user: `whatsapp:${USER}`, userId: USER, until: null });
  });

  it('is in no log', async () => {
    const { reply, log } = await rig();
    reply();
    expect(JSON.stringify(log.lines)).not.toMatch(/1349|2025550143/);
  });
});

describe('codes of Meta’s failures', () => {
  it('have a status each, and those of an order are in its description', () => {
    for (const [status, codes] of Object.entries(graphCodes()))
      for (const code of codes)
        expect(graphAnswer(new GraphError(code, 'x'))).toMatchObject({ status: Number(status), error: { code } });
    const described: Readonly<Record<number, readonly string[]>> = routes.place.errors;
    for (const [status, codes] of Object.entries(described))
      for (const code of codes.filter((one) => one.startsWith('GRAPH_')))
        expect(graphCodes()[Number(status)], code).toContain(code);
  });
});
