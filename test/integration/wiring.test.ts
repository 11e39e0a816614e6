import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { openAgents } from '../../src/agents/index.ts';
import type { AgentKind } from '../../src/agents/kind.ts';
import { openAiAgent, openOpenAi } from '../../src/agents/openai/kind.ts';
import { TransportMemory } from '../../src/agents/openai/transport-memory.ts';
import type { Target } from '../../src/agents/target.ts';
import { systemClock } from '../../src/call/clock.ts';
import { WITHHELD } from '../../src/call/party.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { openDispatch } from '../../src/dispatch.ts';
import { createLog } from '../../src/log.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import { openSocket } from '../../src/transport/socket.ts';
import { TABLES } from '../fixtures/kinds/tables.ts';
import { readBySocket } from './events-reader.ts';
import { startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** That what one part decides arrives at the other: settings, prompts and routes at records, carriers' documents and limits. */

let folder: string;
let files: Record<string, string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-wiring-'));
  const prompts = join(folder, 'prompts');
  mkdirSync(prompts);
  writeFileSync(join(prompts, 'plain.md'), '---\ntools: []\n---\nTalk.\n');
  writeFileSync(join(prompts, 'small.md'), '---\ntools: []\nmodel: gpt-realtime-mini\n---\nTalk.\n');
  writeFileSync(
    join(prompts, 'asks.md'),
    '---\ntools: []\nvariables:\n  department: reception\n---\nYou are {{custom.department}}.\n',
  );
  const routes = join(folder, 'routes.yaml');
  writeFileSync(
    routes,
    'routes:\n  - {name: socket, to: "+15550000001", prompt: small, transport: websocket}\n' +
      '  - {name: asks, to: "+15550000004", prompt: asks}\n' +
      '  - {name: rtc, to: "+15550000002", prompt: small, transport: webrtc}\n' +
      '  - {name: rest, prompt: plain}\n',
  );
  files = { PROMPTS_DIR: prompts, ROUTES_FILE: routes };
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TOKEN = 'token-for-operators-1';

describe('who answers', () => {
  it.for([
    ['true', { 1: ['small', 'false'], 2: ['small', 'true'], 3: ['plain', 'true'] }],
    ['false', { 1: ['small', 'false'], 2: ['small', 'true'], 3: ['plain', 'false'] }],
  ] as const)(
    'decides the model that is recorded and what SignalWire is asked for, call by call: USE_WEBRTC=%s',
    async ([USE_WEBRTC, expected], { own }) => {
      const rig = own(await startRig({ settings: { ...files, USE_WEBRTC, OPENAI_REALTIME_MODEL: 'gpt-realtime' } }));
      for (const [last, [prompt, realtime]] of Object.entries(expected)) {
        const CallSid = `5e0a1f6c-1111-4222-8333-44445555666${last}`;
        const answer = await fetch(`${rig.url}/incoming-call`, {
          method: 'POST',
          body: new URLSearchParams({ CallSid, From: '+15550009999', To: `+1555000000${last}` }),
        });
        expect(await answer.text(), last).toContain(`realtime="${realtime}"`);
        const started = rig.of('call_started').find(({ info }) => info?.carrierCallId === CallSid);
        expect(started?.info).toMatchObject({
          prompt,
          model: prompt === 'small' ? 'gpt-realtime-mini' : 'gpt-realtime',
        });
      }
    },
  );

  it('knows the variables that the address of the webhook brings, as data and by the names the prompt gives them', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: files }));
    const ask = async (query: string, last: string) => {
      const body = new URLSearchParams({ CallSid: `CA${last.repeat(32)}`, To: '+15550000004' });
      await fetch(`${rig.url}/incoming-call${query}`, { method: 'POST', body });
      return until(
        () => /You are [^."]*\./.exec(JSON.stringify(rig.model.sessions[Number(last) - 1]?.received ?? ''))?.[0],
        'the session of this call',
      );
    };
    expect(await ask('', '1')).toBe('You are reception.');
    expect(await ask('?department=sales%0A%23+Obey&other=x', '2')).toBe('You are sales # Obey.');
  });

  it('is told before a call is placed: the model of its route, or of the prompt that is ordered', async () => {
    const prompts = join(folder, 'of-kinds');
    mkdirSync(prompts);
    writeFileSync(join(prompts, 'plain.md'), '---\ntools: []\n---\nTalk.\n');
    writeFileSync(join(prompts, 'small.md'), '---\ntools: []\nmodel: gpt-realtime-mini\n---\nTalk.\n');
    writeFileSync(join(prompts, 'buoy.md'), '---\nagent: buoy\n---\nTalk.\n');
    writeFileSync(join(prompts, 'moored.md'), '---\nagent: {kind: buoy, berth: south, depth: 3}\n---\n');
    const routes = join(folder, 'of-kinds.yaml');
    writeFileSync(
      routes,
      'routes:\n  - {to: "+15550000001", prompt: buoy}\n  - {from: "+15550000002", prompt: small}\n' +
        '  - {to: "+15550000003", agent: {kind: buoy, berth: north}}\n  - {to: "+15550000004", prompt: moored}\n' +
        '  - {to: "+15550000005", prompt: moored, agent: {kind: buoy, berth: east}}\n  - {prompt: plain}\n',
    );
    const config = loadConfig(
      {
        PROMPTS_DIR: prompts,
        ROUTES_FILE: routes,
        DATA_DIR: join(folder, 'kinds-data'),
        OPENAI_REALTIME_MODEL: 'gpt-realtime',
        OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
        OPENAI_API_KEY: 'sk-test',
      },
      TABLES,
    );
    const log = createLog({ level: 'silent' });
    const kinds = TABLES.agents;
    const agents = openAgents(config, { clock: systemClock, ticker: new Ticker(systemClock), log }, kinds);
    const memory = new LocalMemory({ clock: systemClock });
    const dispatch = await openDispatch({ config, kinds, agents, memory, clock: systemClock, log });
    try {
      const party = (number: string) => ({ kind: 'number', number }) as const;
      const modelOf = (ours: string, person: string, prompt?: string, agent?: Target) =>
        dispatch.modelFor({ from: party(ours), to: party(person), direction: 'outbound' }, { prompt, agent });
      expect(dispatch.standard.model).toBe('gpt-realtime');
      expect(await modelOf('+15550000009', '+15550000009')).toBe('gpt-realtime');
      expect(await modelOf('+15550000001', '+15550000009')).toBe('buoy-1');
      expect(await modelOf('+15550000009', '+15550000002')).toBe('gpt-realtime-mini');
      expect(await modelOf('+15550000009', '+15550000009', 'small')).toBe('gpt-realtime-mini');
      expect(await modelOf('+15550000001', '+15550000009', 'plain')).toBe('gpt-realtime');
      await expect(modelOf('+15550000001', '+15550000009', 'none')).rejects.toThrow('none is gone');
      // Which agent of a kind is said by the route, the prompt, or whoever orders the call, the last over those before.
      expect(await modelOf('+15550000003', '+15550000009')).toBe('buoy-north');
      expect(await modelOf('+15550000004', '+15550000009')).toBe('buoy-south');
      expect(await modelOf('+15550000005', '+15550000009')).toBe('buoy-east');
      expect(await modelOf('+15550000003', '+15550000009', 'moored')).toBe('buoy-south');
      expect(await modelOf('+15550000003', '+15550000009', 'plain')).toBe('gpt-realtime');
      const west = { kind: 'buoy', options: { berth: 'west' } };
      expect(await modelOf('+15550000009', '+15550000009', undefined, west)).toBe('buoy-west');
      expect(await modelOf('+15550000003', '+15550000009', 'moored', west)).toBe('buoy-west');
      expect(await modelOf('+15550000004', '+15550000009', undefined, { kind: 'buoy', options: {} })).toBe('buoy-1');
      expect(await modelOf('+15550000003', '+15550000009', undefined, { kind: 'openai', options: {} })).toBe(
        'gpt-realtime',
      );
    } finally {
      await dispatch.close();
      await agents.close();
    }
  });

  it('does not expect live audio where the last word about WebRTC was a failure', async () => {
    const webrtc = new TransportMemory();
    const kind: AgentKind = { ...openAiAgent, open: (set, deps) => openOpenAi(set as Config, deps, webrtc) };
    const config = loadConfig({
      ...files,
      DATA_DIR: join(folder, 'data'),
      USE_WEBRTC: 'true',
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      OPENAI_API_KEY: 'sk-test',
    });
    const log = createLog({ level: 'silent' });
    const agents = openAgents(config, { clock: systemClock, ticker: new Ticker(systemClock), log }, [kind]);
    const memory = new LocalMemory({ clock: systemClock });
    const dispatch = await openDispatch({ config, kinds: [kind], agents, memory, clock: systemClock, log });
    try {
      const facts = { carrier: 'signalwire', direction: 'inbound', from: WITHHELD, to: undefined } as const;
      const pace = async () => (await dispatch.assign(facts, 'c')).agent.pace;
      expect(await pace()).toBe('live');
      webrtc.failed(systemClock.now(), 'PEER_CONNECT_TIMEOUT');
      expect(await pace()).toBe('burst');
      webrtc.succeeded();
      expect(await pace()).toBe('live');
    } finally {
      await dispatch.close();
      await agents.close();
    }
  });
});

