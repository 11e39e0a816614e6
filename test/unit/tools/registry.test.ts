import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Destinations } from '../../../src/tools/destinations.ts';
import { ToolRegistry, type ToolSource } from '../../../src/tools/registry.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { rig, tool } from './support.ts';

const root = resolve(import.meta.dirname, '../../..');
let folder: string;
let stamp = 1_700_000_000;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-tools-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  // Two writes within one tick of the file system's clock, and of the same length, still differ.
  utimesSync(join(folder, name), ++stamp, stamp);
};
const code = (body: string, more = '') => `
import { z } from '${import.meta.resolve('zod')}';
import { defineTool } from '${pathToFileURL(join(root, 'src/tools/tool.ts')).href}';
export default defineTool({
  description: 'Says something.',
  parameters: z.object({ name: z.string().describe('A name.').optional() }),
  ${more}
  async execute({ name }) { ${body} },
});
`;
const httpTool = (change: object = {}) =>
  JSON.stringify({
    description: 'Asks.',
    parameters: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    url: 'https://api.example.com/orders/{id}',
    ...change,
  });

/** A place for a variable of the environment, as such files write it. */
const variable = (name: string) => `\${${name}}`;

const options = (others?: ToolSource) => ({
  folder,
  log: fakeLog(),
  http: {
    destinations: new Destinations({ hosts: ['api.example.com'], privateHosts: [] }),
    env: (name: string) => ({ TOOL_KEY: 'k' })[name],
  },
  ...(others === undefined ? {} : { others }),
});
const problemsOf = async () => {
  const { problems } = await ToolRegistry.inspect(options());
  return problems.map(({ file, problem }) => `${file}: ${problem}`);
};

describe('loading the folder', () => {
  it('names tools by their files and derives what the model is told', async () => {
    write('greet.ts', code('return ["hi", name].join(" ")'));
    write('ask.http.json', httpTool());
    write('ask_yaml.http.yaml', `description: Asks.\nparameters: { type: object }\nurl: https://api.example.com/x\n`);
    write('README.md', '# not a tool');
    write('_draft.ts', 'syntax error');
    const registry = await ToolRegistry.open(options());
    const set = registry.snapshot();
    expect(set.names.sort()).toEqual(['ask', 'ask_yaml', 'greet']);
    expect(set.definitions().find(({ name }) => name === 'greet')).toEqual({
      type: 'function',
      name: 'greet',
      description: 'Says something.',
      parameters: { type: 'object', properties: { name: { type: 'string', description: 'A name.' } } },
    });
    expect(await rig([set.get('greet')!]).run('greet', { name: 'Bob' })).toBe('hi Bob');
  });

  it('has the shipped tools, all ten and the disabled example', async () => {
    const registry = await ToolRegistry.open({ ...options(), folder: join(root, 'tools') });
    expect(registry.snapshot().names.sort()).toEqual([
      'book_appointment',
      'cancel_appointment',
      'check_availability',
      'end_call',
      'look_up_caller',
      'search_knowledge',
      'send_digits',
      'take_message',
      'transfer_call',
      'update_caller',
    ]);
    expect(registry.all().find(({ name }) => name === 'order_status')?.enabled).toBe(false);
  });

  it('tells every wrong file at once, and does not start', async () => {
    write('Bad-Name.ts', code(''));
    write('no_default.ts', 'export const x = 1;');
    write('plain.ts', 'export default { description: "x" };');
    write('syntax.ts', 'export default (');
    write('throws.ts', 'throw new Error("at import");');
    write('slow.ts', code('', 'timeoutMs: 999_999,'));
    write('touchy.ts', code('', "touches: ['everything'],"));
    write('dated.ts', code('').replace('z.string()', 'z.date()'));
    write('listed.ts', code('').replace(/z\.object\(.*\)/, 'z.array(z.string())'));
    write('odd.json', '{}');
    write('twice.ts', code(''));
    write('twice.http.json', httpTool());
    await expect(ToolRegistry.open(options())).rejects.toMatchObject({ code: 'TOOL_INVALID' });
    const problems = (await problemsOf()).join('\n');
    for (const expected of [
      'Bad-Name.ts: "Bad-Name" is no tool name',
      'no_default.ts: its default export is not a defineTool',
      'plain.ts: its default export is not a defineTool',
      'syntax.ts: cannot be loaded: ',
      'throws.ts: cannot be loaded: at import',
      'slow.ts: timeoutMs must be',
      'touchy.ts: touches "everything", which does not exist',
      'dated.ts: parameters have no JSON schema: Date',
      'listed.ts: parameters must be an object schema',
      'odd.json: is no tool',
      'twice.ts: the name "twice" is taken by twice.http.json',
    ])
      expect(problems).toContain(expected);
  });

  it('tells what is wrong in a file without code', async () => {
    write('a.http.json', '{');
    write('b.http.json', httpTool({ headerz: {}, method: 'POKE' }));
    write('c.http.json', httpTool({ url: 'https://{id}.example.com/' }));
    write('d.http.json', httpTool({ url: 'https://api.example.com/{other}' }));
    write('e.http.json', httpTool({ headers: { authorization: `Bearer ${variable('OPENAI_API_KEY')}` } }));
    write('f.http.json', httpTool({ headers: { authorization: `Bearer ${variable('TOOL_MISSING')}` } }));
    write('g.http.json', httpTool({ url: 'https://evil.test/' }));
    write('h.http.json', httpTool({ name: 'other' }));
    write('i.http.json', httpTool({ method: 'GET', signing: { secretEnv: 'TOOL_KEY' } }));
    write('j.http.json', httpTool({ headers: { Host: 'evil.test' } }));
    write('k.http.json', httpTool({ result: 'data.answer' }));
    write('ok.http.json', httpTool({ headers: { 'x-key': variable('TOOL_KEY') } }));
    write('off.http.json', httpTool({ enabled: false, url: 'https://evil.test/' }));
    const problems = await problemsOf();
    expect(problems).toHaveLength(11);
    for (const [i, part] of [
      'a.http.json: not valid JSON',
      'b.http.json: method: ',
      'c.http.json: url: the host must be fixed',
      'd.http.json: url: {other} is not among the parameters',
      `e.http.json: headers: ${variable('OPENAI_API_KEY')} is not available`,
      'f.http.json: not set in the environment: TOOL_MISSING',
      'g.http.json: url: This destination is not allowed',
      'h.http.json: name is "other"',
      'i.http.json: signing: needs a method with a body',
      'j.http.json: headers.Host: ',
      'k.http.json: result: must be a JSON pointer',
    ].entries())
      expect(problems[i]).toContain(part);
  });
});

