import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isToneAlone, ToneGenerator } from '../../src/media/tone.ts';
import {
  openPeers,
  Peer,
  type PeerChannel,
  type PeerHandlers,
  type PeerState,
  RTC_FRAME_SAMPLES,
} from '../../src/transport/peer.ts';
import { freeUdpPorts } from './doctor-rig.ts';
import { WAIT_MS } from './waiting.ts';

/** dBFS: the tone is sent at -12, and Opus is lossy. */
const TONE = { minDb: -16, maxOtherDb: -40 };
const GATHER_MS = 2_000;

async function until(what: string, done: () => boolean, ms = 20_000): Promise<void> {
  const begun = performance.now();
  while (!done()) {
    if (performance.now() - begun > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A peer with what it was told, that plays one tone. */
class End {
  readonly states: PeerState[] = [];
  readonly texts: string[] = [];
  readonly rates = new Set<number>();
  /** The last second heard at 48 kHz. */
  heard = new Int16Array(48_000);
  frames = 0;
  channel: PeerChannel | undefined;
  channelOpened = 0;
  channelClosed = 0;
  channelWasOpen: boolean | undefined;
  readonly peer: Peer;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { portRange?: { min: number; max: number } } = {}, handlers: PeerHandlers = {}) {
    this.peer = new Peer(
      { iceServers: [], ...options },
      {
        audio: (samples, rate) => {
          this.frames++;
          this.rates.add(rate);
          if (rate !== 48_000) return;
          this.heard.copyWithin(0, samples.length);
          this.heard.set(samples, this.heard.length - samples.length);
        },
        state: (state) => this.states.push(state),
        channel: (channel) => {
          this.channelWasOpen = channel.isOpen;
          this.use(channel);
        },
        ...handlers,
      },
    );
    ends.push(this);
  }

  use(channel: PeerChannel): void {
    this.channel = channel;
    channel.attach({
      open: () => {
        this.channelOpened++;
      },
      text: (text) => this.texts.push(text),
      close: () => {
        this.channelClosed++;
      },
    });
  }

  /** Plays a tone in real time from one buffer that is used again and again. */
  play(hz: number): void {
    const tone = new ToneGenerator(hz, 48_000, -12);
    const frame = new Int16Array(RTC_FRAME_SAMPLES);
    let sent = performance.now();
    this.#timer = setInterval(() => {
      for (; sent + 10 <= performance.now(); sent += 10) {
        this.peer.sendAudio(tone.fill(frame));
        // What was given must have been copied: what is written after it must not be heard.
        frame.fill(20_000);
      }
    }, 10);
  }

  close(): void {
    clearInterval(this.#timer);
    this.peer.close();
  }
}

const ends: End[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.close();
  expect(openPeers()).toBe(0);
});

async function connect(a = new End(), b = new End()): Promise<[End, End]> {
  a.use(a.peer.createChannel('oai-events'));
  const answer = await b.peer.answer(await a.peer.createOffer(), GATHER_MS);
  await a.peer.acceptAnswer(answer);
  await until('both connected', () => a.peer.state === 'connected' && b.peer.state === 'connected');
  await until('both channels open', () => a.channelOpened === 1 && b.channelOpened === 1);
  return [a, b];
}

