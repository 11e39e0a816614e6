import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkAll } from '../../src/agent-files/check.ts';
import { pretendControl } from '../../src/cli/tools.ts';
import { defaultToolSettings } from '../../src/tools/settings.ts';
import { PROCESS_ENV } from './process-env.ts';

const root = resolve(import.meta.dirname, '../..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-cli-'));
  for (const part of ['prompts', 'knowledge']) cpSync(join(root, part), join(folder, part), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const settings = () => ({
  ...defaultToolSettings(),
  TOOLS_DIR: join(root, 'tools'),
  PROMPTS_DIR: join(folder, 'prompts'),
  KNOWLEDGE_DIR: join(folder, 'knowledge'),
  ROUTES_FILE: join(folder, 'prompts/routes.yaml'),
  MCP_FILE: join(folder, 'mcp.yaml'),
});
const warnings = async () => (await checkAll(settings(), () => undefined)).warnings.join('\n');
const check = async () => (await checkAll(settings(), () => undefined)).problems.join('\n');

/** Runs a script as its npm command would, in a folder of its own. */
function cli(script: string, args: string[] = [], cwd = root): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [join(root, script), ...args], { cwd, env: PROCESS_ENV }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe('what is too long for the model', () => {
  it('is told with its number: a prompt for WebRTC and for some models', async () => {
    expect(await warnings()).toBe('');
    writeFileSync(join(folder, 'prompts/long.md'), 'Know this. '.repeat(28_000));
    expect(await check()).toBe('');
    expect(await warnings()).toMatch(
      /long\.md: instructions and tools come to about \d{5} tokens .* gpt-realtime takes 16384/,
    );
    expect(await warnings()).toMatch(/long\.md: instructions and tools are \d{6} bytes; WebRTC takes 253952/);
  });

  it('is an error where no model takes it', async () => {
    writeFileSync(join(folder, 'prompts/book.md'), '語'.repeat(130_000));
    expect(await check()).toMatch(/book\.md: instructions and tools come to about 13\d{4} tokens .* more than 128000/);
  });
});

describe('npm run check', () => {
  it('finds nothing wrong in what is shipped', async () => {
    expect(await check()).toBe('');
    const { code, out } = await cli('src/cli/check.ts');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/11 tools, 2 prompts, 5 routes, \d+ sections of knowledge, 4 suites: all is well/),
    ]);
  });

  it('tells a recording that cannot be played', async () => {
    writeFileSync(join(folder, 'sorry.wav'), 'this is an mp3');
    const file = join(folder, 'sorry.wav');
    const { problems } = await checkAll({ ...settings(), APOLOGY_FILE: file }, () => undefined);
    expect(problems).toEqual([expect.stringContaining(`${file}: the bytes do not begin as a RIFF WAVE file`)]);
    writeFileSync(
      join(folder, 'prompts/routes.yaml'),
      'routes:\n  - { to: "+1*", prompt: default, say: { apology: ../sorry.wav } }\n  - prompt: default\n',
    );
    expect(await check()).toContain(`${file}: the bytes do not begin`);
  });

  it('tells all that is wrong together, and exits with 1', async () => {
    writeFileSync(join(folder, 'prompts/bad.md'), '---\ntools: [fly]\n---\nHi');
    writeFileSync(join(folder, 'prompts/worse.md'), 'Hi {{nobody}}');
    writeFileSync(
      join(folder, 'prompts/routes.yaml'),
      'routes:\n  - { to: "+1*", prompt: lost, tools: [swim] }\n  - prompt: default\n',
    );
    writeFileSync(join(folder, 'knowledge/empty.md'), '# Nothing\n');
    writeFileSync(join(folder, 'knowledge/latin1.md'), Buffer.from([0x23, 0x20, 0xe9, 0x0a, 0xe9]));
    writeFileSync(join(folder, 'mcp.yaml'), 'servers: { shop: { command: x } }');
    const problems = await check();
    for (const expected of [
      'bad.md: tools: there is no tool "fly"',
      'worse.md:1: unknown variable "nobody"',
      'routes.yaml:2: routes.0.prompt: there is no prompt "lost"',
      'routes.yaml:2: routes.0.tools: there is no tool "swim"',
      'empty.md: holds nothing to be found',
      'latin1.md: ',
      'shop.allow: ',
    ])
      expect(problems).toContain(expected);
    const { code, err } = await cli('src/cli/check.ts', [], folder);
    expect(code).toBe(1);
    expect(err).toContain('unknown variable "nobody"');
  });

  it('warns of files that look as if they were read, and are not', async () => {
    for (const name of ['prompts/X.MD', 'prompts/night.md.txt', 'knowledge/hours.markdown', 'knowledge/notes.txt'])
      writeFileSync(join(folder, name), 'Hi {{nobody}}');
    expect((await warnings()).split('\n')).toEqual([
      expect.stringMatching(/prompts\/X\.MD: is not read: a prompt is a file whose name ends in \.md$/),
      expect.stringMatching(/prompts\/night\.md\.txt: is not read/),
      expect.stringMatching(/knowledge\/hours\.markdown: is not read: knowledge is/),
    ]);
    expect(await check()).toBe('');
  });

  it('takes the tools of a listed MCP server on trust, without asking it', async () => {
    writeFileSync(join(folder, 'prompts/shop.md'), '---\ntools: [shop_stock, "shop_*"]\n---\nHi');
    expect(await check()).toContain('there is no tool "shop_stock"');
    writeFileSync(join(folder, 'mcp.yaml'), 'servers: { shop: { command: /nowhere, allow: [stock] } }');
    expect(await check()).toBe('');
  });
});

describe('npm run tools', () => {
  it('lists all with their schemas', async () => {
    const { code, out } = await cli('src/cli/tools.ts');
    expect(code).toBe(0);
    expect(out).toContain('book_appointment  (file; touches appointments; up to 5 s)');
    expect(out).toContain('order_status  (http, disabled; touches nothing; up to 6 s)');
    expect(out).toContain('"description": "Id of the service, e.g. \\"check-up\\"."');
  });

  it('runs one as a call would', async () => {
    cpSync(join(root, 'tools'), join(folder, 'tools'), { recursive: true });
    // The copied tools find the project's modules where it has them.
    symlinkSync(join(root, 'src'), join(folder, 'src'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const known = await cli('src/cli/tools.ts', ['run', 'look_up_caller', '{}', '--from', '+12025550143'], folder);
    expect(JSON.parse(known.out)).toMatchObject({ known: true, name: 'Maria Santos' });
    expect(known.code).toBe(0);
    expect(existsSync(join(folder, 'data/voicebridge.db'))).toBe(true);
    const refused = await cli('src/cli/tools.ts', ['run', 'transfer_call', '{"destination":"+19005550100"}'], folder);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject({ error: 'refused' });
    const wrong = await cli('src/cli/tools.ts', ['run', 'take_message', '{}'], folder);
    expect(JSON.parse(wrong.out)).toMatchObject({ error: 'arguments_invalid' });
    expect((await cli('src/cli/tools.ts', ['run'], folder)).code).toBe(1);
  });

  it('pretends to control a call, under the same policy', async () => {
    const said: string[] = [];
    const control = pretendControl({ allow: ['+1202'] }, (text) => said.push(text));
    await control.transfer('+1 202 555 0143');
    await expect(control.transfer('+19005550100')).rejects.toMatchObject({ code: 'TOOL_REFUSED' });
    expect(await control.hangupAfterPlayout()).toBe('ended');
    expect(said).toEqual(['[would transfer to +12025550143]', '[would end the call]']);
  });
});
