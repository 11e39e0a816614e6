import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { AgentOrder, OpenedAgent } from '../../../../src/agents/kind.ts';
import { parseTarget } from '../../../../src/agents/target.ts';
import { websocketAgent } from '../../../../src/agents/websocket/kind.ts';
import type { WebsocketTarget } from '../../../../src/agents/websocket/target.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const read = (agent: object) => parseTarget({ kind: 'websocket', ...agent }, [websocketAgent]);
const problemsOf = (agent: object): string => {
  const parsed = read(agent);
  return parsed.ok ? '' : parsed.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`).join('\n');
};
const optionsOf = (agent: object): WebsocketTarget => {
  const parsed = read(agent);
  if (!parsed.ok) throw new Error(problemsOf(agent));
  return parsed.target.options as unknown as WebsocketTarget;
};
const url = 'wss://agents.example/talk';

async function opened(env: Record<string, string> = {}): Promise<OpenedAgent<never>> {
  const settings = { ULTRAVOX_API_KEY: 'uv-key', ULTRAVOX_API_URL: 'https://uv.example', ICE_SERVERS: [] };
  const deps = { clock: new FakeClock(), ticker: {}, log: {}, env: (name: string) => env[name] };
  return (await websocketAgent.open(settings as never, deps as never)) as OpenedAgent<never>;
}
const order = (options: WebsocketTarget, more: Partial<AgentOrder> = {}) =>
  ({ instructions: '', voice: undefined, tools: [], form: 'pcm16', ...more, options }) as never;

describe('what is written about an agent behind a WebSocket', () => {
  it('needs no more than where it is', () => {
    expect(optionsOf({ url })).toMatchObject({
      audio: { rate: 24_000, encoding: 'pcm_s16le', channels: 1, frame_ms: 20, pace: 'live', silence: true },
      send: {},
      events: [],
      start: [],
    });
  });

  it.each([
    ['no address', {}, 'either url or call'],
    ['two addresses', { url, call: { url: 'https://a.example/x', address: 'a' } }, 'either url or call'],
    ['an address of another scheme', { url: 'https://agents.example' }, 'ws:// or wss://'],
    ['a misspelt key', { url, adio: {} }, 'adio: is nothing that websocket understands; did you mean audio?'],
    ['a rate that is none', { url, audio: { rate: 11_025 } }, 'audio.rate: must be 8000, 16000, 24000, 48000'],
    ['a meaning that is none', { url, events: [{ when: { a: 1 }, is: 'speech' }] }, 'events.0.is'],
    ['audio without its place', { url, send: { audio: { type: 'audio' } } }, 'must have a place {{audio}}'],
    ['words without a text', { url, events: [{ when: { a: 1 }, is: 'caller-said' }] }, 'events.0.text: is needed'],
    ['results of no call', { url, send: { tool_result: { a: '{{id}}', b: '{{output}}' } } }, 'events has none'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as operators write it.
    ['a key of the daemon', { url, headers: { 'X-Key': '${OPENAI_API_KEY}' } }, 'OPENAI_API_KEY} is not available'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as operators write it.
    ['the same in a message', { url, start: { key: '${OPENAI_API_KEY}' } }, 'OPENAI_API_KEY} is not available'],
    ['a header in two lines', { url, headers: { 'X-Key': 'a\r\nHost: b' } }, 'must be one line'],
  ])('is refused where it cannot work: %s', (_, agent, problem) => {
    expect(problemsOf(agent)).toContain(problem);
  });

  it.each(['ultravox', 'jambonz'])('is shown by an example that holds: %s', async (name) => {
    const text = readFileSync(join(import.meta.dirname, `../../../../docs/examples/${name}.yaml`), 'utf8');
    const { kind, ...agent } = parse(text).agent;
    expect(kind).toBe('websocket');
    const made = (await opened({ AGENT_BOT_TOKEN: 'token' })).create(order(optionsOf(agent)));
    expect(made.leg).toMatchObject({ kind: 'websocket', pace: 'burst' });
    expect(made.model).toBe(agent.name);
  });
});

describe('an agent made of it', () => {
  it('has the variables that it names, and is refused where one is not set', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as operators write it.
    const options = optionsOf({ url: '${AGENT_URL}', name: 'one' });
    expect((await opened({ AGENT_URL: url })).create(order(options)).model).toBe('one');
    const missing = await opened();
    expect(() => missing.create(order(options))).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    const odd = await opened({ AGENT_URL: 'file:///etc/passwd' });
    expect(() => odd.create(order(options))).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('is known by its host, and by nothing else of its address', async () => {
    const agent = await opened();
    expect(agent.create(order(optionsOf({ url: 'wss://agents.example:444/secret?token=canary' }))).model).toBe(
      'websocket/agents.example:444',
    );
  });

  it('can be asked for what its messages are written for, and for nothing else', async () => {
    const agent = await opened();
    const { leg } = agent.create(order(optionsOf({ url })));
    expect([leg.sendText, leg.note, leg.respond, leg.submitToolResult, leg.greet]).toEqual(Array(5).fill(undefined));
    const able = agent.create(order(optionsOf({ url, send: { text: { t: '{{text}}' }, note: { n: '{{text}}' } } })));
    expect([able.leg.sendText, able.leg.note].map((method) => typeof method)).toEqual(['function', 'function']);
    expect(able.leg.respond).toBeUndefined();
  });

  it('says which wishes it has no place for', async () => {
    const agent = await opened();
    const options = optionsOf({ url, start: { voice: '{{voice}}' } });
    expect(agent.create(order(options, { voice: 'ada', language: 'de' })).ignored).toEqual(['language']);
  });
});
