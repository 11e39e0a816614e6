import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { startShop } from '../fakes/mcp-server.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { startRig, TRANSPORTS, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { expectUntorn } from './untorn.ts';

/** Tools that live elsewhere, called in real calls against real local servers: a workflow over HTTP, MCP servers of both kinds. */

const fixtures = join(import.meta.dirname, '../fixtures');
const voice = { tone: 620, ms: 400, dbfs: -15 };
const say = { tone: 620, toneMs: 400 };

let folder = '';
let workflow: Server;
let shop: Awaited<ReturnType<typeof startShop>>;
const asked: Array<{ url: string; body: string; signature: string }> = [];
const refused: string[] = [];

beforeAll(async () => {
  // Beside the other folders of fixtures, since the tools in it import by relative paths.
  folder = mkdtempSync(join(fixtures, '.tools-'));
  workflow = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.headers.host?.startsWith('localhost')) refused.push(request.url ?? '');
    asked.push({ url: request.url ?? '', body, signature: String(request.headers['webhook-signature'] ?? '') });
    response.setHeader('content-type', 'application/json');
    // A workflow takes its time, as they do.
    setTimeout(() => response.end(JSON.stringify({ data: { answer: 'shipped on Monday', cost: 12 } })), 300);
  });
  await new Promise<void>((done) => workflow.listen(0, '127.0.0.1', done));
  const { port } = workflow.address() as AddressInfo;
  shop = await startShop();
  cpSync(join(fixtures, 'tools'), folder, { recursive: true });
  const parameters = {
    type: 'object',
    properties: { order: { type: 'string' } },
    required: ['order'],
    additionalProperties: false,
  };
  const http = (name: string, file: object) =>
    writeFileSync(join(folder, `${name}.http.json`), JSON.stringify({ parameters, ...file }));
  http('order_status', {
    description: 'Where an order is.',
    url: `http://127.0.0.1:${port}/orders`,
    result: '/data/answer',
    includeCall: true,
    signing: { secretEnv: 'TOOL_WORKFLOW_SECRET' },
  });
  http('inward', { description: 'Points inward.', url: `https://localhost:${port}/inward` });
  const program = resolve(import.meta.dirname, '../fakes/mcp-server.ts');
  writeFileSync(
    `${folder}.mcp.json`,
    JSON.stringify({
      servers: {
        shop: { command: process.execPath, args: [program], allow: ['stock'] },
        branch: { url: shop.url, allow: ['stock'] },
        gone: { url: 'http://127.0.0.1:9/mcp', allow: ['*'] },
      },
    }),
  );
  process.env['TOOL_WORKFLOW_SECRET'] = 'whsec_c2VjcmV0';
});
afterAll(async () => {
  delete process.env['TOOL_WORKFLOW_SECRET'];
  rmSync(folder, { recursive: true, force: true });
  rmSync(`${folder}.mcp.json`, { force: true });
  workflow.closeAllConnections();
  await new Promise((done) => workflow.close(done));
  await shop.close();
});

const settings = () => {
  const { port } = workflow.address() as AddressInfo;
  return {
    TOOLS_DIR: relative(process.cwd(), folder),
    PROMPTS_DIR: join(fixtures, 'prompts'),
    ROUTES_FILE: join(fixtures, 'routes.yaml'),
    MCP_FILE: `${folder}.mcp.json`,
    HTTP_TOOL_PRIVATE_HOSTS: `127.0.0.1:${port}`,
    HTTP_TOOL_HOSTS: `localhost:${port}`,
  };
};
const caller = (turns: number) =>
  scriptSource([
    { pauseMs: 1_500 },
    ...Array.from({ length: turns }, () => [toneSource(1_020, { ms: 500, dbfs: -15 }), { pauseMs: 2_500 }]).flat(),
  ]);

describe.concurrent.each(TRANSPORTS)('in a call over %s', { timeout: 240_000 }, (transport) => {
  it('a workflow over HTTP and tools of two MCP servers answer the model, one server being down', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(
        await startRig({
          transport,
          settings: settings(),
          model: { voice },
          scenario: {
            turns: [
              { tools: [{ name: 'order_status', arguments: { order: `42-${transport}` } }], afterTools: say },
              {
                tools: [
                  { name: 'shop_stock', arguments: { article: 'bells' } },
                  { name: 'branch_stock', arguments: { article: 'whistles' } },
                ],
                afterTools: say,
              },
            ],
          },
        }),
      );
      // A server that is slow to start is down at first.
      const isUp = ({ msg }: { msg?: unknown }) => msg === 'an MCP server is connected';
      await until(() => rig.lines.filter(isUp).length === 2, 'both servers that there are');
      const loop = own(watchLoop());
      const { report } = rig.call({ source: caller(2), from: '+12025550143', hangUpAfterMs: 8_500 });
      const result = await report;
      const outputs = (rig.model.sessions[0]?.received ?? []).flatMap((event) => {
        const item = event['item'] as { type?: string; output?: string } | undefined;
        return item?.type === 'function_call_output' ? [item.output ?? ''] : [];
      });
      expect(outputs[0]).toBe('shipped on Monday');
      expect(outputs.slice(1).toSorted()).toEqual(['12 of bells', '12 of whistles']);
      const request = asked.find(({ body }) => body.includes(`42-${transport}`));
      expect(JSON.parse(request?.body ?? '')).toMatchObject({
        order: `42-${transport}`,
        call: { from: '+12025550143' },
      });
      expect(request?.signature).toMatch(/^v1,/);
      expectUntorn(result, loop, skip);
      expect(rig.model.sessions[0]?.errors).toEqual([]);
      // What the servers offer and what is not allowed of it is not told to the model.
      const tools = JSON.stringify(rig.model.sessions[0]?.received.find((event) => event['type'] === 'session.update'));
      expect(tools).toContain('shop_stock');
      expect(tools).not.toContain('secret');
    }));
});

describe.concurrent('a tool in a call', { timeout: 240_000 }, () => {
  it('that returns five megabytes is cut and says so; one that points inward is refused; speech goes on', ({
    own,
    skip,
  }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(
        await startRig({
          settings: settings(),
          model: { voice },
          scenario: {
            turns: [{ tools: [{ name: 'huge' }, { name: 'inward', arguments: { order: '1' } }], afterTools: say }],
          },
        }),
      );
      const loop = own(watchLoop());
      const result = await rig.call({ source: caller(1), hangUpAfterMs: 5_500 }).report;
      const outputs = (rig.model.sessions[0]?.received ?? []).flatMap((event) => {
        const item = event['item'] as { type?: string; output?: string } | undefined;
        return item?.type === 'function_call_output' ? [item.output ?? ''] : [];
      });
      const huge = outputs.find((output) => output.includes('xxxx')) ?? '';
      expect(Buffer.byteLength(huge)).toBeLessThanOrEqual(16 * 1024);
      expect(huge).toMatch(/\[The result was cut: the first \d+ of more than 1048576 bytes are shown\./);
      const inward = outputs.find((output) => !output.includes('xxxx')) ?? '';
      expect(JSON.parse(inward)).toMatchObject({ error: 'destination_refused' });
      expect(refused).toEqual([]);
      expectUntorn(result, loop, skip);
      expect(result.streams[0]?.agentSpoke.length).toBeGreaterThanOrEqual(1);
    }));
});
