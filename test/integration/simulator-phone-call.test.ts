import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/call.ts';
import { ulawEncode } from '../../src/media/g711.ts';
import { dominantTone, makeTone } from '../../src/media/tone.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { Phone, type PhoneOptions, silenceSource } from '../../src/simulator/phone/index.ts';
import { type BridgeStream, type Posted, TestBridge } from './simulator-phone-bridge.ts';

let bridge: TestBridge;

beforeEach(async () => {
  bridge = new TestBridge();
  await bridge.listen();
});
afterEach(() => bridge.close());

const response = (inside: string) => ({ body: `<Response>${inside}</Response>` });
const phone = (options: Partial<PhoneOptions> = {}) =>
  new Phone({
    carrier: 'twilio',
    source: silenceSource(),
    verbTimeScale: 0,
    from: '+15550001',
    to: '+15550002',
    ...options,
  });

function agentTone(ms: number): Buffer {
  const bytes = Buffer.alloc(ms * 8);
  ulawEncode(makeTone(1000, 8000, ms), bytes);
  return bytes;
}

/** Plays a tone to every caller, and closes with this code when it was heard and the caller was. */
function speakAndClose(code: number) {
  return (stream: BridgeStream) => {
    stream.onMessage = (event) => {
      if (stream.of('mark').length > 0 && stream.audio.length > 0) stream.close(code);
      if (event !== 'start') return;
      stream.media(agentTone(200));
      stream.mark('heard');
    };
  };
}

const byPath = (path: string) => bridge.posts.filter((posted) => posted.path === path);
const signed = (posted: Posted, secret: string, header: string) =>
  twilio.validateRequest(secret, String(posted.headers[header]), bridge.url + posted.path, posted.form);

