import type {
  LinkHandlers,
  LinkOptions,
  LinkPerson,
  LinkStats,
  LinkTrack,
  RoomConnector,
  RoomLink,
} from '../../src/transport/room-link.ts';

/** A track of the fake library: takes what it is given, refuses it, or keeps it for ever. */
export class FakeTrack implements LinkTrack {
  readonly sid: string;
  readonly written: Int16Array[] = [];
  readonly calls: string[] = [];
  behaves: 'takes' | 'refuses' | 'holds' = 'takes';

  constructor(sid: string) {
    this.sid = sid;
  }

  get samples(): number[] {
    return this.written.flatMap((run) => [...run]);
  }

  write(samples: Int16Array): Promise<void> {
    if (this.behaves === 'holds') return new Promise(() => {});
    if (this.behaves === 'refuses') return Promise.reject(new Error('InvalidState - failed to capture frame'));
    this.written.push(samples);
    return Promise.resolve();
  }

  clear(): void {
    this.calls.push('clear');
  }

  close(): Promise<void> {
    this.calls.push('close');
    return Promise.resolve();
  }
}

/** One link of the fake library; the test is its server. */
export class FakeLink implements RoomLink {
  readonly identity = 'agent';
  readonly sid: string;
  readonly options: LinkOptions;
  readonly tell: LinkHandlers;
  readonly there = new Map<string, LinkPerson>();
  readonly heard: string[] = [];
  readonly tracks: FakeTrack[] = [];
  readonly said: unknown[] = [];
  packetsSent = 0;
  /** Whether packets go out by it: 50 from one look to the next. */
  isSending = true;
  closed = false;
  hangs = false;
  publishFails = false;

  constructor(sid: string, options: LinkOptions, tell: LinkHandlers) {
    this.sid = sid;
    this.options = options;
    this.tell = tell;
  }

  /** Somebody is there, with a microphone of this name where one is given. */
  put(identity: string, more: Partial<LinkPerson> & { mic?: string; muted?: boolean } = {}): void {
    const { mic, muted = false, ...rest } = more;
    this.there.set(identity, {
      identity,
      sid: `PA_${identity}`,
      name: identity,
      kind: 'standard',
      attributes: {},
      microphone: mic === undefined ? undefined : { sid: mic, muted },
      observes: false,
      ...rest,
    });
    this.tell.people();
  }

  remove(identity: string): void {
    this.there.delete(identity);
    this.tell.people();
  }

  get track(): FakeTrack {
    return this.tracks.at(-1)!;
  }

  people(): LinkPerson[] {
    return [...this.there.values()];
  }

  hear(trackSid: string): void {
    if (!this.heard.includes(trackSid)) this.heard.push(trackSid);
  }

  publish(name: string): Promise<LinkTrack> {
    if (this.publishFails) return Promise.reject(new Error('no way'));
    this.said.push(['publish', name]);
    this.tracks.push(new FakeTrack(`TR_${this.sid}_${this.tracks.length}`));
    return Promise.resolve(this.track);
  }

  async setAttributes(attributes: Readonly<Record<string, string>>): Promise<void> {
    this.said.push(['attributes', attributes]);
  }

  async sendText(text: object): Promise<void> {
    this.said.push(['text', text]);
  }

  async sendTranscription(line: object): Promise<void> {
    this.said.push(['transcription', line]);
  }

  async sendDigit(code: number, digit: string): Promise<void> {
    this.said.push(['digit', code, digit]);
  }

  async sendData(bytes: Uint8Array): Promise<void> {
    this.said.push(['data', Buffer.from(bytes).toString()]);
  }

  async stats(): Promise<LinkStats> {
    if (this.isSending) this.packetsSent += 50;
    return {
      rttMs: 3,
      jitterMs: 2,
      jitterBufferMs: 40,
      jitterBufferLatelyMs: 60,
      packetsSent: this.packetsSent,
      packetsReceived: 5,
      packetsLost: 0,
    };
  }

  close(): Promise<void> {
    this.closed = true;
    return this.hangs ? new Promise(() => {}) : Promise.resolve();
  }
}

/** The library without its native part: what becomes of each connect is the test's to say, a link at once when it says nothing. */
export class FakeLibrary implements RoomConnector {
  readonly links: FakeLink[] = [];
  /** In order, for the next connects: an error, or never. */
  readonly next: Array<Error | 'never'> = [];
  /** Who is there when a link is made. */
  prepare: (link: FakeLink) => void = () => {};

  get link(): FakeLink {
    return this.links.at(-1)!;
  }

  connect(options: LinkOptions, handlers: LinkHandlers): Promise<RoomLink> {
    const outcome = this.next.shift();
    if (outcome === 'never') return new Promise(() => {});
    if (outcome !== undefined) return Promise.reject(outcome);
    const link = new FakeLink(`PA_agent${this.links.length}`, options, handlers);
    this.links.push(link);
    this.prepare(link);
    return Promise.resolve(link);
  }
}