describe('two peers', () => {
  it('hear each other: one tone each way and nothing else', async () => {
    const [a, b] = await connect();
    a.play(440);
    b.play(1_250);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    // What a stall tears is more than a second back then.
    await expect.poll(() => isToneAlone(b.heard, 48_000, 440, TONE), { interval: 100 }).toBe(true);
    await expect.poll(() => isToneAlone(a.heard, 48_000, 1_250, TONE), { interval: 100 }).toBe(true);
    expect(a.rates.has(48_000)).toBe(true);
    const quality = await a.peer.quality();
    expect(quality.codec).toBe('audio/opus');
    expect(quality.path).toMatch(/^udp host>(host|prflx)$/);
    expect(quality.packetsSent).toBeGreaterThan(100);
    expect(quality.packetsReceived).toBeGreaterThan(100);
    expect(quality.packetsLost).toBe(0);
    expect(quality.jitterBufferMs).toBeGreaterThan(0);
  });

  it('name the stream of their track, in the offer as in the answer: `event.streams[0]` is what pages play', async () => {
    const [a, b] = [new End(), new End()];
    a.use(a.peer.createChannel('oai-events'));
    const offer = await a.peer.createOffer();
    for (const sdp of [offer, await b.peer.answer(offer, GATHER_MS)]) {
      const [, stream] = /^a=msid:(\S+) \S+/m.exec(sdp) ?? [];
      // RFC 8830 section 2: a lone hyphen says that the track belongs to no stream.
      expect(stream).toMatch(/^[\w{}-]{8,}$/);
    }
  });

  it('are told each state once', async () => {
    const [a, b] = await connect();
    for (const { states } of [a, b]) {
      expect(states.at(-1)).toBe('connected');
      expect(new Set(states).size).toBe(states.length);
      expect(['connecting', 'connected']).toContain(states[0]);
    }
  });

  it('carry text both ways, large and not ASCII, in order', async () => {
    const [a, b] = await connect();
    const large = 'ä€😀'.repeat(10_000);
    for (let i = 0; i < 200; i++) {
      expect(a.channel?.send(`a${i}`)).toBe(true);
      expect(b.channel?.send(`b${i}`)).toBe(true);
    }
    expect(a.channel?.send(large)).toBe(true);
    await until('all texts', () => b.texts.length === 201 && a.texts.length === 200);
    expect(b.texts.slice(0, 200)).toEqual(Array.from({ length: 200 }, (_, i) => `a${i}`));
    expect(a.texts).toEqual(Array.from({ length: 200 }, (_, i) => `b${i}`));
    expect(b.texts[200]).toBe(large);
    expect(b.channel?.label).toBe('oai-events');
  });

  it('are told once when the far end closes, and nothing after their own close', async () => {
    const [a, b] = await connect();
    b.close();
    await until('the channel is closed', () => a.channelClosed === 1);
    expect(a.channel?.send('too late')).toBe(false);
    const { frames, texts } = b;
    const states = b.states.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(b.frames).toBe(frames);
    expect(b.texts).toEqual(texts);
    expect(b.states.length).toBe(states);
    expect(b.channelClosed).toBe(0);
    expect(b.peer.state).toBe('closed');
    b.peer.close();
    b.peer.sendAudio(new Int16Array(RTC_FRAME_SAMPLES));
    expect(b.channel?.send('x')).toBe(false);
    expect(b.channel?.isOpen).toBe(false);
    expect(b.channel?.bufferedBytes).toBe(0);
    expect(await b.peer.stats()).toEqual([]);
  });

  it('learn that one channel was closed while media goes on', async () => {
    const [a, b] = await connect();
    b.channel?.close();
    await until('the channel is closed', () => a.channelClosed === 1);
    expect(a.peer.state).toBe('connected');
  });
});

