import { BridgeError, errorMessage } from '../errors.ts';
import { RecentWaits } from './recent-waits.ts';
import { loadRoomLibrary, type RoomLibrary } from './room.ts';
import type {
  LinkHandlers,
  LinkOptions,
  LinkPerson,
  LinkStats,
  LinkTrack,
  RoomConnector,
  RoomLink,
} from './room-link.ts';
import { RoomPeople } from './room-people.ts';
import { connectError } from './room-refusal.ts';
import { readStats } from './room-stats.ts';
import { RoomTexts } from './room-texts.ts';

/**
 * Rooms of LiveKit's server by @livekit/rtc-node (`room.ts` loads it). Only microphones are subscribed to, by who asks for them, since a subscription to anything else is decoded too.
 *
 * What was seen of 1.1.0 and is kept from everybody else here: an `AudioFrame` of a subarray sends the memory's beginning; a source takes one frame at a time
 * and rejects a second; an error of connecting holds the token; a room that the server ended keeps its listener and its native handle; a track that
 * was unsubscribed gives no end of its stream to a reader that waits.
 */

type Room = InstanceType<RoomLibrary['Room']>;
type LocalAudioTrack = InstanceType<RoomLibrary['LocalAudioTrack']>;
type AudioSource = InstanceType<RoomLibrary['AudioSource']>;
type RemoteParticipant = InstanceType<RoomLibrary['RemoteParticipant']>;
type RemoteTrack = InstanceType<RoomLibrary['RemoteAudioTrack']> | InstanceType<RoomLibrary['RemoteVideoTrack']>;

/** How much the library may hold of the agent's audio, ms. */
const SOURCE_QUEUE_MS = 200;
/** Length of the frames that are asked of it, ms. */
const FRAME_MS = 20;

