import { resolve as resolvePath } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { WITHHELD } from '../../../src/call/party.ts';
import { pageParty, parseParty, whatsappParty } from '../../../src/numbering/party.ts';
import { loadRoutes, parseRoutes } from '../../../src/routing/load.ts';
import { resolve } from '../../../src/routing/routes.ts';
import { isWithin, parseDays, parseHours } from '../../../src/routing/schedule.ts';
import { TEST_NUMBERS } from '../../../src/simulator/phone/index.ts';

const party = (text: string | undefined) => (text === undefined ? undefined : parseParty(text));

const targets = {
  agents: AGENTS,
  agentOf: () => ({ kind: 'openai', isParticular: false }),
  hasPrompt: (name: string) => ['day', 'night', 'vip', 'default', 'after-hours'].includes(name),
  hasTool: (name: string) => ['end_call', 'take_message'].includes(name),
  timezone: 'America/New_York',
};
const parse = (text: string, files: Record<string, string> = {}) =>
  parseRoutes('routes.yaml', text, targets, async (name) => {
    const file = files[name];
    if (file === undefined) throw new Error('ENOENT');
    return file;
  });
const problemsOf = (text: string, files?: Record<string, string>) =>
  parse(text, files).then(
    () => '',
    (error: Error & { code: string }) => `${error.code} ${error.message}`,
  );
const at = (iso: string) => Date.parse(iso);
const NOON = at('2025-11-24T17:00:00Z');

describe('which agent answers', () => {
  const text = `
callers:
  friends: ["+12025550143", "+4930*"]
  listed: { file: vip.txt }
routes:
  - { name: listed, from: listed, prompt: vip, transport: websocket }
  - { name: exact, to: "+12025550100", from: [friends, withheld], prompt: vip, tools: [end_call] }
  - { name: prefix, to: ["+1202*", "+1303*"], when: { days: mon-fri, hours: "08:00-18:00" }, prompt: day }
  - { name: night, to: "+1202*", prompt: night }
  - { prompt: default }
`;
  const files = { 'vip.txt': '# our best\n+442079460000\n\n+442079460001 # the other one\n' };

  it.each([
    ['+12025550100', '+12025550143', 'exact'],
    ['+12025550100', '+4930999', 'exact'],
    ['+12025550100', undefined, 'exact'],
    ['+12025550100', '+12025550144', 'prefix'],
    ['+12025550199', '+12025550143', 'prefix'],
    ['+13035550100', undefined, 'prefix'],
    ['+442079460000', undefined, 'route 5'],
    [undefined, undefined, 'route 5'],
    ['+442079460000', '+442079460001', 'listed'],
  ])('to %s from %s: %s', async (to, from, route) => {
    expect(resolve(await parse(text, files), { to: party(to), from: party(from) ?? WITHHELD, now: NOON }).route).toBe(
      route,
    );
  });

  it('is decided by the hour, too, and says everything a call needs', async () => {
    const routes = await parse(text, files);
    const evening = at('2025-11-24T23:00:00Z');
    expect(resolve(routes, { to: party('+12025550199'), from: WITHHELD, now: evening })).toEqual({
      route: 'night',
      prompt: 'night',
      tools: undefined,
      agent: { chosen: undefined, kind: 'openai', options: {} },
    });
    expect(resolve(routes, { to: party('+13035550100'), from: WITHHELD, now: evening }).route).toBe('route 5');
    expect(resolve(routes, { to: party('+12025550100'), from: WITHHELD, now: NOON }).tools).toEqual(['end_call']);
    expect(
      resolve(routes, { to: undefined, from: party('+442079460000') ?? WITHHELD, now: NOON }).agent.options[
        'transport'
      ],
    ).toBe('websocket');
  });
});

describe("a route's own words", () => {
  const routes = (say: string) =>
    parse(`routes:\n  - { to: "+4930*", prompt: day, say: ${say} }\n  - { prompt: default }\n`);
  const said = async (say: string, to: string) =>
    resolve(await routes(say), { to: parseParty(to), from: WITHHELD, now: NOON }).say;

  it('go with its calls alone; a recording is named from the folder of the routes', async () => {
    const say = '{ language: de-DE, voice: woman, fallback: Leider., busy: off, apology: sorry.wav }';
    expect(await said(say, '+4930123456')).toEqual({
      language: 'de-DE',
      voice: 'woman',
      fallback: 'Leider.',
      busy: 'off',
      apology: resolvePath('sorry.wav'),
    });
    expect(await said(say, '+12025550100')).toBeUndefined();
    expect(await said('{ busy: false }', '+4930123456')).toEqual({ busy: 'off' });
  });

  it.each([
    ['{ language: de_DE }', 'language such as de-DE'],
    ['{ voice: "<x>" }', "carrier's voice"],
    ['{ fallback: 5 }', 'fallback'],
    ['{ apologies: x.wav }', 'there is no apologies'],
  ])('%s is wrong', async (say, problem) => {
    expect(
      await problemsOf(`routes:\n  - { to: "+4930*", prompt: day, say: ${say} }\n  - { prompt: default }\n`),
    ).toContain(problem);
  });
});