describe('a call through the webhook', () => {
  it("is Twilio's from the first request to the last", async () => {
    bridge.answer = ({ path }) => {
      if (path === '/incoming') {
        const callback = `statusCallback="${bridge.url}/stream-status" name="bridge"`;
        return response(
          `<Say>hello</Say>${bridge.connect(callback, '<Parameter name="token" value="t1"/>')}<Redirect>/recover</Redirect>`,
        );
      }
      return path === '/recover' ? response('<Say>one moment</Say><Dial>+15559999</Dial>') : { body: '', status: 204 };
    };
    bridge.stream = speakAndClose(1000);
    const caller = phone();
    const report = await caller.placeCall({
      webhookUrl: `${bridge.url}/incoming`,
      secret: 'auth-token',
      statusCallback: `${bridge.url}/call-status`,
    });
    expect(report).toMatchObject({
      ok: true,
      ended: { by: 'bridge', reason: 'connected on to +15559999 by <Dial>', callStatus: 'completed' },
      connect: { webhookStatus: 200 },
    });
    expect(caller.callSid).toMatch(/^CA[0-9a-f]{32}$/);
    const common = { AccountSid: caller.accountSid, ApiVersion: '2010-04-01', CallSid: caller.callSid };
    const parties = { Direction: 'inbound', From: '+15550001', To: '+15550002' };
    expect(byPath('/incoming').map(({ form }) => form)).toEqual([{ ...common, ...parties, CallStatus: 'ringing' }]);
    expect(byPath('/recover').map(({ form }) => form)).toEqual([{ ...common, ...parties, CallStatus: 'in-progress' }]);
    expect(byPath('/call-status').map(({ form }) => form['CallStatus'])).toEqual(['completed']);
    const [stream] = bridge.streams;
    const streamForm = {
      AccountSid: caller.accountSid,
      CallSid: caller.callSid,
      StreamSid: stream!.streamSid,
      StreamName: 'bridge',
    };
    expect(byPath('/stream-status').map(({ form }) => form)).toEqual(
      ['stream-started', 'stream-stopped'].map((StreamEvent) => ({
        ...streamForm,
        StreamEvent,
        Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      })),
    );
    for (const posted of bridge.posts) expect(signed(posted, 'auth-token', 'x-twilio-signature')).toBe(true);
    const upgrade = String(stream!.headers['x-twilio-signature']);
    expect(twilio.validateRequest('auth-token', upgrade, bridge.mediaUrl, {})).toBe(true);
    expect(stream!.of('start')[0]!.message.start.customParameters).toEqual({ token: 't1' });
    const { firstAgentAudio, streams } = report;
    expect(firstAgentAudio.fromCallStartMs).toBeCloseTo(streams[0]!.startedMs + firstAgentAudio.fromStreamStartMs!, 0);
  });

  it("is SignalWire's when asked for", async () => {
    bridge.answer = ({ path }) =>
      path === '/incoming'
        ? response(bridge.connect('codec="L16@16000h" authBearerToken="bearer-1" statusCallback="/s"'))
        : { body: '' };
    bridge.stream = (stream) => {
      stream.onMessage = () => {
        if (stream.audio.length === 5) stream.close();
      };
    };
    const caller = phone({ carrier: 'signalwire' });
    const report = await caller.placeCall({ webhookUrl: `${bridge.url}/incoming`, secret: 'signing-key' });
    const [stream] = bridge.streams;
    expect(caller.callSid).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(stream!.headers.authorization).toBe('Bearer bearer-1');
    expect(stream!.headers['x-twilio-signature']).toBeUndefined();
    expect(report.streams[0]!.codec).toBe('L16@16000');
    expect(bridge.posts).toHaveLength(3);
    for (const posted of bridge.posts) expect(signed(posted, 'signing-key', 'x-signalwire-signature')).toBe(true);
    expect(byPath('/s')[0]!.form).toMatchObject({ 'Unique-ID': caller.callSid, StreamTrack: 'inbound_track' });
    expect(report).toMatchObject({ ok: false, ended: { by: 'carrier' } });
    expect(report.reason).toContain('sent no media');
  });

  it('can be asked for by GET', async () => {
    bridge.answer = () => response('<Hangup/>');
    const report = await phone().placeCall({ webhookUrl: `${bridge.url}/incoming?a=b`, method: 'GET', secret: 's' });
    expect(bridge.posts[0]).toMatchObject({ method: 'GET', form: { a: 'b', CallStatus: 'ringing' } });
    expect(report.ended.reason).toBe('<Hangup>');
  });

  it('ends when the caller hangs up: stop, then close, then the final status', async () => {
    bridge.answer = ({ path }) => (path === '/incoming' ? response(bridge.connect()) : { body: '' });
    const report = await phone({ hangUpAfterMs: 1_000 }).placeCall({
      webhookUrl: `${bridge.url}/incoming`,
      statusCallback: `${bridge.url}/call-status`,
    });
    const [stream] = bridge.streams;
    expect(stream!.messages.at(-1)!.message.event).toBe('stop');
    expect(await stream!.closed.promise).toBe(1000);
    expect(byPath('/call-status')).toHaveLength(1);
    expect(report).toMatchObject({ ended: { by: 'caller', callStatus: 'completed' } });
  });

  it('ends when the caller hangs up in the middle of a <Pause>', async () => {
    bridge.answer = () => response('<Pause length="60"/>');
    const report = await phone({ hangUpAfterMs: 100, verbTimeScale: 1 }).placeCall({ webhookUrl: bridge.url });
    expect(report.ended.by).toBe('caller');
    expect(report.durationMs).toBeLessThan(2000);
  });

  it('knows the bridge by its public address, and dials it at the local one', async () => {
    const body =
      '<Connect><Stream url="wss://voice.example.com/media"/></Connect><Redirect>https://voice.example.com/next</Redirect>';
    bridge.answer = ({ path }) => response(path === '/next' ? '<Hangup/>' : body);
    bridge.stream = speakAndClose(1000);
    const report = await phone().placeCall({
      webhookUrl: `${bridge.url}/incoming`,
      publicUrl: 'https://voice.example.com',
      secret: 's',
    });
    expect(report).toMatchObject({ ok: true, ended: { reason: '<Hangup>' } });
    const check = (signature: unknown, url: string, form: Record<string, string>) =>
      expect(twilio.validateRequest('s', String(signature), `https://voice.example.com${url}`, form)).toBe(true);
    for (const { headers, path, form } of bridge.posts) check(headers['x-twilio-signature'], path, form);
    const upgrade = String(bridge.streams[0]!.headers['x-twilio-signature']);
    expect(twilio.validateRequest('s', upgrade, 'wss://voice.example.com/media', {})).toBe(true);
  });
});