describe('a file as an editor leaves it', () => {
  it('is read behind a byte order mark, with CRLF and as UTF-16', async () => {
    write('ask.http.json', `\ufeff${httpTool().replaceAll(',', ',\r\n\t')}`);
    write(
      'asked.http.yaml',
      `\ufeffdescription: Asks.\r\nparameters: { type: object }\r\nurl: https://api.example.com/x\r\n`,
    );
    write('greet.ts', `\ufeff${code('return "hello"').replaceAll('\n', '\r\n')}`);
    writeFileSync(join(folder, 'wide.http.json'), Buffer.from(`\ufeff${httpTool()}`, 'utf16le'));
    expect(await problemsOf()).toEqual([]);
    const set = await (await ToolRegistry.open(options())).forCall();
    expect(set.names.sort()).toEqual(['ask', 'asked', 'greet', 'wide']);
    expect(await rig([set.get('greet')!]).run('greet')).toBe('hello');
  });

  it('and cannot be understood is refused, with the line', async () => {
    write('a.http.json', `{\n"enabled": false,\n"enabled": true}`);
    write('b.http.yaml', 'description: x\nparameters:\n\ttype: object\n');
    write('c.http.json', httpTool({ Enabled: false }));
    write('d.http.json', `${httpTool()}\0`);
    write('e.ts', `${code('return 1')}\0`);
    const problems = await problemsOf();
    for (const [i, part] of [
      'a.http.json: Map keys must be unique (line 3)',
      'b.http.yaml: a tab cannot indent YAML: use spaces (line 3)',
      'c.http.json: Enabled: there is no such setting; did you mean enabled?',
      'd.http.json: cannot be loaded: line 1: holds a NUL',
      'e.ts: cannot be loaded: line 10: holds a NUL',
    ].entries())
      expect(problems[i]).toContain(part);
  });
});

describe('a changed folder', () => {
  it('counts for new calls; a call keeps the set it began with', async () => {
    write('greet.ts', code('return "one"'));
    const registry = await ToolRegistry.open(options());
    const running = await registry.forCall();
    write('greet.ts', code('return "two"'));
    write('added.ts', code('return "new"'));
    const next = await registry.forCall();
    expect(await rig([running.get('greet')!]).run('greet')).toBe('one');
    expect(await rig([next.get('greet')!]).run('greet')).toBe('two');
    expect([running.names, next.names]).toEqual([['greet'], ['added', 'greet']]);
    rmSync(join(folder, 'greet.ts'));
    expect((await registry.forCall()).names).toEqual(['added']);
    expect(running.get('greet')).toBeDefined();
  });

  it('that became wrong keeps its last good state and says so once', async () => {
    write('greet.ts', code('return "good"'));
    const given = options();
    const registry = await ToolRegistry.open(given);
    write('greet.ts', 'export default 5;');
    const set = await registry.forCall();
    await registry.forCall();
    expect(await rig([set.get('greet')!]).run('greet')).toBe('good');
    expect(given.log.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { file: 'greet.ts', kept: true } },
    ]);
    write('greet.ts', code('return "mended"'));
    expect(await rig([(await registry.forCall()).get('greet')!]).run('greet')).toBe('mended');
  });

  it('is looked at once for calls that begin together', async () => {
    write('greet.ts', code('return 1'));
    const registry = await ToolRegistry.open(options());
    expect(registry.refresh()).toBe(registry.refresh());
  });
});

describe('the set of a call', () => {
  it('holds what the prompt allows, servers included; own tools win over theirs', async () => {
    write('greet.ts', code('return 1'));
    write('bye.ts', code('return 1'));
    const crm = [tool('crm_find', async () => 1), tool('crm_drop', async () => 1), tool('greet', async () => 'theirs')];
    const registry = await ToolRegistry.open(options({ tools: () => crm, mayHave: (name) => name.startsWith('crm_') }));
    expect(registry.snapshot(['greet', 'crm_*']).names.sort()).toEqual(['crm_drop', 'crm_find', 'greet']);
    expect(registry.snapshot([]).names).toEqual([]);
    expect(registry.snapshot(['*']).names).toHaveLength(4);
    expect(await rig([registry.snapshot().get('greet')!]).run('greet')).toBe('1');
    expect(['greet', 'gr*', 'crm_later', 'crm_*', 'nothing'].map((name) => registry.knows(name))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });
});