describe('windows of time', () => {
  const window = (days: string | undefined, hours: string, dates?: string[]) => ({
    days: days === undefined ? undefined : parseDays(days),
    dates: dates === undefined ? undefined : new Set(dates),
    ...parseHours(hours)!,
  });
  const within = (days: string | undefined, hours: string, iso: string, zone = 'UTC') =>
    isWithin(window(days, hours), at(iso), zone);

  it('begin with their first minute and end before their last', () => {
    expect(
      ['07:59', '08:00', '17:59', '18:00'].map((time) => within(undefined, '08:00-18:00', `2025-11-24T${time}:59Z`)),
    ).toEqual([false, true, true, false]);
    expect(within('mon', '00:00-24:00', '2025-11-24T23:59:59Z')).toBe(true);
  });

  it('go on past midnight as part of the day they began', () => {
    expect(within('fri', '18:00-08:00', '2025-11-28T17:59:00Z')).toBe(false);
    expect(within('fri', '18:00-08:00', '2025-11-28T23:00:00Z')).toBe(true);
    expect(within('fri', '18:00-08:00', '2025-11-29T07:59:00Z')).toBe(true);
    expect(within('fri', '18:00-08:00', '2025-11-29T08:00:00Z')).toBe(false);
    expect(within('fri', '18:00-08:00', '2025-11-28T07:00:00Z')).toBe(false);
  });

  it('go by the clock of their zone, on the days it changes too', () => {
    expect(within('sun', '00:00-24:00', '2025-11-23T23:30:00Z', 'Asia/Tokyo')).toBe(false);
    expect(within('mon', '08:00-09:00', '2025-11-23T23:30:00Z', 'Asia/Tokyo')).toBe(true);
    // 9 March 2025: New York goes from 1:59 EST to 3:00 EDT.
    expect(within('sun', '01:00-03:00', '2025-03-09T06:59:00Z', 'America/New_York')).toBe(true);
    expect(within('sun', '01:00-03:00', '2025-03-09T07:00:00Z', 'America/New_York')).toBe(false);
  });

  it('can be single dates', () => {
    const christmas = window(undefined, '00:00-24:00', ['2025-12-25']);
    expect(isWithin(christmas, at('2025-12-25T12:00:00Z'), 'UTC')).toBe(true);
    expect(isWithin(christmas, at('2025-12-26T00:00:00Z'), 'UTC')).toBe(false);
  });

  it('are read from words', () => {
    expect([...(parseDays('Mon-Wed, sat') ?? [])]).toEqual([1, 2, 3, 6]);
    expect([...(parseDays('fri-mon') ?? [])]).toEqual([5, 6, 0, 1]);
    expect(['', 'monday', 'mon-', 'mon-tue-wed'].map(parseDays)).toEqual(new Array(4).fill(undefined));
    expect(['8-18', '08:00-08:00', '24:00-08:00', '08:60-09:00', ''].map(parseHours)).toEqual(
      new Array(5).fill(undefined),
    );
  });
});