describe('what goes wrong', () => {
  const failing = (answer: TestBridge['answer']) => {
    bridge.answer = answer;
    return phone().placeCall({ webhookUrl: `${bridge.url}/incoming` });
  };

  it('is said: a status that is no success', async () => {
    const report = await failing(() => ({ status: 500, body: 'out of order' }));
    expect(report).toMatchObject({ ok: false, ended: { callStatus: 'failed' }, connect: { webhookStatus: 500 } });
    expect(report.reason).toBe('HTTP 500 (error 11200): out of order');
  });

  it('is said: an answer that is no XML by its type', async () => {
    const report = await failing(() => ({ type: 'application/json', body: '{}' }));
    expect(report.reason).toContain('Content-Type application/json');
  });

  it('is said: an answer that is no XML by its text', async () => {
    const report = await failing(() => ({ body: '<Response><Say>x</Response>' }));
    expect(report.reason).toContain('<Say> is closed by </Response>');
  });

  it('is said: nobody there', async () => {
    const report = await phone().placeCall({ webhookUrl: 'http://127.0.0.1:9/incoming' });
    expect(report.reason).toContain('no connection to 127.0.0.1:9');
  });

  it('is said: a redirect without end', async () => {
    const report = await failing(() => response('<Redirect>/incoming</Redirect>'));
    expect(report.reason).toContain('more than 10 redirects');
    expect(bridge.posts).toHaveLength(11);
  });

  it('leads to the next verb: an upgrade refused', async () => {
    bridge.refuse = 403;
    bridge.answer = ({ path }) =>
      path === '/incoming' ? response(`${bridge.connect(`statusCallback="${bridge.url}/s"`)}<Hangup/>`) : { body: '' };
    const report = await phone().placeCall({ webhookUrl: `${bridge.url}/incoming` });
    expect(report).toMatchObject({ ok: false, ended: { reason: '<Hangup>' }, streams: [] });
    expect(byPath('/s').map(({ form }) => [form['StreamEvent'], form['StreamError']])).toEqual([
      ['stream-error', '31920: the WebSocket was refused with HTTP 403'],
    ]);
  });

  it('leads to the next verb: a WebSocket that breaks', async () => {
    bridge.answer = ({ path }) =>
      path === '/incoming'
        ? response(`${bridge.connect(`statusCallback="${bridge.url}/s"`)}<Dial>+1</Dial>`)
        : { body: '' };
    bridge.stream = (stream) => setTimeout(() => stream.terminate(), 200);
    const report = await phone().placeCall({ webhookUrl: `${bridge.url}/incoming` });
    expect(report.ended.reason).toContain('<Dial>');
    expect(
      byPath('/s')
        .map(({ form }) => form['StreamEvent'])
        .toSorted(),
    ).toEqual(['stream-error', 'stream-started', 'stream-stopped']);
  });

  it('does not come from a status callback that fails', async () => {
    bridge.answer = ({ path }) =>
      path === '/incoming' ? response(bridge.connect('statusCallback="http://127.0.0.1:9/s"')) : { body: '' };
    bridge.stream = speakAndClose(1000);
    const report = await phone().placeCall({ webhookUrl: `${bridge.url}/incoming` });
    expect(report.ok).toBe(true);
    expect(report.timeline.filter(({ what }) => what === 'fault')).toHaveLength(2);
  });

  it('is refused: a second call on one phone, and what is no URL', async () => {
    const caller = phone();
    await expect(caller.placeCall({ webhookUrl: 'nowhere' })).rejects.toThrow('not an http(s) URL');
    await caller.placeCall({ webhookUrl: bridge.url });
    await expect(caller.placeCall({ webhookUrl: bridge.url })).rejects.toThrow('one call a phone');
    expect(() => phone({ codec: 'L16@16000' })).toThrow(RangeError);
  });
});