/** Loads the library. Rejects with LIVEKIT_UNAVAILABLE where it cannot be loaded. */
export async function loadRooms(): Promise<RoomConnector> {
  const library = await loadRoomLibrary();
  try {
    // The native part is loaded with the first use of it.
    await new library.AudioSource(48_000, 1, SOURCE_QUEUE_MS).close();
  } catch (error) {
    throw new BridgeError('LIVEKIT_UNAVAILABLE', `LiveKit's library cannot be used here: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  return { connect: (options, handlers) => Link.connect(library, options, handlers) };
}

class Link implements RoomLink {
  readonly #library: RoomLibrary;
  readonly #room: Room;
  readonly #o: LinkOptions;
  readonly #handlers: LinkHandlers;
  /** What ends the reading of each track that is heard. */
  readonly #ears = new Map<string, () => void>();
  readonly #tracks = new Set<LinkTrack>();
  readonly #people: RoomPeople;
  readonly #waits = new RecentWaits();
  #closed: Promise<void> | undefined;

  private constructor(library: RoomLibrary, room: Room, options: LinkOptions, handlers: LinkHandlers) {
    this.#library = library;
    this.#room = room;
    this.#o = options;
    this.#handlers = handlers;
    this.#people = new RoomPeople(library);
  }

  static async connect(library: RoomLibrary, options: LinkOptions, handlers: LinkHandlers): Promise<RoomLink> {
    const room = new library.Room();
    const link = new Link(library, room, options, handlers);
    link.#listen();
    try {
      await room.connect(options.url, options.token, {
        autoSubscribe: false,
        dynacast: false,
        dataStream: { maxPayloadByteLength: options.maxTextBytes },
      });
    } catch (error) {
      throw connectError(error);
    }
    return link;
  }

  get identity(): string {
    return this.#room.localParticipant?.identity ?? '';
  }

  get sid(): string {
    return this.#room.localParticipant?.sid ?? '';
  }

  people(): LinkPerson[] {
    return [...this.#room.remoteParticipants.values()].map((person) => this.#people.read(person));
  }

  hear(trackSid: string): void {
    if (this.#ears.has(trackSid)) return;
    for (const person of this.#room.remoteParticipants.values()) {
      person.trackPublications.get(trackSid)?.setSubscribed(true);
    }
  }

  async publish(name: string): Promise<LinkTrack> {
    const { AudioSource, LocalAudioTrack, TrackPublishOptions, TrackSource } = this.#library;
    const source = new AudioSource(this.#o.rate, 1, SOURCE_QUEUE_MS);
    const track = LocalAudioTrack.createAudioTrack(name, source);
    try {
      // Packets flow in silence too: jitter buffers stay as they are, SIP calls are not taken for dead, and a track that stopped moving shows.
      const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE, dtx: false });
      const published = await this.#me.publishTrack(track, options);
      return this.#published(published.sid ?? '', track, source);
    } catch (error) {
      await track.close().catch(() => {});
      throw new BridgeError('LIVEKIT_UNREACHABLE', `the agent's track could not be published: ${errorMessage(error)}`);
    }
  }

  #published(sid: string, track: LocalAudioTrack, source: AudioSource): LinkTrack {
    const { rate } = this.#o;
    const { AudioFrame } = this.#library;
    let closed: Promise<void> | undefined;
    const published: LinkTrack = {
      // Another one after a reconnect.
      get sid() {
        return track.sid ?? sid;
      },
      write: (samples) => source.captureFrame(new AudioFrame(whole(samples), rate, 1, samples.length)),
      clear: () => source.clearQueue(),
      close: () => {
        closed ??= (async () => {
          this.#tracks.delete(published);
          // In this order: a frame for a source that is gone, or a source that is closed while it is published, crashes the library.
          if (this.#room.isConnected)
            await this.#room.localParticipant?.unpublishTrack(track.sid ?? sid).catch(() => {});
          await source.close().catch(() => {});
          await track.close(false).catch(() => {});
        })();
        return closed;
      },
    };
    this.#tracks.add(published);
    return published;
  }

  async setAttributes(attributes: Readonly<Record<string, string>>): Promise<void> {
    await this.#me.setAttributes(attributes);
  }

  async sendText({ topic, attributes, from, text, id }: Parameters<RoomLink['sendText']>[0]): Promise<void> {
    const stream = { topic, attributes, senderIdentity: from };
    const writer = await this.#me.streamText(id === undefined ? stream : { ...stream, streamId: id });
    await writer.write(text);
    await writer.close();
  }

  async sendTranscription({ identity, trackSid, id, text, final }: Parameters<RoomLink['sendTranscription']>[0]) {
    const segment = { id, text, final, language: '', startTime: 0n, endTime: 0n };
    await this.#me.publishTranscription({ participantIdentity: identity, trackSid, segments: [segment] });
  }

  async sendDigit(code: number, digit: string): Promise<void> {
    await this.#me.publishDtmf(code, digit);
  }

  async sendData(bytes: Uint8Array): Promise<void> {
    await this.#me.publishData(bytes, { reliable: true });
  }

  async stats(): Promise<LinkStats> {
    const { publisherStats, subscriberStats } = await this.#room.getRtcStats();
    return readStats([...publisherStats, ...subscriberStats], this.#waits);
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      for (const end of [...this.#ears.values()]) end();
      await Promise.all([...this.#tracks].map((track) => track.close()));
      await this.#room.disconnect().catch(() => {});
      this.#room.removeAllListeners();
      this.#free();
    })();
    return this.#closed;
  }

  /** A room that the server ended is not disconnected by `disconnect`: what it still holds is let go by name, where this version has it. */
  #free(): void {
    const inner = this.#room as unknown as { onFfiEvent?: (event: unknown) => void; ffiHandle?: { dispose(): void } };
    const client = (globalThis as { _ffiClientInstance?: { off(name: string, listener: unknown): void } })
      ._ffiClientInstance;
    if (inner.onFfiEvent !== undefined) client?.off('ffi_event', inner.onFfiEvent);
    inner.ffiHandle?.dispose();
    delete inner.ffiHandle;
  }

  get #me() {
    const me = this.#room.localParticipant;
    if (me === undefined || this.#closed !== undefined) throw new BridgeError('ABORTED', 'the room is closed');
    return me;
  }

  #listen(): void {
    const { RoomEvent, DisconnectReason } = this.#library;
    const room = this.#room;
    const handlers = this.#handlers;
    const told = <A extends unknown[]>(fn: (...args: A) => void) => {
      return (...args: A) => {
        if (this.#closed === undefined) fn(...args);
      };
    };
    const people = told(() => handlers.people());
    room.on(RoomEvent.ParticipantConnected, people);
    room.on(RoomEvent.ParticipantDisconnected, people);
    room.on(RoomEvent.TrackPublished, people);
    room.on(RoomEvent.TrackUnpublished, people);
    room.on(RoomEvent.TrackMuted, people);
    room.on(RoomEvent.TrackUnmuted, people);
    room.on(RoomEvent.ParticipantAttributesChanged, people);
    room.on(RoomEvent.ParticipantNameChanged, people);
    room.on(
      RoomEvent.TrackSubscribed,
      told((track: RemoteTrack) => this.#read20(track)),
    );
    room.on(
      RoomEvent.TrackUnsubscribed,
      told((track: RemoteTrack) => this.#ears.get(track.sid ?? '')?.()),
    );
    room.on(
      RoomEvent.DtmfReceived,
      told((_code: number, digit: string, person: RemoteParticipant) => {
        // Somebody may have left before his key was told of.
        if (person !== undefined) handlers.digit(person.identity, digit);
      }),
    );
    room.on(
      RoomEvent.DataReceived,
      told((bytes: Uint8Array, person?: RemoteParticipant) => handlers.data(person?.identity ?? '', bytes)),
    );
    room.on(
      RoomEvent.Reconnecting,
      told(() => handlers.reconnecting()),
    );
    room.on(
      RoomEvent.Reconnected,
      told(() => handlers.reconnected()),
    );
    room.on(
      RoomEvent.Disconnected,
      told((reason) => handlers.ended(DisconnectReason[reason]?.toLowerCase() ?? 'unknown')),
    );
    const texts = new RoomTexts();
    const read = told((...said: Parameters<LinkHandlers['text']>) => handlers.text(...said));
    for (const topic of this.#o.topics) {
      room.registerTextStreamHandler(topic, (reader, { identity }) => {
        void texts.read(identity, reader).then((text) => {
          if (text === undefined) return;
          if (this.#people.wrote(room.remoteParticipants.get(identity))) people();
          read(identity, text, topic, { ...reader.info.attributes });
        });
      });
    }
  }

  /** Reads a track's frames until it ends or is left. */
  #read20(track: RemoteTrack): void {
    const sid = track.sid ?? '';
    if (track.kind !== this.#library.TrackKind.KIND_AUDIO || this.#ears.has(sid)) return;
    const stream = new this.#library.AudioStream(track, {
      sampleRate: this.#o.rate,
      numChannels: 1,
      frameSizeMs: FRAME_MS,
    });
    const reader = stream.getReader();
    const end = () => {
      if (this.#ears.get(sid) !== end) return;
      this.#ears.delete(sid);
      reader.cancel().catch(() => {});
      if (this.#closed === undefined) this.#handlers.silent(sid);
    };
    this.#ears.set(sid, end);
    const read = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#ears.get(sid) !== end) return;
        this.#handlers.frame(sid, value.data);
      }
    };
    read()
      .catch(() => {})
      .finally(end);
  }
}

/** Memory of its own for each frame: the library sends from the beginning of the buffer, wherever the samples begin in it. */
function whole(samples: Int16Array): Int16Array {
  return samples.byteOffset === 0 && samples.buffer.byteLength === samples.byteLength ? samples : samples.slice();
}
