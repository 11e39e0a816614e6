import { LineWatch } from './line-watch.js';
import { PhoneError, within } from './phone-error.js';

/** One WebRTC connection to the daemon: the audio both ways, and the data channel. */

/**
 * @typedef {object} LineTold
 * @property {(text: string) => void} message the server sent this
 * @property {(stream: MediaStream) => void} heard what the agent says
 * @property {() => void} change a state of the connection is another
 * @property {() => void} flows packets come (again)
 * @property {() => void} unstable none came for a moment
 * @property {() => void} lost it will not come back
 */

/** How long gathering candidates may hold the offer up, and the network the media, ms. */
const GATHER_MS = 1_000;
const MEDIA_MS = 15_000;
/** What was sent last, a hang-up, leaves with the next packets, ms. */
const LINGER_MS = 100;

export class Line {
  #peer;
  #channel;
  #told;
  #connected;
  #closed = false;
  /** @type {LineWatch | undefined} */
  #watch;

  /**
   * @param {MediaStreamTrack} track what the caller says
   * @param {RTCIceServer[]} iceServers
   * @param {LineTold} told nothing is told after `close`
   */
  constructor(track, iceServers, told) {
    this.#told = told;
    const peer = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    peer.addTransceiver(track, { direction: 'sendrecv', streams: [new MediaStream([track])] });
    this.#channel = peer.createDataChannel('events');
    this.#channel.addEventListener('message', ({ data }) => {
      if (!this.#closed) told.message(String(data));
    });
    peer.addEventListener('track', ({ track: heard, streams }) => {
      if (!this.#closed) told.heard(streams[0] ?? new MediaStream([heard]));
    });
    peer.addEventListener('iceconnectionstatechange', () => {
      if (!this.#closed) told.change();
    });
    this.#connected = this.#wire();
    // It may fail before it is waited for.
    this.#connected.catch(() => {});
  }

  /** States as the browser has them: of ICE and of the connection as a whole. */
  get states() {
    return { ice: this.#peer.iceConnectionState, peer: this.#peer.connectionState };
  }

  /** The offer, with its candidates. @returns {Promise<string | undefined>} */
  async offer() {
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    await gathered(this.#peer);
    return this.#peer.localDescription?.sdp;
  }

  /**
   * Takes the answer; resolves when media flow and the channel is open. Rejects with MEDIA_TIMEOUT.
   * @param {string} sdp
   */
  async accept(sdp) {
    await this.#peer.setRemoteDescription({ type: 'answer', sdp });
    await within(MEDIA_MS, this.#connected, 'MEDIA_TIMEOUT');
    if (!this.#closed) this.#watch = new LineWatch(this.#peer, this.#told);
  }

  /**
   * Sends a message; false where it cannot.
   * @param {object} message
   */
  send(message) {
    if (this.#closed || this.#channel.readyState !== 'open') return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  /** @param {MediaStreamTrack} track what the caller says from now on */
  replaceTrack(track) {
    void this.#peer.getSenders()[0]?.replaceTrack(track);
  }

  /** Idempotent. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.close();
    setTimeout(() => this.#peer.close(), LINGER_MS);
  }

  /** Resolves when media are connected and the channel is open. @returns {Promise<void>} */
  #wire() {
    const [peer, channel, told] = [this.#peer, this.#channel, this.#told];
    return new Promise((resolve, reject) => {
      const look = () => {
        if (channel.readyState === 'open' && peer.connectionState === 'connected') resolve();
      };
      channel.addEventListener('open', look);
      channel.addEventListener('close', () => {
        if (!this.#closed) told.lost();
      });
      peer.addEventListener('connectionstatechange', () => {
        if (this.#closed) return;
        told.change();
        look();
        if (peer.connectionState === 'disconnected') told.unstable();
        else if (peer.connectionState === 'failed') {
          reject(new PhoneError('MEDIA_TIMEOUT'));
          told.lost();
        }
      });
    });
  }
}

/**
 * Resolves when all candidates are found, or after a while: the server learns further ones from the connection's own checks.
 * @param {RTCPeerConnection} peer
 * @returns {Promise<void>}
 */
function gathered(peer) {
  return new Promise((resolve) => {
    const look = () => {
      if (peer.iceGatheringState === 'complete') resolve();
    };
    peer.addEventListener('icegatheringstatechange', look);
    setTimeout(resolve, GATHER_MS);
    look();
  });
}