describe('a file that is wrong', () => {
  it.each([
    ['routes:\n  - prompt: nobody\n', 'CONFIG_INVALID routes.yaml:2: routes.0.prompt: there is no prompt "nobody"'],
    ['routes:\n  - prompt: day\n    tools: [end_call, fly]\n', 'routes.yaml:3: routes.0.tools: there is no tool "fly"'],
    ['routes:\n  - { to: "+1*", prompt: day }\n', 'routes.yaml:2: routes.0: the last route must take everything'],
    [
      'routes:\n  - prompt: day\n  - prompt: night\n',
      'routes.yaml:2: routes.0: takes everything, so that no call gets to the 1 behind',
    ],
    [
      'routes:\n  - { from: friends, prompt: day }\n  - prompt: day\n',
      'routes.0.from: "friends" is neither a number nor a list',
    ],
    ['routes:\n  - { to: withheld, prompt: day }\n  - prompt: day\n', 'routes.0.to: "withheld" is neither'],
    ['routes:\n  - prompt: day\n    whan: x\n', 'routes.yaml:2: routes.0: there is no whan'],
    ['routes:\n  - to: 12025550100\n    prompt: day\n', 'routes.yaml:2: routes.0.to: '],
    ['routes:\n  - { when: { days: always }, prompt: day }\n  - prompt: day\n', '"always" must be such as mon-fri'],
    ['routes:\n  - { when: { hours: "8-12" }, prompt: day }\n  - prompt: day\n', '"8-12" must be such as 08:00-18:00'],
    ['timezone: Mars\nroutes:\n  - prompt: day\n', 'routes.yaml:1: timezone: "Mars" is no time zone'],
    [
      'callers: { a: { file: no.txt } }\nroutes:\n  - prompt: day\n',
      'routes.yaml:1: callers.a: no.txt: cannot be read',
    ],
    ['routes: [\n', 'routes.yaml:'],
    ['routes: []\n', 'routes.yaml:1: routes: '],
  ])('%j', async (text, message) => expect(await problemsOf(text)).toContain(message));

  it.each([
    ['routes:\n\t- prompt: day\n', 'routes.yaml:2: a tab cannot indent YAML'],
    ['routes:\n  - prompt: day\n    prompt: night\n', 'routes.yaml:3: Map keys must be unique'],
    ['routes:\n  - prompt: day\n    Form: "+12025550143"\n', 'there is no Form; did you mean from?'],
    ['Routes:\n  - prompt: day\n', 'there is no Routes; did you mean routes?'],
    ['routes:\n  - prompt: day\0\n', 'holds a NUL character'],
  ])('in a way that would lose a line: %j', async (text, message) => expect(await problemsOf(text)).toContain(message));

  it('only in its bytes is none: a byte order mark and CRLF are read over', async () => {
    const text = 'callers: { a: { file: a.txt } }\nroutes:\n  - { from: a, prompt: vip }\n  - prompt: day\n';
    const routes = await parse(`\ufeff${text.replaceAll('\n', '\r\n')}`, { 'a.txt': '\ufeff+12025550143\r\r\n' });
    expect(
      resolve(routes, { to: party('+12025550100'), from: party('+12025550143') ?? WITHHELD, now: NOON }).prompt,
    ).toBe('vip');
  });

  it('tells the line of a list of numbers, and all problems at once', async () => {
    const text = 'callers: { a: { file: a.txt } }\nroutes:\n  - { from: a, prompt: x }\n';
    const problems = await problemsOf(text, { 'a.txt': '+12025550143\n555\n' });
    expect(problems).toContain('a.txt:2: "555" is no number');
    expect(problems).toContain('there is no prompt "x"');
    expect(problems).toContain('must take everything');
  });

  it('or missing, is said so', async () => {
    await expect(loadRoutes('/nowhere/routes.yaml', targets)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

it('the shipped routes answer day and night', async () => {
  const routes = await loadRoutes(resolvePath(import.meta.dirname, '../../../prompts/routes.yaml'), targets);
  const who = (iso: string, from = '+12025550143') =>
    resolve(routes, { to: party('+12025550100'), from: party(from) ?? WITHHELD, now: at(iso) }).prompt;
  // Monday 7:59, 8:00; Wednesday 13:00; Saturday 8:59, 9:00, 13:00; Sunday noon; in New York.
  expect(
    [
      '2025-11-24T12:59Z',
      '2025-11-24T13:00Z',
      '2025-11-26T18:00Z',
      '2025-11-29T13:59Z',
      '2025-11-29T14:00Z',
      '2025-11-29T18:00Z',
      '2025-11-30T17:00Z',
    ].map((iso) => who(iso)),
  ).toEqual(['after-hours', 'default', 'after-hours', 'after-hours', 'default', 'after-hours', 'after-hours']);
  expect(who('2025-11-24T15:00Z', '+12025550199')).toBe('after-hours');
});

it('whoever tries the shipped agent out reaches the prompt that the README has him edit, at every hour of a week', async () => {
  const routes = await loadRoutes(resolvePath(import.meta.dirname, '../../../prompts/routes.yaml'), targets);
  // As `npm run call` places it, and as a page does, which dials nothing.
  const { from, to } = TEST_NUMBERS;
  for (let hour = 0; hour < 7 * 24; hour++) {
    const now = at('2025-11-24T00:00Z') + hour * 3_600_000;
    expect(resolve(routes, { to: party(to), from: party(from) ?? WITHHELD, now }).prompt).toBe('default');
    expect(resolve(routes, { to: undefined, from: parseParty('page:12345'), now }).prompt).toBe('default');
  }
});

describe('who calls', () => {
  const text = `
callers: { list: { file: list.txt } }
routes:
  - { name: withheld, from: withheld, prompt: day }
  - { name: maria, from: "tel:+1-202-555-0143", prompt: day }
  - { name: listed, from: list, prompt: day }
  - { name: london, from: "+44 20*", prompt: day }
  - { name: client, from: ["client:alice", "sip:*"], prompt: day }
  - { name: ours, to: "+1\u2011202\u2011555\u20110100", from: "+1303*", prompt: day }
  - { prompt: day }
`;
  it.each([
    ['Anonymous', 'withheld'],
    ['+266696687', 'withheld'],
    ['', 'withheld'],
    ['sip:+12025550143@pbx.example.com', 'maria'],
    ['+13035550143', 'ours'],
    ['+12025550178', 'listed'],
    ['+44 20 7946 0958', 'london'],
    ['client:alice', 'client'],
    ['sip:bob@pbx.example.com', 'client'],
    ['client:bob', 'route 7'],
    ['1001', 'route 7'],
    // A number that no country has is one that can still be turned away.
    ['+811045000', 'listed'],
  ])('%j is answered by the route %s, however numbers are written in the file', async (from, route) => {
    const routes = await parse(text, { 'list.txt': '+1 (202) 555-0178 # hers\n+81 1045000\n' });
    expect(resolve(routes, { to: parseParty('+12025550100'), from: parseParty(from), now: NOON }).route).toBe(route);
  });

  it.each([
    ['sip:+12025550143@pbx.example.com', 'SIP:+12025550143@other.example.com;transport=udp'],
    ['client:+12025550143', '+12025550143'],
    ['whatsapp:+12025550143', 'whatsapp:+12025550143'],
    ['sip:anonymous@anonymous.invalid', 'Anonymous'],
    ['SIP:Alice@PBX.example.com', 'sip:Alice@pbx.example.com'],
    ['sips:alice@pbx.example.com;transport=tls', 'sip:alice@pbx.example.com'],
    ['Client:alice', 'client:alice'],
  ])('is read in an entry as in a call: %s', async (entry, from) => {
    const routes = await parse(`routes:\n  - { name: his, from: "${entry}", prompt: day }\n  - prompt: day\n`);
    expect(resolve(routes, { to: undefined, from: parseParty(from), now: NOON }).route).toBe('his');
  });

  it.each(['sip:+1202*', 'sip:*@pbx.example.com'])('and no call can have is an error: %s', async (entry) => {
    const text = `routes:\n  - { from: "${entry}", prompt: day }\n  - prompt: day\n`;
    expect(await problemsOf(text)).toContain(`"${entry}" is neither`);
  });

  it('is not named by a list whose name is an entry itself', async () => {
    const text = 'callers: { withheld: ["+12025550143"] }\nroutes:\n  - prompt: day\n';
    expect(await problemsOf(text)).toContain('callers.withheld: "withheld" stands for callers already');
  });

  it('is no dialled number: a page dials none, and is neither withheld nor anybody’s', async () => {
    const routes = await parse(text, { 'list.txt': '' });
    const page = { to: undefined, from: pageParty('conv-1', false), now: NOON };
    expect(resolve(routes, page).route).toBe('route 7');
    const own = await parse('routes:\n  - { name: pages, from: "page:*", prompt: day }\n  - { prompt: day }\n');
    expect(resolve(own, page).route).toBe('pages');
  });
});

it('tells all that is wrong at once, what routes say of their agents too', async () => {
  const text = 'routes:\n  - { prompt: day, transport: pigeon, tool: [end_call] }\n  - { prompt: default, agent: x }\n';
  expect(await problemsOf(text)).toBe(
    [
      'CONFIG_INVALID routes.yaml:2: routes.0: there is no tool; did you mean tools?',
      'routes.yaml:2: routes.0.transport: Invalid option: expected one of "webrtc"|"websocket"',
      `routes.yaml:3: routes.1.agent: there is no kind of agent "x" (there is ${AGENTS.map(({ name }) => name).join(', ')})`,
    ].join('\n'),
  );
});

describe('routes for who calls by WhatsApp', () => {
  const USER = 'US.13491208655302741918';
  const text = `
routes:
  - { name: him, from: "whatsapp:${USER}", prompt: vip }
  - { name: country, from: "whatsapp:DE.*", prompt: day }
  - { name: number, from: "+1202*", prompt: night }
  - { name: username, from: "whatsapp:*", prompt: after-hours }
  - { prompt: default }
`;

  it.each([
    ['by user id alone', { userId: USER }, 'him'],
    ['by user id, though he has a number', { userId: USER, waId: '12025550143' }, 'him'],
    ['by the beginning of ids', { userId: 'DE.1' }, 'country'],
    ['by the number, whoever else he is', { waId: '12025550143' }, 'number'],
    ['by any id', { userId: 'FR.1', waId: '33142685300' }, 'username'],
    ['as anybody else', { waId: '33142685300' }, 'route 5'],
    ['as nobody', {}, 'route 5'],
  ])('%s', async (_, ids, route) => {
    const arrival = { to: party('+12025550100'), from: whatsappParty(ids), now: NOON };
    expect(resolve(await parse(text), arrival).route).toBe(route);
  });
});
