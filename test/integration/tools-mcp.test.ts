import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { McpServers } from '../../src/tools/mcp.ts';
import { parseMcpFile } from '../../src/tools/mcp-file.ts';
import { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';
import { startShop } from '../fakes/mcp-server.ts';
import { rig } from '../unit/tools/support.ts';

const script = resolve(import.meta.dirname, '../fakes/mcp-server.ts');
const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const environment = (name: string) => ({ TOOL_SHOP_TOKEN: 'sesame' })[name];
async function connect(servers: object, clock = new FakeClock()) {
  const log = fakeLog();
  const mcp = await McpServers.connect(parseMcpFile(JSON.stringify({ servers }), environment), { clock, log });
  closers.push(() => mcp.close());
  return { mcp, log, clock };
}
const program = (more: object = {}) => ({ command: process.execPath, args: [script], allow: ['*'], ...more });
const until = async (condition: () => boolean) => {
  for (let i = 0; i < 500 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
};

describe('a server that is a program', () => {
  it('brings the allowed tools under its prefix, and they work', async () => {
    const { mcp } = await connect({ 'my-shop': program({ prefix: 'shop', allow: ['stock', 'refuse', 'missing'] }) });
    expect(mcp.tools().map(({ name }) => name)).toEqual(['shop_stock', 'shop_refuse']);
    const { run, runner } = rig([...mcp.tools()]);
    expect(await run('shop_stock', { article: 'bells' })).toBe('12 of bells');
    expect(JSON.parse(await run('shop_refuse'))).toEqual({ error: 'upstream', message: 'The shop is closed.' });
    expect(JSON.parse(await run('shop_secret'))).toMatchObject({ error: 'unknown' });
    const wrong = JSON.parse(await run('shop_stock', { article: 5 }));
    expect(wrong.error).toMatch(/upstream|arguments_invalid/);
    expect(wrong.message).toMatch(/article|expected string/i);
    expect(runner.running).toBe(0);
  });

  it('gets of the environment what its settings give it, not the keys of the daemon', async () => {
    process.env['OPENAI_API_KEY_CANARY'] = 'sk-canary';
    const { mcp } = await connect({ shop: program({ env: { SHOP_TOKEN: '$' + '{TOOL_SHOP_TOKEN}' } }) });
    const names = (await rig([...mcp.tools()]).run('shop_environment')).split(' ');
    delete process.env['OPENAI_API_KEY_CANARY'];
    expect(names).toContain('SHOP_TOKEN');
    expect(names).not.toContain('OPENAI_API_KEY_CANARY');
  });

  it('that hangs costs the time limit, and goes on serving others', async () => {
    const { mcp } = await connect({ shop: program({ timeoutMs: 200 }) });
    const { run, advance } = rig([...mcp.tools()]);
    const output = run('shop_hang');
    await advance(200);
    expect(JSON.parse(await output)).toMatchObject({ error: 'timeout' });
    expect(await run('shop_stock', { article: 'bells' })).toBe('12 of bells');
  });

  it('that dies costs its tools, and is started again', async () => {
    const { mcp, clock } = await connect({ shop: program() });
    const tools = [...mcp.tools()];
    const { run } = rig(tools);
    expect(JSON.parse(await run('shop_exit'))).toMatchObject({ error: 'upstream' });
    await until(() => mcp.tools().length === 0);
    expect(mcp.status()).toEqual([{ name: 'shop', connected: false, tools: 0 }]);
    expect(JSON.parse(await run('shop_stock', { article: 'x' }))).toMatchObject({ error: 'upstream' });
    clock.advance(1_000);
    await until(() => mcp.tools().length > 0);
    // A call that began before has its tools again.
    expect(await run('shop_stock', { article: 'bells' })).toBe('12 of bells');
  });

  it('that cannot be started costs nothing but a warning, and is tried less and less often', async () => {
    const { mcp, log, clock } = await connect({ shop: { command: '/nowhere/shop', allow: ['*'] } });
    expect(mcp.tools()).toEqual([]);
    const warnings = () => log.lines.filter(({ message }) => message.includes('is down'));
    expect(warnings()).toMatchObject([{ level: 'warn', fields: { retryMs: 1_000 } }]);
    clock.advance(1_000);
    await until(() => warnings().length === 2);
    expect(warnings()[1]).toMatchObject({ fields: { retryMs: 2_000 } });
    await mcp.close();
    expect(clock.pending).toBe(0);
  });
});

describe('a server over streamable HTTP', () => {
  it('is asked with its headers', async () => {
    const shop = await startShop();
    closers.push(shop.close);
    const headers = { authorization: `Bearer $${'{TOOL_SHOP_TOKEN}'}` };
    const { mcp } = await connect({ shop: { url: shop.url, headers, allow: ['stock'] } });
    expect(await rig([...mcp.tools()]).run('shop_stock', { article: 'bells' })).toBe('12 of bells');
    expect([...shop.authorizations]).toEqual(['Bearer sesame']);
  });

  it('that goes away is noticed without a call, and is back when it is back', async () => {
    const shop = await startShop();
    const { mcp, clock } = await connect({ shop: { url: shop.url, allow: ['stock'] } });
    expect(mcp.tools()).toHaveLength(1);
    await shop.close();
    clock.advance(30_000);
    await until(() => mcp.tools().length === 0);
    const again = await startShop(shop.port);
    closers.push(again.close);
    clock.advance(1_000);
    await until(() => mcp.tools().length === 1);
    expect(await rig([...mcp.tools()]).run('shop_stock', { article: 'bells' })).toBe('12 of bells');
  });
});

describe('the file of servers', () => {
  const wrong = (servers: unknown) => {
    try {
      parseMcpFile(JSON.stringify({ servers }), environment);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  it.each([
    ['shop.allow: ', { shop: { command: 'x' } }],
    ['shop.url: ', { shop: { url: 'file:///etc/passwd', allow: ['*'] } }],
    ['Unrecognized key', { shop: { command: 'x', allow: ['*'], url: 'http://x' } }],
    ['names begin with TOOL_', { shop: { command: 'x', allow: ['*'], env: { A: '$' + '{OPENAI_API_KEY}' } } }],
    ['TOOL_MISSING is not set', { shop: { command: 'x', allow: ['*'], env: { A: '$' + '{TOOL_MISSING}' } } }],
    ['the prefix "a" is taken', { a: { command: 'x', allow: ['*'] }, b: { command: 'x', allow: ['*'], prefix: 'a' } }],
    ['file.servers: ', 5],
  ])('says %s', (message, servers) => expect(wrong(servers)).toContain(message));
});