const CALLER = fileURLToPath(new URL('../../src/simulator/assets/caller.wav', import.meta.url));

describe('npm run call', () => {
  const run = async (...argv: string[]) => {
    const text = { out: '', err: '' };
    const output = {
      out: (part: string) => {
        text.out += part;
      },
      err: (part: string) => {
        text.err += part;
      },
    };
    return { status: await main(['--webhook', `${bridge.url}/incoming`, ...argv], output), ...text };
  };

  it('exits with 0 when the agent was heard; prints the timeline, the tables, and writes the recording', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'phone-'));
    const file = join(folder, 'call.wav');
    try {
      bridge.answer = () => response(bridge.connect());
      bridge.stream = (stream) => {
        stream.onMessage = (event) => {
          if (event === 'start') stream.media(agentTone(1000));
        };
      };
      const { status, out, err } = await run('--wav', CALLER, '--duration', '2500', '--record', file);
      expect(status).toBe(0);
      expect(err).toBe(`recording: ${file}\n`);
      expect(out).toMatch(/^00:00\.\d{3} {2}webhook/m);
      // Each line once, as it came, and none of them again at the end.
      const lines = out.match(/^\d\d:\d\d\.\d{3} {2}\S.*$/gm) ?? [];
      const of = (words: RegExp) => lines.filter((line) => words.test(line)).length;
      expect(of(/ {2}webhook {8}\w+ http/)).toBe(1);
      expect(of(/ {2}webhook {8}HTTP 200/)).toBe(1);
      expect(of(/the agent is heard/)).toBe(1);
      expect(out).toMatch(/Call\n {2}result +ok[\s\S]*first agent audio/);
      const { sampleRate, channels } = decodeWav(await readFile(file));
      expect(sampleRate).toBe(8000);
      expect(channels).toHaveLength(2);
      expect(dominantTone(channels[1]!.subarray(1600, 6400), 8000).hz).toBeCloseTo(1000, 0);
      expect(channels[0]!.some((sample) => Math.abs(sample) > 3000)).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    ['the host it was asked by, as Twilio’s own sample', (host: string) => host],
    ['that host without its port', (host: string) => host.replace(/:.*/, '')],
    ['a tunnel that is not up', () => 'tunnel.invalid'],
  ])('finds the stream of a bridge on plain http that writes wss:// and %s', async (_, named) => {
    // The document of github.com/twilio-samples/speech-assistant-openai-realtime-api-node.
    bridge.answer = ({ headers }) => ({
      body: `<?xml version="1.0" encoding="UTF-8"?>
        <Response>
          <Say>Please wait</Say>
          <Connect>
            <Stream url="wss://${named(headers.host ?? '')}/media-stream" />
          </Connect>
        </Response>`,
    });
    bridge.stream = (stream) => {
      stream.onMessage = (event) => {
        if (event === 'start') stream.media(agentTone(1000));
      };
    };
    const { status, out, err } = await run('--wav', CALLER, '--duration', '4000');
    expect(err).toBe('');
    expect(status).toBe(0);
    expect(out).toContain(`ws://127.0.0.1:${bridge.port}/media-stream`);
  });

  it('exits with 1 when nothing was heard, and says why; JSON goes to stdout alone', async () => {
    bridge.answer = () => response(bridge.connect());
    const { status, out, err } = await run('--duration', '1500', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, carrier: 'twilio' });
    expect(err).toContain('call failed: no agent audio: the bridge sent no media');
  });
});
