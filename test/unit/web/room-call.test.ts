import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** LiveKit's client in a room that is joined when the test says so. */
class FakeRoom {
  static made: FakeRoom[] = [];
  readonly name = 'room-1';
  readonly remoteParticipants = new Map();
  readonly canPlaybackAudio = true;
  readonly connected = Promise.withResolvers<void>();
  microphone: boolean[] = [];
  disconnected = 0;
  readonly localParticipant = {
    identity: 'me',
    name: 'me',
    kind: 0,
    isSpeaking: false,
    attributes: {},
    getTrackPublication: () => undefined,
    setMicrophoneEnabled: async (on: boolean) => {
      this.microphone.push(on);
    },
  };

  constructor() {
    FakeRoom.made.push(this);
  }

  on(): this {
    return this;
  }
  registerTextStreamHandler(): void {}
  connect(): Promise<void> {
    return this.connected.promise;
  }
  async disconnect(): Promise<void> {
    this.disconnected++;
  }
}

vi.mock('livekit-client', () => ({
  ParticipantKind: { AGENT: 4 },
  Room: FakeRoom,
  RoomEvent: {},
  setLogLevel: () => {},
  Track: { Source: { Microphone: 'microphone' }, Kind: { Audio: 'audio' } },
}));

class FakeAudioContext {
  async resume(): Promise<void> {}
}

/** A page whose requests are answered when the test says so. */
async function page() {
  const asked: Array<{ path: string; answer: (body: object) => void }> = [];
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('AudioContext', FakeAudioContext);
  vi.stubGlobal('document', { baseURI: 'http://daemon/console/livekit.html' });
  vi.stubGlobal('fetch', (url: URL) => {
    const { promise, resolve } = Promise.withResolvers<object>();
    asked.push({ path: url.pathname, answer: (body) => resolve({ ok: true, json: async () => body }) });
    return promise;
  });
  const { RoomCall } = await import('../../../web/livekit/room-call.js');
  return { call: new RoomCall(), asked };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
const MADE = { connectionId: 'c-1', serverUrl: 'wss://livekit', accessToken: 't' };

beforeEach(() => {
  FakeRoom.made = [];
});
afterEach(() => vi.unstubAllGlobals());

describe('whoever leaves while a room is still asked for', () => {
  it('is not brought into it when the answer comes, and the room that was made for him is ended', async () => {
    const { call, asked } = await page();
    const joining = call.join({ name: 'Ann' });
    await settle();
    await call.leave();
    asked[0]!.answer(MADE);
    await settle();
    expect(FakeRoom.made).toEqual([]);
    expect(asked.map(({ path }) => path)).toEqual(['/livekit/create-room', '/livekit/end-call']);
    asked[1]!.answer({});
    await joining;
    expect(call.state).toBe('ended');
  });

  it('ends no room that others made', async () => {
    const { call, asked } = await page();
    const joining = call.join({ name: 'Ann', room: 'support-1' });
    await settle();
    await call.leave();
    asked[0]!.answer(MADE);
    await joining;
    expect(asked.map(({ path }) => path)).toEqual(['/livekit/join-room']);
    expect(FakeRoom.made).toEqual([]);
  });

  it('opens no microphone in a room that he left while it was joined', async () => {
    const { call, asked } = await page();
    const joining = call.join({ name: 'Ann' });
    await settle();
    asked[0]!.answer(MADE);
    await settle();
    await call.leave();
    const [room] = FakeRoom.made;
    room!.connected.resolve();
    await joining;
    expect(call.state).toBe('ended');
    expect(room!.microphone).toEqual([]);
    expect(room!.disconnected).toBeGreaterThan(0);
  });

  it('and joins another meanwhile is in that one alone', async () => {
    const { call, asked } = await page();
    const first = call.join({ name: 'Ann', room: 'one' });
    await settle();
    await call.leave();
    const second = call.join({ name: 'Ann', room: 'two' });
    await settle();
    asked[1]!.answer({ ...MADE, connectionId: 'c-2' });
    await settle();
    asked[0]!.answer(MADE);
    await first;
    FakeRoom.made[0]!.connected.resolve();
    await second;
    expect(FakeRoom.made).toHaveLength(1);
    expect([call.state, call.connectionId]).toEqual(['connected', 'c-2']);
  });
});
