/** One person in a room, by LiveKit's own library, with the ear, mouth, timeline and report of the telephone's caller. */

import { delay, systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { errorMessage } from '../../errors.ts';
import { l16 } from '../../media/codecs.ts';
import type { RoomLibrary } from '../../transport/room.ts';
import { readStats } from '../../transport/room-stats.ts';
import { Habits } from '../phone/habits.ts';
import { CallRecorder } from '../phone/recorder.ts';
import { pcmSource } from '../phone/source.ts';
import type { StreamReport } from '../phone/stream-report.ts';
import { Talk } from '../phone/talk.ts';
import { type Happening, Timeline } from '../phone/timeline.ts';
import {
  type Joined,
  type PersonControls,
  type PersonEvent,
  type PersonOptions,
  RATE,
  type Recording,
  type Seen,
  type Words,
} from './messages.ts';
import { Microphone } from './microphone.ts';
import { jitterBufferOf, type Tape, TapeRecorder } from './tape.ts';

type Lib = RoomLibrary;
type Room = InstanceType<Lib['Room']>;
type Remote = InstanceType<Lib['RemoteParticipant']>;
type Publication = InstanceType<Lib['RemoteTrackPublication']>;
type RemoteTrack = NonNullable<Publication['track']>;

/** What of a person's audio is held back against jitter, ms, as its player does: it counts neither as heard nor as a gap. */
export const JITTER_MS = 40;
/** How often a person tries to come back, ms. */
const RETRY_MS = 500;
/** How long the library may take until something is sent by a connection that it made anew, and to say how much was, ms. */
const PROOF_MS = 4_000;
const LOOK_MS = 1_000;
/** How long each step out of a room may take, ms. */
const LEAVE_MS = 2_000;
const KEYS = '0123456789*#ABCD';
const CODEC = l16(RATE, 'le');

/** One clock for all people of the process. */
const ticker = new Ticker(systemClock);

/** Resolves with the work, be it done or failed, or when its time is over. */
async function atMost<T>(ms: number, work: Promise<T> | undefined): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => over.resolve(undefined), ms);
  try {
    return await Promise.race([work?.catch(() => undefined), over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const sourceOf = ({ name, samples, isEndless }: Words) => pcmSource(samples, RATE, { name, endless: isEndless });

export class RoomPerson implements PersonControls {
  readonly #lib: Lib;
  readonly #o: PersonOptions;
  readonly #tell: (event: PersonEvent) => void;
  readonly #timeline: Timeline;
  readonly #recorder: CallRecorder | undefined;
  readonly #talk: Talk;
  readonly #habits: Habits;
  /** Who reads an agent's track, by its id: one that is gone is read no longer, or it would be heard twice. */
  readonly #readers = new Map<string, ReadableStreamDefaultReader<{ data: Int16Array; samplesPerChannel: number }>>();
  readonly #tape: TapeRecorder | undefined;
  #room: Room | undefined;
  #microphone: Microphone | undefined;
  #hasMicrophone: boolean;
  #isMuted: boolean;
  #isLeaving = false;
  #isGone = false;

  constructor(lib: Lib, options: PersonOptions, tell: (event: PersonEvent) => void) {
    this.#lib = lib;
    this.#o = options;
    this.#tell = tell;
    this.#hasMicrophone = options.microphone !== 'none';
    this.#isMuted = options.microphone === 'muted';
    const originMs = options.originMs - performance.timeOrigin;
    this.#timeline = new Timeline(
      systemClock,
      ({ atMs, what, text }) => tell({ what: 'happened', atMs, kind: what, text }),
      originMs,
    );
    if (options.keepsRecording) this.#recorder = new CallRecorder(RATE, originMs);
    if (options.keepsTape) this.#tape = new TapeRecorder();
    const source = sourceOf(options.words);
    const { digits, interruptAtMs, hangUpWhenQuietMs } = options;
    this.#habits = new Habits(
      {
        source,
        ...(digits === undefined ? {} : { digits }),
        ...(interruptAtMs === undefined ? {} : { interruptAtMs }),
        ...(hangUpWhenQuietMs === undefined ? {} : { hangUpWhenQuietMs }),
      },
      () => void this.leave(),
    );
    this.#talk = new Talk(
      {
        codec: CODEC,
        source,
        clock: systemClock,
        ticker,
        timeline: this.#timeline,
        recorder: this.#recorder,
        jitterMs: JITTER_MS,
        onTick: (now) => this.#habits.tick(this.#talk, now, this.#timeline),
      },
      {
        media: (frame) => this.#microphone?.say(frame.samples) ?? false,
        key: (digit) => this.#key(digit),
      },
    );
  }

  async join(): Promise<Joined> {
    const room = await this.#enter();
    this.#talk.start();
    this.#note('stream', `in the room ${room.name ?? ''} as ${room.localParticipant?.identity ?? ''}`);
    this.#talk.speak();
    this.#habits.began(this.#talk);
    return { identity: room.localParticipant?.identity ?? '', room: room.name ?? '' };
  }

  async say(words: Words): Promise<void> {
    this.#talk.mouth.cutIn(sourceOf(words));
  }

  async mute(isMuted: boolean): Promise<void> {
    this.#isMuted = isMuted;
    this.#microphone?.mute(isMuted);
    this.#note('room', isMuted ? 'the microphone is muted' : 'the microphone is live');
  }

  async publish(isPublished: boolean): Promise<void> {
    this.#hasMicrophone = isPublished;
    if (isPublished) await this.#openMicrophone();
    else await this.#microphone?.unpublish();
  }

  async press(keys: string): Promise<void> {
    this.#talk.press(keys);
  }

  async chat(text: string): Promise<void> {
    await this.#room?.localParticipant?.sendText(text, { topic: 'lk.chat' });
  }

  async seen(): Promise<Seen[]> {
    return [...(this.#room?.remoteParticipants.values() ?? [])].map((one) => this.#seen(one));
  }

  async recording(): Promise<Recording> {
    const [said = new Int16Array(0), heard = new Int16Array(0)] = this.#recorder?.channels() ?? [];
    return { said, heard };
  }

  async tape(): Promise<Tape> {
    const stats = await this.#room?.getRtcStats().catch(() => undefined);
    const tape = this.#tape?.read() ?? { samples: new Int16Array(0), frames: [] };
    return {
      ...tape,
      jitterBuffer: jitterBufferOf([...(stats?.publisherStats ?? []), ...(stats?.subscriberStats ?? [])]),
    };
  }

  async report(): Promise<StreamReport> {
    return this.#talk.report({ carrier: 'livekit', streamSid: this.#room?.name ?? '', codec: `opus, L16@${RATE}` });
  }

  async leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#note('hangup', 'leaves the room');
    // The library waits for a word of its own after each, which may never come.
    await atMost(LEAVE_MS, this.#microphone?.unpublish());
    await atMost(LEAVE_MS, this.#microphone?.close());
    await atMost(LEAVE_MS, this.#room?.disconnect());
    this.#gone('CLIENT_INITIATED');
  }

  /** Makes a connection, with the microphone as it is to be. */
  async #enter(): Promise<Room> {
    const { RoomEvent } = this.#lib;
    const room = new this.#lib.Room();
    room.on(RoomEvent.TrackPublished, (publication, one) => this.#listen(publication, one));
    room.on(RoomEvent.TrackSubscribed, (track, publication) => void this.#hear(track, publication));
    room.on(RoomEvent.TrackUnsubscribed, (_track, publication) => this.#deaf(publication.sid));
    room.on(RoomEvent.ParticipantConnected, (one) => this.#say('came', one));
    room.on(RoomEvent.ParticipantDisconnected, (one) => this.#say('left', one));
    room.on(RoomEvent.ParticipantAttributesChanged, (changed) => this.#changed(changed));
    room.on(RoomEvent.DtmfReceived, (_code, digit, { identity }) =>
      this.#tell({ what: 'digit', atMs: this.#since(), identity, digit }),
    );
    room.on(RoomEvent.Reconnecting, () => this.#link('reconnecting'));
    room.on(RoomEvent.Reconnected, () => {
      this.#link('reconnected');
      this.#listenToAll(room);
      if (this.#o.comesBack) void this.#prove(room);
    });
    room.on(RoomEvent.Disconnected, (reason) => void this.#lost(room, reason));
    room.registerTextStreamHandler('lk.transcription', async (reader, { identity }) => {
      const text = await reader.readAll().catch(() => undefined);
      if (text === undefined) return;
      const attributes = reader.info.attributes ?? {};
      const line = {
        identity,
        text,
        segmentId: attributes['lk.segment_id'] ?? '',
        trackId: attributes['lk.transcribed_track_id'] ?? '',
        isFinal: attributes['lk.transcription_final'] === 'true',
      };
      if (line.isFinal) this.#note('room', `${this.#who(identity)}: "${text}"`);
      this.#tell({ what: 'transcript', atMs: this.#since(), line });
    });
    room.registerTextStreamHandler('lk.chat', async (reader, { identity }) => {
      const text = await reader.readAll().catch(() => undefined);
      if (text !== undefined) this.#tell({ what: 'chat', atMs: this.#since(), identity, text });
    });
    await room.connect(this.#o.url, this.#o.token, { autoSubscribe: false, dynacast: false });
    this.#room = room;
    for (const one of room.remoteParticipants.values()) this.#say('came', one);
    this.#listenToAll(room);
    if (this.#hasMicrophone) await this.#openMicrophone();
    return room;
  }

  async #openMicrophone(): Promise<void> {
    const room = this.#room;
    if (room === undefined) return;
    this.#microphone ??= new Microphone(this.#lib, room);
    await this.#microphone.publish();
    if (this.#isMuted) this.#microphone.mute(true);
  }

  /**
   * The library says now and then that it is back, on a busy machine, by a connection that carries nothing either way, and never mends it: it is given up, and the room
   * joined again, as who sits before a page that is silent loads it again.
   */
  async #prove(room: Room): Promise<void> {
    const sent = async () => {
      const { publisherStats, subscriberStats } = await room.getRtcStats();
      return readStats([...publisherStats, ...subscriberStats]).packetsSent;
    };
    await delay(systemClock, PROOF_MS);
    const before = await atMost(LOOK_MS, sent());
    await delay(systemClock, LOOK_MS);
    const after = await atMost(LOOK_MS, sent());
    const isMine = room === this.#room && !this.#isLeaving && this.#hasMicrophone && !this.#isMuted;
    if (!isMine || (before !== undefined && after !== undefined && after > before)) return;
    this.#note('fault', 'the connection that the library made anew carries nothing: the room is joined again');
    room.removeAllListeners();
    void atMost(LEAVE_MS, room.disconnect());
    await this.#comeBack();
  }

  #listenToAll(room: Room): void {
    for (const one of room.remoteParticipants.values())
      for (const publication of one.trackPublications.values()) this.#listen(publication, one);
  }

  /** Subscribes to an agent's track; other people are not listened to. */
  #listen(publication: Publication, owner: Remote): void {
    if (!this.#o.listens || !this.#isAgent(owner) || publication.kind !== this.#lib.TrackKind.KIND_AUDIO) return;
    publication.setSubscribed(true);
  }

  async #hear(track: RemoteTrack, { sid = '' }: Publication): Promise<void> {
    this.#deaf(sid);
    const reader = new this.#lib.AudioStream(track, { sampleRate: RATE, numChannels: 1, frameSizeMs: 20 }).getReader();
    this.#readers.set(sid, reader);
    this.#note('room', "hears the agent's track");
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#readers.get(sid) !== reader) return;
        this.#talk.hear(value.data, value.samplesPerChannel);
        this.#tape?.add(value.data, value.samplesPerChannel, systemClock.now() - this.#timeline.originMs);
      }
    } catch (error) {
      this.#note('fault', `the agent's track broke off: ${errorMessage(error)}`);
    }
  }

  #deaf(sid: string | undefined): void {
    const reader = this.#readers.get(sid ?? '');
    this.#readers.delete(sid ?? '');
    reader?.cancel().catch(() => {});
  }

  #say(what: 'came' | 'left', one: Remote): void {
    const seen = this.#seen(one);
    this.#note('room', `${this.#who(one.identity, one)} ${what === 'came' ? 'is there' : 'left'}`);
    this.#tell({ what, atMs: this.#since(), seen });
    if (what === 'came') this.#changed(seen.attributes);
  }

  #changed(attributes: Readonly<Record<string, string>>): void {
    const { 'lk.agent.state': state } = attributes;
    if (state === undefined || state === '') return;
    this.#note('room', `the agent is ${state}`);
    this.#tell({ what: 'agent-state', atMs: this.#since(), state });
  }

  #link(state: 'reconnecting' | 'reconnected' | 'rejoined'): void {
    this.#note('room', `the connection: ${state}`);
    this.#tell({ what: 'link', atMs: this.#since(), state });
  }

  /** The room is over for this connection; whoever comes back tries until it is there again or told to leave. */
  async #lost(room: Room, reason: number): Promise<void> {
    if (this.#isLeaving || (this.#room !== undefined && room !== this.#room)) return;
    const name = String(this.#lib.DisconnectReason[reason] ?? reason);
    const isOver = /CLIENT_INITIATED|ROOM_DELETED|ROOM_CLOSED|PARTICIPANT_REMOVED|DUPLICATE_IDENTITY/.test(name);
    if (isOver || !this.#o.comesBack) {
      this.#gone(name);
      return;
    }
    this.#note('room', `the room is lost: ${name}`);
    await this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    for (const sid of [...this.#readers.keys()]) this.#deaf(sid);
    await atMost(LEAVE_MS, this.#microphone?.close());
    this.#microphone = undefined;
    while (!this.#isLeaving) {
      try {
        await this.#enter();
        this.#link('rejoined');
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #gone(reason: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#isLeaving = true;
    this.#talk.end();
    for (const sid of [...this.#readers.keys()]) this.#deaf(sid);
    this.#note('ended', `out of the room: ${reason}`);
    this.#tell({ what: 'gone', atMs: this.#since(), reason });
  }

  #key(digit: string): void {
    // A key that does not get through is not missed: nobody waits for it here.
    this.#room?.localParticipant?.publishDtmf(KEYS.indexOf(digit), digit).catch(() => {});
  }

  /** Somebody for the timeline. */
  #who(identity: string, one = this.#room?.remoteParticipants.get(identity)): string {
    if (one === undefined) return identity;
    return this.#isAgent(one) ? 'the agent' : one.name || identity;
  }

  #isAgent = (one: Remote): boolean => one.kind === this.#lib.ParticipantKind.AGENT;

  #seen(one: Remote): Seen {
    const { identity, name = '', attributes } = one;
    return { identity, name, isAgent: this.#isAgent(one), attributes };
  }

  #note(what: Happening, text: string): void {
    this.#timeline.add(what, text);
  }

  #since(): number {
    return this.#timeline.since(systemClock.now());
  }
}
