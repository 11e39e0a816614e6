import { afterEach, describe, expect, it } from 'vitest';
import { makeTone } from '../../src/media/tone.ts';
import {
  parseScenario,
  type RealtimeServer,
  type ScenarioInput,
  startRealtimeServer,
} from '../../src/simulator/realtime/index.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';

// biome-ignore lint/suspicious/noExplicitAny: events are read by tests as the JSON they are.
type AnyEvent = any;

let server: RealtimeServer;
afterEach(() => server.close());

interface Client {
  readonly socket: Socket;
  readonly texts: string[];
  readonly events: AnyEvent[];
  closed: number;
  has(type: string): boolean;
}

async function connect(query = '?model=gpt-realtime', headers: Record<string, string> = {}): Promise<Client> {
  const texts: string[] = [];
  const events: AnyEvent[] = [];
  const client = { texts, events, closed: 0, has: (type: string) => events.some((event) => event.type === type) };
  const socket = await openSocket(
    `${server.url.replace('http', 'ws')}/realtime${query}`,
    {
      text: (data) => {
        texts.push(data.toString());
        try {
          events.push(JSON.parse(data.toString()) ?? {});
        } catch {
          // Some of these tests ask for text that is no JSON.
        }
      },
      binary() {},
      close: (code) => {
        client.closed = code;
      },
    },
    {
      maxMessageBytes: 2_000_000,
      pingIntervalMs: 0,
      connectTimeoutMs: 3_000,
      headers: { authorization: 'Bearer sk-x', ...headers },
    },
  );
  return Object.assign(client, { socket });
}

async function start(scenario: ScenarioInput): Promise<void> {
  server = await startRealtimeServer({ port: 0, scenario: parseScenario(scenario) });
}

async function until(what: string, done: () => boolean, ms = 20_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const create = JSON.stringify({ type: 'response.create' });

describe('a WebSocket session that breaks', () => {
  it('is cut in the middle of a sentence, and the next session is not touched', async () => {
    await start({
      greeting: { tone: 620, toneMs: 20_000 },
      faults: [{ fault: 'drop', sessions: [1], from: 'speech', afterMs: 150 }],
    });
    const first = await connect();
    const second = await connect();
    first.socket.send(create);
    second.socket.send(create);
    await until('the cut', () => first.closed !== 0);
    expect(first.closed).toBe(1006);
    expect(first.has('response.output_audio.delta')).toBe(true);
    expect(first.has('response.done')).toBe(false);
    await until('the other response', () => second.has('response.done'));
    expect(second.closed).toBe(0);
  });

  it('expires with an error event and a close', async () => {
    await start({ faults: [{ fault: 'session_expired', afterMs: 100 }] });
    const client = await connect();
    await until('the close', () => client.closed !== 0);
    expect(client.events.at(-1)).toMatchObject({ type: 'error', error: { code: 'session_expired' } });
    expect(client.closed).toBe(1001);
  });

  it('sends junk and goes on', async () => {
    await start({
      faults: [
        { fault: 'malformed_events', count: 6 },
        { fault: 'unknown_events' },
        { fault: 'error_event', code: 'x', afterMs: 20 },
      ],
    });
    const client = await connect();
    await until('the error event', () => client.has('error'));
    expect(client.texts.slice(1, 7)).toContain('not json');
    expect(client.has('future.event_0')).toBe(true);
    client.socket.send(create);
    await until('the response', () => client.has('response.done'));
  });

  it('takes garbage from clients without harm to others', async () => {
    await start({});
    const bad = await connect();
    const good = await connect();
    bad.socket.send('{');
    bad.socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio: '!' }));
    bad.socket.sendBinary(Buffer.from([1, 2, 3]));
    good.socket.send(create);
    await until('three errors', () => bad.events.filter((event) => event.type === 'error').length === 3);
    await until('the response', () => good.has('response.done'));
    expect(bad.closed).toBe(0);
    expect(server.stats.errors).toBe(3);
  });

  it('speaks the beta dialect when the header asks for it', async () => {
    await start({});
    const client = await connect('?model=gpt-4o-realtime-preview', { 'openai-beta': 'realtime=v1' });
    client.socket.send(create);
    await until('the response', () => client.has('response.done'));
    expect(client.has('response.audio.delta')).toBe(true);
    expect(client.has('response.output_audio.delta')).toBe(false);
  });

  it('only transcribes with intent=transcription', async () => {
    await start({});
    const client = await connect('?intent=transcription');
    const audio = new Int16Array(24 * 1_500);
    audio.set(makeTone(500, 24_000, 600, -18));
    client.socket.send(
      JSON.stringify({ type: 'input_audio_buffer.append', audio: Buffer.from(audio.buffer).toString('base64') }),
    );
    await until('the transcript', () => client.has('conversation.item.input_audio_transcription.completed'));
    client.socket.send(create);
    await until('the error', () => client.has('error'));
    expect(client.has('response.created')).toBe(false);
  });
});

describe('the server', () => {
  it('holds fifty sessions at once and frees every one', async () => {
    await start({});
    const clients = await Promise.all(Array.from({ length: 50 }, () => connect()));
    for (const client of clients) client.socket.send(create);
    await until('fifty responses', () => clients.every((client) => client.has('response.done')));
    expect(server.stats).toMatchObject({ sessionsStarted: 50, sessionsLive: 50, responses: 50, errors: 0 });
    for (const client of clients) client.socket.close();
    await until('the end of all', () => server.stats.sessionsLive === 0);
  });

  it('ends its sessions when it is closed, more than once without harm', async () => {
    await start({});
    const client = await connect();
    await Promise.all([server.close(), server.close()]);
    await until('the close', () => client.closed !== 0);
    expect(client.closed).toBe(1001);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('opens nothing that was delayed until after its end', async () => {
    await start({ faults: [{ fault: 'delay_handshake', ms: 150 }] });
    const late = connect().then(
      () => 'open',
      () => 'refused',
    );
    await until('the handshake', () => server.stats.sessionsStarted === 1);
    await server.close();
    expect(await late).toBe('refused');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.sessions).toEqual([]);
  });

  it('does not start with a sound that cannot be read', async () => {
    await start({});
    const scenario = parseScenario({ turns: [{ say: { wav: '/nonexistent/sound.wav' } }] });
    await expect(startRealtimeServer({ port: 0, scenario })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('says so when its port is taken', async () => {
    await start({});
    await expect(startRealtimeServer({ port: server.port })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  });
});