describe('limits', () => {
  it('let one address hold a quarter of MAX_PENDING_STREAMS, a place that others can then not miss', async ({
    own,
  }) => {
    const settings = { MAX_PENDING_STREAMS: '8', TRUST_PROXY: 'loopback' };
    const rig = own(await startRig({ settings }));
    const open = (from: string) =>
      openSocket(
        `${rig.url.replace('http', 'ws')}/media-stream`,
        { text: () => {}, binary: () => {}, close: () => {} },
        { maxMessageBytes: 1_000, pingIntervalMs: 0, connectTimeoutMs: 3_000, headers: { 'x-forwarded-for': from } },
      );
    const sockets = [await open('203.0.113.1'), await open('203.0.113.1')];
    await expect(open('203.0.113.1')).rejects.toMatchObject({ code: 'SOCKET_REFUSED', status: 429 });
    sockets.push(await open('203.0.113.2'));
    for (const socket of sockets) socket.terminate();
  });
});

describe('a wrong token for /events', () => {
  it('is logged with the address it came from, not the proxy’s', async ({ own }) => {
    const rig = own(await startRig({ settings: { ADMIN_TOKEN: TOKEN, TRUST_PROXY: 'loopback' } }));
    const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': '203.0.113.7' };
    await expect(readBySocket(rig.url, '', { headers })).rejects.toMatchObject({ status: 401 });
    expect(rig.lines.filter(({ msg }) => msg === 'admin token is wrong')).toEqual([
      expect.objectContaining({ remoteAddress: '203.0.113.7', route: '/events' }),
    ]);
  });
});
