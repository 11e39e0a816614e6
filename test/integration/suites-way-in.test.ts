import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { main } from '../../src/cli/agent-test.ts';
import { STAND_INS } from '../../src/simulator/stand-ins.ts';
import { freePort } from '../redis-server.ts';
import { rigTest as it } from './rig-test.ts';
import { post, suiteFolder } from './suite-runs.ts';

/** The command of tests with targets that come to its daemon: who is rung at a number, and who asks for tools. */

const TOKEN = 'token-of-the-tools-0002';

type Own = Parameters<typeof suiteFolder>[0];

/** Runs the command with these settings over those of a fresh clone. */
function command(own: Own, suite: string, settings: Readonly<Record<string, string>>) {
  const folder = suiteFolder(own, 'way-in.yaml', suite);
  for (const [name, value] of Object.entries({ DATA_DIR: folder, HOST: '127.0.0.1', ...settings }))
    vi.stubEnv(name, value);
  own({ close: async () => void vi.unstubAllEnvs() });
  const told = { out: '', err: '' };
  const output = {
    out(text: string) {
      told.out += text;
    },
    err(text: string) {
      told.err += text;
    },
  };
  return { told, status: main([join(folder, 'way-in.yaml')], output) };
}

// Reading all of the daemon's sources takes a busy machine long, and is none of what is tried.
beforeAll(() => import('../../src/app.ts').then(() => undefined), 120_000);

describe('the command of tests', () => {
  it('is where its settings say, so that the carrier of a number that answers finds it', async ({ own }) => {
    const PORT = String(await freePort());
    const daemonUrl = `http://127.0.0.1:${PORT}`;
    const far = own(
      await STAND_INS['phone']!.start({ port: 0, tone: 620, answerMs: 1_500, latencyMs: 800, daemonUrl }),
    );
    const suite = `target: ${far.agent.trim()}
cases:
  - name: somebody answers
    steps: [{ wait_for: turn, within_ms: 40000 }, hang_up]
    checks: { ended_by: caller }
`;
    const { told, status } = command(own, suite, { ...far.settings, PORT });
    expect([await status, told.err]).toEqual([0, '']);
    expect(told.out).toContain(`listens on ${daemonUrl}, reached from outside as ${far.settings['PUBLIC_URL']}`);
    expect(told.out).toMatch(/ok {4}somebody-answers/);
  });

  it('answers there for the tools of its target, and keeps their token to itself', async ({ own }) => {
    const PORT = String(await freePort());
    const PUBLIC_URL = `http://127.0.0.1:${PORT}`;
    // An agent that asks for its tool as soon as it is called, and hangs up when it has the answer and has listened for a second.
    const answers: unknown[] = [];
    const agent = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    own({ close: async () => void agent.close() });
    await once(agent, 'listening');
    agent.on('connection', async (socket) => {
      const asked = await fetch(`${PUBLIC_URL}/tests/tools/${TOKEN}/book`, post({ people: 2 }));
      answers.push([asked.status, await asked.json()]);
      let frames = 0;
      socket.on('message', () => {
        if (++frames === 50) socket.close(1_000);
      });
    });
    const suite = `target: { kind: websocket, url: "ws://127.0.0.1:${(agent.address() as AddressInfo).port}/" }
tools: { book: { result: { ok: true } } }
cases:
  - name: books
    steps: [{ expect: { hang_up: true }, within_ms: 30000 }]
    checks: { tools: [{ name: book, arguments: { people: 2 } }], ended_by: agent }
`;
    const { told, status } = command(own, suite, { PORT, PUBLIC_URL, TESTS_TOOLS_TOKEN: TOKEN });
    expect([await status, told.err, told.out]).toEqual([0, '', expect.stringMatching(/ok {4}books/)]);
    expect(answers).toEqual([[200, { ok: true }]]);
    expect(told.out).toContain(`POST ${PUBLIC_URL}/tests/tools/$TESTS_TOOLS_TOKEN/NAME`);
    expect(told.out).not.toContain(TOKEN);
  });

  it('says at once which setting is missing, with status 2, and calls nobody', async ({ own }) => {
    const cases = 'cases: [{ name: one, steps: [hang_up] }]\n';
    const phone = command(own, `target: { kind: phone, to: "+12025550100" }\n${cases}`, {});
    expect([await phone.status, phone.told.out]).toEqual([2, '']);
    expect(phone.told.err).toMatch(/^PUBLIC_URL is not set: what rings a target of the kind phone/);
    const tools = command(own, `target: self\ntools: { book: { result: 1 } }\n${cases}`, {});
    expect([await tools.status, tools.told.out]).toEqual([2, '']);
    expect(tools.told.err).toMatch(/^TESTS_TOOLS_TOKEN is not set/);
  });

  it('says with status 2 who may have its port', async ({ own }) => {
    const taken = own({ server: createServer(), close: async () => void taken.server.close() });
    await new Promise<void>((resolve) => taken.server.listen(0, '127.0.0.1', resolve));
    const PORT = String((taken.server.address() as AddressInfo).port);
    const suite = 'target: { kind: phone, to: "+12025550100" }\ncases: [{ name: one, steps: [hang_up] }]\n';
    const { told, status } = command(own, suite, { PORT, PUBLIC_URL: 'https://voice.example.com' });
    expect(await status).toBe(2);
    expect(told.err).toMatch(/cannot listen on 127\.0\.0\.1:\d+.*\n.*"Tests" in its console/);
  });
});
