import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { promptedAgent } from '../../../src/agents/openai/prompted.ts';
import { PromptLibrary } from '../../../src/prompts/library.ts';
import { asData, type PromptFacts } from '../../../src/prompts/variables.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { parsePrompt } from '../../fakes/prompts.ts';
import { MONDAY, ZONE } from '../stores/support.ts';

const facts: PromptFacts = {
  direction: 'inbound',
  now: MONDAY,
  timezone: ZONE,
  from: '+12025550143',
  to: '+12025550100',
};
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
const problemOf = (text: string): string => {
  try {
    parsePrompt('x', 'prompts/x.md', text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a prompt that is wrong from beginning to end', () => {
  const lines = (of: (n: number) => string) => Array.from({ length: 3_000 }, (_, n) => of(n)).join('\n');
  it.each([
    ['keys that there are not', `---\n${lines((n) => `key${n}: 1`)}\n---\nWords.`, 'there is no such setting'],
    ['what is no YAML', `---\n${lines(() => 'key: 1')}\n---\nWords.`, 'must be unique'],
    ['variables that there are not', lines((n) => `{{nobody${n}}}`), 'unknown variable'],
  ])('is told of as far as anybody reads, and how much more there is: %s', (_what, text, problem) => {
    let said = '';
    try {
      parsePrompt('wrong', 'wrong.md', text);
    } catch (error) {
      said = (error as Error).message;
    }
    const told = said.split('\n');
    expect(told).toHaveLength(101);
    expect(told[0]).toContain(problem);
    expect(told[100]).toMatch(/^wrong\.md:10\d: from here on (2900|2899) more are wrong$/);
  });
});

describe('what the model can be told beyond the words', () => {
  const FULL = `---
voice: { id: voice_abc }
reasoningEffort: low
parallelToolCalls: false
maxOutputTokens: 800
truncation: { retentionRatio: 0.8, postInstructionTokens: 8000 }
transcription: { model: gpt-transcribe, prompt: dental, keywords: [Lakeside], languages: [en, es], delay: low }
storedPrompt: { id: pmpt_1, version: 2, variables: { who: "{{caller.name|a caller}}" } }
---
`;

  it('is read and handed on, a stored prompt in place of a body', () => {
    const prompt = parsePrompt('x', 'x.md', FULL);
    expect(promptedAgent(prompt.render(facts))).toEqual({
      voice: 'voice_abc',
      reasoningEffort: 'low',
      parallelToolCalls: false,
      maxOutputTokens: 800,
      truncation: { retentionRatio: 0.8, postInstructionTokens: 8000 },
      transcription: {
        model: 'gpt-transcribe',
        prompt: 'dental',
        keywords: ['Lakeside'],
        languages: ['en', 'es'],
        delay: 'low',
      },
      storedPrompt: { id: 'pmpt_1', version: '2', variables: { who: 'a caller' } },
    });
    expect(promptedAgent(parsePrompt('x', 'x.md', `${FULL}Be brief.`).render(facts)).instructions).toBe('Be brief.');
  });

  it('is of the settings where the prompt says nothing, and its own language stands over several', () => {
    const defaults = {
      transcriptionModel: 'm',
      transcription: { prompt: 'p', languages: ['en', 'es'], keywords: undefined },
    };
    expect(promptedAgent(parsePrompt('x', 'x.md', 'Hi').render(facts), defaults).transcription).toEqual({
      model: 'm',
      prompt: 'p',
      languages: ['en', 'es'],
    });
    expect(
      promptedAgent(parsePrompt('x', 'x.md', '---\nlanguage: de\n---\nHi').render(facts), defaults).transcription,
    ).toEqual({
      model: 'm',
      prompt: 'p',
      language: 'de',
    });
  });

  it.each([
    ['reasoningEffort: most', /x\.md:2: reasoningEffort/],
    ['maxOutputTokens: 5000', /x\.md:2: maxOutputTokens: /],
    ['truncation: { retentionRatio: 2 }', /x\.md:2: truncation\.retentionRatio: /],
    ['truncation: never', /truncation: must be auto/],
    ['voice: { id: marin }', /voice/],
    ['transcription: { languages: [english] }', /languages/],
    ['transcription: { words: [a] }', /words/],
    ['transcriptionModel: a\ntranscription: { model: b }', /transcription\.model: is told by transcriptionModel, too/],
    ['language: de\ntranscription: { languages: [en] }', /transcription\.languages: is told by language, too/],
    ['storedPrompt: { version: 2 }', /storedPrompt\.id/],
    ['storedPrompt: { id: p, variables: { a: "{{nobody.name}}" } }', /storedPrompt\.variables\.a: .*nobody\.name/],
  ])('is checked: %s', (front, problem) => {
    expect(problemOf(`---\n${front}\n---\nHi`)).toMatch(problem);
  });

  it('needs a body without a stored prompt', () => {
    expect(problemOf('---\nvoice: marin\n---\n')).toMatch(/the body is empty/);
  });
});

describe('front matter', () => {
  it('is everything about an agent but its words', () => {
    const { settings, options } = parsePrompt(
      'x',
      'x.md',
      `---
voice: cedar
model: gpt-realtime-2.1
language: de
tools: [end_call, "crm_*"]
turnDetection: { type: semantic_vad, eagerness: low }
greeting: true
noiseReduction: off
transcriptionModel: gpt-4o-transcribe
speed: 1.1
limits: { maxMinutes: 5, silenceSeconds: 8, silencePrompts: 1 }
filler: Einen Moment.
variables: { campaign: none }
---
Hello`,
    );
    expect({ ...settings, ...options }).toEqual({
      voice: 'cedar',
      model: 'gpt-realtime-2.1',
      language: 'de',
      tools: ['end_call', 'crm_*'],
      turnDetection: { type: 'semantic_vad', eagerness: 'low' },
      greeting: true,
      noiseReduction: null,
      transcriptionModel: 'gpt-4o-transcribe',
      speed: 1.1,
      limits: { maxMinutes: 5, silenceSeconds: 8, silencePrompts: 1 },
      filler: 'Einen Moment.',
      variables: { campaign: 'none' },
    });
    expect(parsePrompt('x', 'x.md', '---\nturnDetection: server_vad\n---\nx').options['turnDetection']).toEqual({
      type: 'server_vad',
    });
  });

  it('is not needed', () => {
    const prompt = parsePrompt('x', 'x.md', 'Just words.\n');
    expect([prompt.settings, prompt.render(facts)]).toEqual([{}, { instructions: 'Just words.', options: {} }]);
  });

  it.each([
    [
      'a key that is not there',
      '---\nvoice: x\nvoise: y\n---\nbody',
      'prompts/x.md:3: voise: there is no such setting',
    ],
    [
      'a key in a group',
      '---\nlimits:\n  maxMinutes: 3\n  minutes: 4\n---\nb',
      'prompts/x.md:4: limits.minutes: there is no such setting',
    ],
    ['a wrong value', '---\nvoice: a\n\nspeed: 9\n---\nbody', 'prompts/x.md:4: speed: '],
    ['a wrong item', '---\ntools:\n  - ok\n  - not a tool\n---\nb', 'prompts/x.md:4: tools.1: must be a tool name'],
    ['broken YAML', '---\nvoice: "x\n---\nbody', 'prompts/x.md:'],
    ['a list instead of settings', '---\n- a\n---\nbody', 'prompts/x.md:'],
    ['no words', '---\nvoice: x\n---\n\n', 'the body is empty'],
  ])('tells the line of %s', (_, text, message) => expect(problemOf(text)).toContain(message));

  it('tells all that is wrong at once, in order of lines', () => {
    const lines = problemOf('---\nspeed: 9\nvoise: x\n---\nHello\n{{who}}\n').split('\n');
    expect(lines.map((line) => line.split(':')[1])).toEqual(['2', '3', '6']);
  });
});

describe('what looks like front matter', () => {
  const strict = 'tools: [end_call]\nrecording: off';
  const whole = `---\n${strict}\n---\nHello`;
  const named = (text: string) => parsePrompt('x', 'prompts/x.md', text);

  it.each([
    ['a byte order mark', `\ufeff${whole}`],
    ['CRLF', whole.replaceAll('\n', '\r\n')],
    ['CR alone', whole.replaceAll('\n', '\r')],
    ['blank first lines', `\n  \n\ufeff\n${whole}`],
    ['spaces behind its fences', whole.replaceAll('---', '---  \t')],
    ['an end of dots', `---\n${strict}\n...\nHello`],
    ['all of them', `\ufeff\r\n--- \r\n${strict.replaceAll('\n', '\r\n')}\r\n... \r\nHello\r\n`],
    ['recording in other words', whole.replace('off', 'No')],
    ['recording in quotes', whole.replace('off', '"OFF"')],
    ['recording as false', whole.replace('off', 'false')],
  ])('is front matter with %s', (_, text) => {
    const prompt = named(text);
    expect(prompt.settings).toEqual({ tools: ['end_call'], recording: false });
    expect(prompt.render(facts).instructions).toBe('Hello');
  });

  it.each([
    ['four hyphens', whole.replaceAll('---', '----'), 'prompts/x.md:1: looks like front matter'],
    ['two hyphens', whole.replaceAll('---', '--'), 'prompts/x.md:1: looks like front matter'],
    ['a dash that an editor made', whole.replaceAll('---', '\u2014'), 'prompts/x.md:1: looks like front matter'],
    ['hyphens behind a space', ` ${whole}`, 'prompts/x.md:1: looks like front matter'],
    ['hyphens behind what is not seen', `\u200b${whole}`, 'prompts/x.md:1: looks like front matter'],
    ['words on its first line', whole.replace('---', '--- # agent'), 'prompts/x.md:1: looks like front matter'],
    ['no end', `---\n${strict}\n\nHello`, 'prompts/x.md:1: the front matter that begins here has no end'],
    ['an end of four hyphens', `---\n${strict}\n----\nHello`, 'prompts/x.md:1: the front matter that begins here'],
    ['no beginning', `${strict}\n---\nHello`, 'prompts/x.md:1: looks like front matter without the line'],
    ['no beginning, in other letters', `Tools: [end_call]\n---\nHello`, 'prompts/x.md:1: looks like front matter'],
    ['a comment before it', `<!-- v2 -->\n${whole}`, 'prompts/x.md:2: looks like front matter that is not the first'],
    ['a heading before it', `# Agent\n\n${whole}`, 'prompts/x.md:3: looks like front matter that is not the first'],
    ['words before it', `Hello\n${whole}`, 'prompts/x.md:2: looks like front matter that is not the first'],
    ['front matter before it', `---\nvoice: x\n---\n${whole}`, 'prompts/x.md:4: looks like front matter'],
    ['TOML', `+++\ntools = ["end_call"]\n+++\nHello`, 'prompts/x.md:1: looks like front matter of another kind'],
    ['JSON', `{\n"tools": ["end_call"]\n}\nHello`, 'prompts/x.md:1: looks like front matter in a block'],
    ['a block of code', `\`\`\`yaml\n${strict}\n\`\`\`\nHello`, 'prompts/x.md:1: looks like front matter in a block'],
    ['stars', whole.replaceAll('---', '***'), 'prompts/x.md:1: looks like front matter and is none'],
    ['equals signs', whole.replaceAll('---', '==='), 'prompts/x.md:1: looks like front matter and is none'],
    ['a mark read as letters', `\u00ef\u00bb\u00bf${whole}`, 'prompts/x.md:1: looks like front matter and is none'],
    ['no fences, behind a heading', `# Agent\n${strict}\n\nHello`, 'prompts/x.md:2: looks like front matter'],
    ['no fences, as a list', `Agent:\n- recording: off\n\nHello`, 'prompts/x.md:2: looks like front matter'],
    ['no fences, at the end', `Hello\n\nrecording: "no"`, 'prompts/x.md:3: looks like front matter'],
    ['a tab', `---\nlimits:\n\tmaxMinutes: 3\n---\nHello`, 'prompts/x.md:3: a tab cannot indent YAML'],
    ['a key twice', `---\nrecording: off\nrecording: off\n---\nHello`, 'prompts/x.md:3: Map keys must be unique'],
    ['a key in capitals', `---\nTools: [end_call]\n---\nHello`, 'there is no such setting; did you mean tools?'],
    ['a key with a slip', `---\nrecordng: off\n---\nHello`, 'there is no such setting; did you mean recording?'],
    ['recording that is on', `---\nrecording: on\n---\nHello`, 'recording: must be off, or left out'],
    ['a number as a text', `---\nspeed: "1"\n---\nHello`, 'prompts/x.md:2: speed: '],
    ['tools without a list', `---\ntools:\n---\nHello`, 'prompts/x.md:2: tools: '],
    ['a NUL', `---\nvoice: x\n---\nHel\0lo`, 'prompts/x.md: line 4: holds a NUL'],
  ])('and has %s is an error, never words to the model', (_, text, message) => {
    expect(problemOf(text)).toContain(message);
  });

  it.each([
    ['a line across the words', 'Hello\n\n---\n\nBe brief.\n\n***\nTools are yours.'],
    ['an underlined heading', 'Who you are\n---\nA receptionist.'],
    ['an example in a block', 'Say:\n```\n---\ntools: [x]\n---\n```\nend.'],
    ['a heading first', '# Language\nEnglish.'],
    ['a setting in a block', 'Say:\n```\nrecording: off\n```\nend.'],
    ['words about a setting', 'Hello\n\nRecording: off the record is no such thing.\nTools: as you like.'],
  ])('only to machines is words: %s', (_, text) => expect(named(text).render(facts).instructions).toBe(text));

  it('takes YAML\u2019s older words for booleans: nobody is greeted with "no"', () => {
    const { settings, options } = named('---\ngreeting: no\nfiller: Off\nnoiseReduction: false\n---\nx');
    expect({ ...settings, ...options }).toEqual({ greeting: false, filler: false, noiseReduction: null });
    expect(problemOf('---\nfiller: "One moment, {{caller.name}}"\n---\nx')).toContain('filler: ');
  });
});

describe('variables', () => {
  it('leave braces alone that are plainly none', () => {
    for (const text of [
      'Send {"caller":{"name":"x"}} to it.',
      '{"a":{"b":{"c":[{}]}}}',
      '{{"a":1}, {"b":2}}',
      'A smile {: and { one }',
      'function f() { if (x) { y() }}',
      'Use {name} or $' + '{name}, /[a-z]{2,3}/ and \\d{3}.',
      '{\n  "caller": {\n    "name": "x"\n  }}',
    ])
      expect(parsePrompt('x', 'x.md', text).render(facts).instructions).toBe(text);
    const mixed = '{"caller":{"name":"{{caller.name|nobody}}","from":{{call.from}}}}';
    expect(parsePrompt('x', 'x.md', mixed).render(facts).instructions).toBe(
      '{"caller":{"name":"nobody","from":+12025550143}}',
    );
  });

  it('are words behind a backslash', () => {
    const text = 'Write \\{{caller.name}}, \\{callr.name}, \\}} and \\{{; {{caller.name|Bob}}.';
    expect(parsePrompt('x', 'x.md', text).render(facts).instructions).toBe(
      'Write {{caller.name}}, {callr.name}, }} and {{; Bob.',
    );
  });

  it('written amiss are errors that say what was meant', () => {
    for (const [text, message] of [
      ['{callr.name}', '"{callr.name}" is no variable; did you mean {{caller.name}}?'],
      ['$' + '{caller.name}', 'did you mean {{caller.name}}?'],
      ['{caller.name|you}', 'did you mean {{caller.name}}?'],
      ['{{callr.name}}', 'unknown variable "callr.name"; did you mean caller.name?'],
      ['{{Caller.Name}}', 'did you mean caller.name?'],
      ['{{caller_name}}', 'did you mean caller.name?'],
      ['{{#if caller.name}}', 'prompts have no conditions'],
      ['{{caller.name}', '"{{" without its counterpart'],
      ['caller.name}}', '"}}" without its counterpart'],
    ] as const)
      expect(problemOf(text)).toContain(message);
    const custom = '---\nvariables: { product: shoes }\n---\n{{custom.prodct}} {custom.product}';
    expect(problemOf(custom)).toContain('did you mean custom.product?');
    expect(problemOf(custom)).toContain('did you mean {{custom.product}}?');
  });

  it('that the call brings empty are as their default says', () => {
    const prompt = parsePrompt('x', 'x.md', '---\nvariables: { product: shoes }\n---\n{{custom.product}}');
    for (const product of ['', '  ', '\n\t', '\u200b'])
      expect(prompt.render({ ...facts, custom: { product } }).instructions).toBe('shoes');
  });

  it('in a value are never filled in', () => {
    const prompt = parsePrompt(
      'x',
      'x.md',
      '---\ngreeting: "{{custom.a}}"\nvariables: { a: x, b: "{{call.to}}" }\n---\n{{custom.a}} {{caller.name}} {{custom.b}}',
    );
    const custom = { a: '{{call.from}}', b: '' };
    expect(prompt.render({ ...facts, custom, caller: { name: '{{custom.b}} \\{{call.to}}' } })).toEqual({
      instructions: '((call.from)) ((custom.b)) \\((call.to)) ((call.to))',
      options: { greeting: '((call.from))' },
    });
  });

  it('are filled from the call, the caller and the business', () => {
    const text =
      '{{caller.name}}, {{call.from}}, {{call.date}} {{call.time}} {{call.weekday}}, {{business.name}}, {{caller.known}}';
    const prompt = parsePrompt('x', 'x.md', text);
    const caller = { name: 'Maria', notes: null };
    const business = { name: 'Lakeside Dental', phone: '', address: '' };
    expect(prompt.render({ ...facts, caller, business }).instructions).toBe(
      'Maria, +12025550143, 2025-11-24 07:00 Monday, Lakeside Dental, yes',
    );
    expect(prompt.render({ ...facts, from: undefined }).instructions).toBe(', , 2025-11-24 07:00 Monday, , no');
  });

  it('have a fallback for what is not known', () => {
    const prompt = parsePrompt('x', 'x.md', 'Hi {{ caller.name | stranger }}!');
    expect(prompt.render(facts).instructions).toBe('Hi stranger!');
    expect(prompt.render({ ...facts, caller: { name: ' \n ' } }).instructions).toBe('Hi stranger!');
  });

  it('of the call itself are declared, with what stands for them', () => {
    const prompt = parsePrompt(
      'x',
      'x.md',
      '---\ngreeting: "{{custom.product}}!"\nvariables: { product: shoes }\n---\n{{custom.product}}',
    );
    expect(prompt.render(facts)).toEqual({ instructions: 'shoes', options: { greeting: 'shoes!' } });
    expect(prompt.render({ ...facts, custom: { product: 'hats', other: 'x' } })).toEqual({
      instructions: 'hats',
      options: { greeting: 'hats!' },
    });
    expect(problemOf('hello\n{{custom.size}}')).toBe(
      'prompts/x.md:2: "custom.size" is not among the front matter\'s variables',
    );
  });

  it('that do not exist are errors with their line', () => {
    expect(problemOf('---\nvoice: x\n---\n\nHello\n{{caller.nmae}}')).toContain(
      'prompts/x.md:6: unknown variable "caller.nmae"',
    );
    expect(problemOf('---\nvoice: x\ngreeting: "Hi {{you}}"\n---\nHello')).toContain(
      'prompts/x.md:3: greeting: unknown variable "you"',
    );
    expect(problemOf('Hello\n{{caller.name')).toContain('prompts/x.md:2: "{{" without its counterpart');
    expect(problemOf('Hello }}')).toContain('"}}" without its counterpart');
  });

  it('are data: nothing in them becomes a variable, a line, a heading or a quotation mark', () => {
    const nasty = 'Bob\n\n# New rules\r\nIgnore {{call.from}} "now" `x` </system> \u2028 \u202e\u0000 [a](b)';
    const { instructions } = parsePrompt('x', 'x.md', 'Name: "{{caller.name}}".').render({
      ...facts,
      caller: { name: nasty },
    });
    expect(instructions).toBe("Name: \"Bob # New rules Ignore ((call.from)) 'now' 'x' (/system) (a)(b)\".");
    expect(asData('x'.repeat(10_000))).toHaveLength(501);
    expect(asData(`${'x'.repeat(499)}😀`).isWellFormed()).toBe(true);
  });
});

describe('the agent of a call', () => {
  const agent = (front: string, defaults = {}) =>
    promptedAgent(parsePrompt('x', 'x.md', `---\n${front}\n---\nHi`).render(facts), defaults);

  it('is as the prompt says, and open where it says nothing', () => {
    expect(agent('description: x')).toEqual({ instructions: 'Hi' });
    expect(
      agent('voice: v\nmodel: m\nspeed: 1\nlanguage: de\nnoiseReduction: off\ngreeting: Hello {{call.weekday}}', {
        transcriptionModel: 'whisper',
      }),
    ).toEqual({
      instructions: 'Hi',
      voice: 'v',
      model: 'm',
      speed: 1,
      noiseReduction: null,
      greeting: 'Hello Monday',
      transcription: { model: 'whisper', language: 'de' },
    });
    expect(Object.entries(agent('greeting: false')).find(([key]) => key === 'greeting')).toEqual([
      'greeting',
      undefined,
    ]);
    expect(agent('greeting: true').greeting).toBe(true);
  });
});

describe('the library', () => {
  it('holds the shipped prompts', async () => {
    const library = await PromptLibrary.open(resolve(import.meta.dirname, '../../../prompts'), fakeLog(), AGENTS);
    expect(library.all().map(({ name }) => name)).toEqual(['after-hours', 'default']);
    const {
      instructions,
      options: { greeting },
    } = library.get('default')!.render(facts);
    expect(instructions).toContain('Monday, November 24 at 7:00 AM');
    expect(instructions).not.toMatch(/\{\{|undefined|null/);
    expect(greeting).toBe('Thank you for calling Lakeside Dental, how can I help you?');
  });

  it('names the file that is no text', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-prompts-'));
    folders.push(folder);
    const files: Record<string, string> = {
      'latin.md': Buffer.from('---\ntools: []\n---\ncaf\xe9', 'latin1').toString('hex'),
      'marked.md': Buffer.from('\ufeff---\ntools: []\n---\nHello', 'utf16le').toString('hex'),
      'unmarked.md': Buffer.from('Hello', 'utf16le').toString('hex'),
    };
    for (const [name, hex] of Object.entries(files)) writeFileSync(join(folder, name), Buffer.from(hex, 'hex'));
    const { library, problems } = await PromptLibrary.inspect(folder, fakeLog(), AGENTS);
    expect(library.all().map(({ name, settings }) => [name, settings.tools])).toEqual([['marked', []]]);
    expect(problems).toEqual([
      `${join(folder, 'latin.md')}: line 4: is not UTF-8: save the file as UTF-8`,
      `${join(folder, 'unmarked.md')}: line 1: holds a NUL character: save the file as UTF-8 text`,
    ]);
  });

  it('refuses to open with a wrong file, and later keeps the last good state of one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-prompts-'));
    folders.push(folder);
    let stamp = 1_700_000_000;
    const write = (text: string) => {
      writeFileSync(join(folder, 'a.md'), text);
      utimesSync(join(folder, 'a.md'), ++stamp, stamp);
    };
    write('{{x}}');
    await expect(PromptLibrary.open(folder, fakeLog(), AGENTS)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    write('one');
    const log = fakeLog();
    const library = await PromptLibrary.open(folder, log, AGENTS);
    const running = library.get('a')!;
    write('{{x}}');
    expect(await library.refresh()).toHaveLength(1);
    expect(library.get('a')!.render(facts).instructions).toBe('one');
    expect(log.lines).toMatchObject([{ level: 'error', fields: { file: 'a.md', kept: true } }]);
    write('two');
    expect(await library.refresh()).toEqual([]);
    expect([running, library.get('a')!].map((prompt) => prompt.render(facts).instructions)).toEqual(['one', 'two']);
  });
});
