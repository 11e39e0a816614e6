/**
 * The phone's end of WebRTC, packet by packet: ICE lite, DTLS and SRTP by `werift`, which has libwebrtc's wire and none of its code. What the
 * bridge's own library would hide is seen here: each packet, its payload type, and when it came.
 */

import type { RTCPeerConnection } from 'werift';
import { BridgeError, errorMessage } from '../../errors.ts';
import { type Format, type MetaSide, MID, metaSdp, midOf, TELEPHONE_EVENT } from './sdp.ts';

/** A packet as RFC 3550 section 5.1 has it. */
export interface RtpPacketIn {
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly payload: Buffer;
}

export interface RtpPeerOptions {
  /** Addresses of this machine that become candidates: at most one for IPv4 and one for IPv6, as Meta's side has. */
  readonly addresses: readonly string[];
  readonly format: Format;
  /** A packet came, whatever its payload type. */
  readonly packet: (packet: RtpPacketIn) => void;
  /** RTCP came. */
  readonly control: () => void;
  /** ICE and DTLS are up. */
  readonly connected: () => void;
}

const load = () => import('werift');

export class RtpPeer {
  readonly ssrc: number;
  readonly #o: RtpPeerOptions;
  readonly #pc: RTCPeerConnection;
  readonly #makeHeader: (fields: object) => never;
  readonly #sequence = { next: Math.floor(Math.random() * 0x8000) };
  #closed = false;
  #receiving: unknown;

  /** `werift` is loaded here and nowhere else: who simulates no WhatsApp call pays nothing for it. */
  static async create(options: RtpPeerOptions): Promise<RtpPeer> {
    return new RtpPeer(options, await load());
  }

  /** Loads it beforehand, so that the first call need not wait for it. */
  static async prepare(): Promise<void> {
    await load();
  }

  private constructor(options: RtpPeerOptions, werift: typeof import('werift')) {
    this.#o = options;
    this.#makeHeader = (fields) => new werift.RtpHeader(fields) as never;
    const codec = (mimeType: string, clockRate: number, payloadType: number, channels?: number) =>
      new werift.RTCRtpCodecParameters({
        mimeType,
        clockRate,
        payloadType,
        ...(channels === undefined ? {} : { channels }),
      });
    const { format } = options;
    this.#pc = new werift.RTCPeerConnection({
      iceLite: true,
      iceServers: [],
      // Its own search would name every network of the machine; Meta names one address a family.
      iceUseIpv4: false,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: [...options.addresses],
      codecs: {
        audio: [
          format.name === 'opus'
            ? codec('audio/opus', 48_000, format.payloadType, 2)
            : codec('audio/PCMU', 8_000, format.payloadType),
          codec('audio/telephone-event', 8_000, TELEPHONE_EVENT),
        ],
        video: [],
      },
    });
    const { sender } = this.#pc.addTransceiver('audio', { direction: 'sendrecv' });
    this.ssrc = sender.ssrc;
    this.#pc.connectionStateChange.subscribe((state) => {
      if (state === 'connected' && !this.#closed) options.connected();
    });
  }

  /** The offer as Meta writes it. Rejects with PEER_FAILED where no port could be had. */
  async offer(): Promise<string> {
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    return this.#describe('actpass', undefined);
  }

  /** Takes the answer to it. Rejects with PEER_SDP_INVALID. */
  async accept(answer: string): Promise<void> {
    await this.#setRemote('answer', answer);
  }

  /** Answers an offer of the business, as Meta does for the user. Rejects with PEER_SDP_INVALID. */
  async answer(offer: string): Promise<string> {
    await this.#setRemote('offer', offer);
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    return this.#describe('active', midOf(offer));
  }

  /** Sends one packet; nothing before media is up. `timestamp`: in the audio's units, since the talk began. */
  send(payload: Uint8Array, fields: { payloadType: number; timestamp: number; marker: boolean }): void {
    const [dtls] = this.#pc.dtlsTransports;
    if (this.#closed || dtls?.state !== 'connected') return;
    const sequenceNumber = this.#sequence.next++ & 0xffff;
    const header = this.#makeHeader({ version: 2, ssrc: this.ssrc, sequenceNumber, ...fields });
    // A line that breaks just now takes the packet along.
    dtls.sendRtp(Buffer.from(payload), header).catch(() => {});
  }

  /** Frees the port. Idempotent, never rejects. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pc.close().catch(() => {});
  }

  #describe(setup: MetaSide['setup'], mid: string | undefined): string {
    const text = this.#pc.localDescription?.sdp ?? '';
    const value = (name: string) => new RegExp(`^a=${name}:(\\S+)`, 'm').exec(text)?.[1] ?? '';
    const candidates = [...text.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/gm)].map(([, ip, port]) => ({
      ip: ip ?? '',
      port: Number(port),
    }));
    if (candidates.length === 0) throw new BridgeError('PEER_FAILED', 'the phone has no port for media');
    const [dtls] = this.#pc.dtlsTransports;
    if (dtls !== undefined && this.#receiving !== dtls) {
      this.#receiving = dtls;
      dtls.onRtp.subscribe(({ header, payload }) => {
        if (!this.#closed) this.#o.packet({ ...header, payload });
      });
      dtls.onRtcp.subscribe(() => this.#o.control());
    }
    return metaSdp({
      candidates,
      ufrag: value('ice-ufrag'),
      password: value('ice-pwd'),
      fingerprint: /^a=fingerprint:sha-256 (\S+)/im.exec(text)?.[1] ?? '',
      setup,
      ssrc: this.ssrc,
      format: this.#o.format,
      mid,
    });
  }

  async #setRemote(type: 'offer' | 'answer', sdp: string): Promise<void> {
    try {
      // Ours is written with Meta's name of the section; the library has its own.
      const mid = midOf(this.#pc.localDescription?.sdp ?? '');
      const known =
        mid === undefined
          ? sdp
          : sdp.replace(`a=mid:${MID}\r`, `a=mid:${mid}\r`).replace(`BUNDLE ${MID}\r`, `BUNDLE ${mid}\r`);
      await this.#pc.setRemoteDescription({ type, sdp: known });
    } catch (cause) {
      throw new BridgeError('PEER_SDP_INVALID', `the ${type} could not be used: ${errorMessage(cause)}`, { cause });
    }
  }
}