describe('what cannot be used', () => {
  it.each([
    ['nothing', ''],
    ['no SDP', 'hello'],
    ['a cut one', 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF'],
    ['one without lines of media', 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'],
  ])('is refused as an answer: %s', async (_name, sdp) => {
    const end = new End();
    end.use(end.peer.createChannel('oai-events'));
    await end.peer.createOffer();
    await expect(end.peer.acceptAnswer(sdp)).rejects.toMatchObject({ code: 'PEER_SDP_INVALID' });
  });

  it('is refused as an offer', async () => {
    await expect(new End().peer.answer('v=1', 0)).rejects.toMatchObject({ code: 'PEER_SDP_INVALID' });
  });

  it('is refused as an ICE server before anything native is made', () => {
    for (const urls of ['http://example.com', 'stun:', 'foo:bar', ['stun:a', 'x']]) {
      expect(() => new Peer({ iceServers: [{ urls }] }, {})).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    }
    expect(() => new Peer({ iceServers: [{ urls: 'turn:example.com' }] }, {})).toThrow('user name');
  });
});

describe('close at a bad moment', () => {
  it('ends an offer, an answer and a gathering under way with PEER_FAILED', async () => {
    const a = new End();
    a.use(a.peer.createChannel('oai-events'));
    const offer = await a.peer.createOffer();
    const b = new End();
    const answering = b.peer.answer(offer, 5_000);
    b.close();
    await expect(answering).rejects.toMatchObject({ code: 'PEER_FAILED' });
    a.close();
    await expect(a.peer.createOffer()).rejects.toMatchObject({ code: 'PEER_FAILED' });
    await expect(a.peer.acceptAnswer(offer)).rejects.toMatchObject({ code: 'PEER_FAILED' });
  });

  it('while connecting is quiet', async () => {
    for (let i = 0; i < 10; i++) {
      const a = new End();
      const b = new End();
      a.use(a.peer.createChannel('oai-events'));
      await a.peer.acceptAnswer(await b.peer.answer(await a.peer.createOffer(), GATHER_MS));
      await new Promise((resolve) => setTimeout(resolve, i * 10));
      a.close();
      b.close();
      const states = a.states.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(a.states.length).toBe(states);
    }
  });
});

describe('a port range', () => {
  const portsOf = (sdp: string) =>
    [...sdp.matchAll(/^a=candidate:\S+ \d+ (\S+) \d+ \S+ (\d+) typ host(?! tcptype active)/gm)].map((m) =>
      Number(m[2]),
    );

  it('is obeyed, freed by close, and told of when it is used up', async () => {
    const min = await freeUdpPorts(4);
    const portRange = { min, max: min + 3 };
    const offerer = new End();
    offerer.use(offerer.peer.createChannel('x'));
    const offer = await offerer.peer.createOffer();
    // Each round takes ports of the same four: were they not freed, the second or third would find none.
    for (let round = 0; round < 4; round++) {
      const end = new End({ portRange });
      const ports = portsOf(await end.peer.answer(offer, GATHER_MS));
      expect(ports.length).toBeGreaterThan(0);
      for (const port of ports) expect(port >= portRange.min && port <= portRange.max).toBe(true);
      end.close();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const blockers = await occupy(portRange);
    const end = new End({ portRange });
    const sdp = await end.peer.answer(offer, GATHER_MS).catch((error) => error);
    // TCP candidates remain where the range is taken for UDP alone.
    if (typeof sdp === 'string') expect(sdp).not.toMatch(/ udp /);
    else expect(sdp).toMatchObject({ code: 'PEER_FAILED', message: expect.stringContaining('no local port') });
    for (const socket of blockers) socket.close();
  });
});

/** Binds every UDP port of the range on all addresses, each as soon as it is free. */
async function occupy(range: { min: number; max: number }) {
  const sockets: Socket[] = [];
  for (let port = range.min; port <= range.max; port++) {
    const bound = async () => {
      const socket = createSocket({ type: 'udp6', ipv6Only: false });
      sockets.push(socket);
      socket.bind(port, '::');
      await once(socket, 'listening');
    };
    await vi.waitFor(bound, { timeout: WAIT_MS });
  }
  return sockets;
}

describe('a process that used peers', () => {
  it('ends by itself, without a crash, when they are closed', async () => {
    const script = `
      import { Peer } from ${JSON.stringify(new URL('../../src/transport/peer.ts', import.meta.url).href)};
      process.on('exit', () => process.stdout.write('exit listeners ran'));
      const a = new Peer({ iceServers: [] }, {});
      a.createChannel('x');
      const b = new Peer({ iceServers: [] }, {});
      await a.acceptAnswer(await b.answer(await a.createOffer(), 1000));
      await new Promise((resolve) => setTimeout(resolve, 500));
      a.close();
      b.close();
      process.exitCode = 7;
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.on('exit', (code, signal) => resolve([code, signal]));
    });
    expect([code, signal]).toEqual([7, null]);
    expect(out).toBe('exit listeners ran');
  });
});
