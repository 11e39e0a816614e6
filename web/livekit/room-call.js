import { ParticipantKind, Room, RoomEvent, setLogLevel, Track } from '../lib/livekit-client.js';
import { LevelMeter } from '../phone/level.js';
import { Transcript } from './transcript.js';

/**
 * Somebody in a room with the agent: asks the daemon for a room, or for a place in one that there is, and joins it with LiveKit's own client. No part of the page is touched; it
 * tells of a `change` by an event, and what it says is in its properties.
 *
 * @typedef {'idle' | 'asking' | 'connecting' | 'connected' | 'reconnecting' | 'ended' | 'failed'} RoomState
 * @typedef {{ identity: string, name: string, isMe: boolean, isAgent: boolean, isSpeaking: boolean, microphone: 'none' | 'muted' | 'live' }} PersonView
 * @typedef {{ name: string, room?: string, agentId?: string, voiceLanguage?: string }} RoomWish
 */

setLogLevel('silent');

/** How long the server may take to answer, ms. */
const ANSWER_MS = 20_000;

export class RoomCall extends EventTarget {
  #processing;
  #token;
  /** @type {Room | undefined} */
  #room;
  /** @type {RoomState} */
  #state = 'idle';
  /** @type {string | undefined} */
  #reason;
  #connectionId = '';
  /** Counts joins and leaves: what a join that was left meanwhile still brings is nobody's. */
  #attempt = 0;
  #muted = false;
  /** @type {AudioContext | undefined} */
  #audio;
  /** What of each agent's track is heard, by the track's id. @type {Map<string, { element: HTMLMediaElement, meter: LevelMeter | undefined }>} */
  #heard = new Map();
  transcript = new Transcript(() => this.#tell());
  /** Why the room hears nothing of this page, in words. @type {string | undefined} */
  microphoneProblem;

  /** @param {{ processing?: boolean, token?: string | null }} [options] `token`: the operators', where rooms are theirs alone */
  constructor({ processing = true, token = null } = {}) {
    super();
    this.#processing = processing;
    this.#token = token;
    addEventListener('pagehide', () => void this.#room?.disconnect());
  }

  get state() {
    return this.#state;
  }

  /** Why it is in this state, in words. */
  get reason() {
    return this.#reason;
  }

  get active() {
    return ['asking', 'connecting', 'connected', 'reconnecting'].includes(this.#state);
  }

  get connectionId() {
    return this.#connectionId;
  }

  get roomName() {
    return this.#room?.name ?? '';
  }

  get muted() {
    return this.#muted;
  }

  /** Whether the browser waits for a tap before it plays anything. */
  get silenced() {
    return this.#room !== undefined && this.active && !this.#room.canPlaybackAudio;
  }

  /** What the agent says it does; '' before it is there. */
  get agentState() {
    const agent = this.#remote().find((one) => one.kind === ParticipantKind.AGENT);
    return agent?.attributes['lk.agent.state'] ?? '';
  }

  /** Who is in the room, this page first. @returns {PersonView[]} */
  get people() {
    const room = this.#room;
    if (room === undefined || !this.active) return [];
    return [room.localParticipant, ...this.#remote()].map((one) => {
      const publication = one.getTrackPublication(Track.Source.Microphone);
      return {
        identity: one.identity,
        name: one.name === undefined || one.name === '' ? one.identity : one.name,
        isMe: one === room.localParticipant,
        isAgent: one.kind === ParticipantKind.AGENT,
        isSpeaking: one.isSpeaking,
        microphone: publication === undefined ? 'none' : publication.isMuted ? 'muted' : 'live',
      };
    });
  }

  /** The analyser of what an agent says, for whoever wants its spectrum. */
  get agentAnalyser() {
    return [...this.#heard.values()].find(({ meter }) => meter !== undefined)?.meter?.analyser;
  }

  /** How loud the agent is, dBFS; -100 for silence. */
  get agentLevel() {
    return Math.max(-100, ...[...this.#heard.values()].map(({ meter }) => meter?.dbfs() ?? -100));
  }

  /**
   * Joins. To be called from a click or key, so that the browser lets audio play. Never rejects: `state` and `reason` say what came of it.
   * @param {RoomWish} wish `room`: one that there is; without it a new one is made
   */
  async join({ name, room = '', agentId = '', voiceLanguage = '' }) {
    if (this.active) return;
    const attempt = ++this.#attempt;
    const isLeft = () => attempt !== this.#attempt;
    this.#connectionId = '';
    this.transcript.clear();
    this.microphoneProblem = undefined;
    this.#become('asking');
    const wish = {
      participantName: name,
      ...(room === '' ? {} : { roomName: room }),
      ...(agentId === '' ? {} : { agentId }),
      ...(voiceLanguage === '' ? {} : { voiceLanguage }),
    };
    try {
      const made = await this.#post(room === '' ? 'create-room' : 'join-room', wish);
      if (isLeft()) {
        // Nobody comes to what was made for this page.
        if (room === '') await this.#post('end-call', { connectionId: made.connectionId });
        return;
      }
      this.#connectionId = made.connectionId;
      this.#become('connecting');
      await this.#connect(made.serverUrl, made.accessToken, isLeft);
    } catch (error) {
      if (!isLeft()) this.#finish('failed', error instanceof Error ? error.message : String(error));
    }
  }

  /** Leaves; the agent stays with whoever else is there. */
  async leave() {
    this.#attempt++;
    await this.#room?.disconnect();
    this.#finish('ended', 'You left the room.');
  }

  /** Ends the room for everybody. */
  async end() {
    const connectionId = this.#connectionId;
    await this.leave();
    // Of a room that is still asked for there is none yet.
    if (connectionId === '') return;
    await this.#post('end-call', { connectionId }).catch((error) => this.#finish('failed', String(error.message)));
  }

  /** @param {boolean} muted */
  async setMuted(muted) {
    this.#muted = muted;
    await this.#room?.localParticipant.setMicrophoneEnabled(!muted, this.#capture()).catch(() => {});
    this.#tell();
  }

  /** Writes to the agent, which answers by voice. @param {string} text */
  async write(text) {
    const info = await this.#room?.localParticipant.sendText(text, { topic: 'lk.chat' });
    if (info !== undefined) this.transcript.wrote(info.id, text);
  }

  /** Lets the browser play after it asked for a tap; to be called from one. */
  async unsilence() {
    await this.#audio?.resume();
    await this.#room?.startAudio();
    this.#tell();
  }

  /**
   * @param {string} url
   * @param {string} token
   * @param {() => boolean} isLeft
   */
  async #connect(url, token, isLeft) {
    const room = new Room();
    this.#room = room;
    this.#audio ??= new AudioContext();
    void this.#audio.resume();
    for (const event of [
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.ParticipantAttributesChanged,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
      RoomEvent.TrackPublished,
      RoomEvent.TrackUnpublished,
      RoomEvent.ActiveSpeakersChanged,
      RoomEvent.AudioPlaybackStatusChanged,
    ])
      room.on(event, () => this.#tell());
    room.on(RoomEvent.TrackSubscribed, (track, publication, one) => {
      if (!isLeft() && track.kind === Track.Kind.Audio)
        this.#hear(publication.trackSid, track, one.kind === ParticipantKind.AGENT);
    });
    room.on(RoomEvent.TrackUnsubscribed, (_track, publication) => this.#deaf(publication.trackSid));
    room.on(RoomEvent.Reconnecting, () => this.#become('reconnecting'));
    room.on(RoomEvent.Reconnected, () => this.#become('connected'));
    room.on(RoomEvent.Disconnected, () => {
      if (this.#room === room && this.active) this.#finish('ended', 'The room was ended, or its server is gone.');
    });
    room.registerTextStreamHandler('lk.transcription', (reader, { identity }) =>
      this.transcript.read(reader, this.#nameOf(identity)),
    );
    await room.connect(url, token);
    if (isLeft()) {
      await room.disconnect();
      return;
    }
    this.#become('connected');
    try {
      await room.localParticipant.setMicrophoneEnabled(!this.#muted, this.#capture());
    } catch {
      if (isLeft()) return;
      this.microphoneProblem =
        'There is no microphone, or it was not allowed. The room hears nothing of you; you can hear it and write.';
    }
    this.#tell();
  }

  #capture() {
    const on = this.#processing;
    return { echoCancellation: on, noiseSuppression: on, autoGainControl: on };
  }

  /**
   * @param {string} sid
   * @param {import('../lib/livekit-client.js').RemoteTrack} track
   * @param {boolean} isAgent
   */
  #hear(sid, track, isAgent) {
    this.#deaf(sid);
    const { mediaStream } = track;
    const meter =
      isAgent && mediaStream !== undefined && this.#audio !== undefined
        ? new LevelMeter(this.#audio, mediaStream)
        : undefined;
    this.#heard.set(sid, { element: track.attach(), meter });
    this.#tell();
  }

  /** @param {string} sid */
  #deaf(sid) {
    const heard = this.#heard.get(sid);
    heard?.meter?.close();
    heard?.element.remove();
    this.#heard.delete(sid);
  }

  #remote() {
    return [...(this.#room?.remoteParticipants.values() ?? [])];
  }

  /** @param {string} identity */
  #nameOf(identity) {
    return this.people.find((one) => one.identity === identity)?.name ?? identity;
  }

  /**
   * @param {string} route
   * @param {Record<string, unknown>} body
   */
  async #post(route, body) {
    let response;
    try {
      response = await fetch(new URL(`../livekit/${route}`, document.baseURI), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch {
      throw new Error('The server cannot be reached.');
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(`The server refuses: ${answer.error?.message ?? `HTTP ${response.status}`}.`);
    return answer;
  }

  /**
   * Frees everything of the room.
   * @param {RoomState} state
   * @param {string} reason
   */
  #finish(state, reason) {
    for (const sid of [...this.#heard.keys()]) this.#deaf(sid);
    void this.#room?.disconnect();
    this.#become(state, reason);
  }

  /**
   * @param {RoomState} state
   * @param {string} [reason]
   */
  #become(state, reason) {
    this.#state = state;
    this.#reason = reason;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}
