import {
  type RTCDtlsTransport,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  type RTCRtpSender,
  RtcpRrPacket,
  RtpHeader,
  type RtpPacket,
} from 'werift';
import { createOpusDecoder, createOpusEncoder, type OpusDecoder } from '../../src/media/opus.ts';
import { ToneGenerator } from '../../src/media/tone.ts';

/** A far end that offers as Meta does: ice-lite, one audio line, keys as telephone events. On werift, which gives every packet out and takes any. */

const OPUS = 111;
const KEYS = 126;
/** Samples of one packet, 20 ms at 48 kHz. */
const FRAME = 960;

export interface LitePhoneOptions {
  /** Whether it answers checks and sends none. */
  readonly lite?: boolean;
}

/** A packet that came, and when, ms of performance.now. */
export interface Came {
  readonly at: number;
  readonly packet: RtpPacket;
}

export class LitePhone {
  /** All RTP that came, and when the last RTCP did. */
  readonly came: Came[] = [];
  rtcpCame = 0;
  /** Longest time between two looks at what is due, ms, since it was last set to 0: how far this machine lets it be a phone. */
  stalledMs = 0;
  readonly #pc: RTCPeerConnection;
  readonly #encoder = createOpusEncoder({ sampleRate: 48_000, channels: 1 });
  readonly #sender: RTCRtpSender;
  #sequence = 1000;
  #timestamp = 90_000;
  #timer: NodeJS.Timeout | undefined;
  /** Packets that a key still is to send in place of speech. */
  readonly #pressing: Array<() => void> = [];

  constructor({ lite = true }: LitePhoneOptions = {}) {
    const parameters =
      'maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1';
    this.#pc = new RTCPeerConnection({
      iceServers: [],
      iceLite: lite,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: ['127.0.0.1'],
      codecs: {
        audio: [
          new RTCRtpCodecParameters({
            mimeType: 'audio/opus',
            clockRate: 48_000,
            channels: 2,
            payloadType: OPUS,
            parameters,
          }),
          new RTCRtpCodecParameters({ mimeType: 'audio/telephone-event', clockRate: 8000, payloadType: KEYS }),
        ],
      },
    });
    const transceiver = this.#pc.addTransceiver('audio', { direction: 'sendrecv' });
    this.#sender = transceiver.sender;
    transceiver.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe((packet) => this.came.push({ at: performance.now(), packet }));
      track.onReceiveRtcp.subscribe(() => {
        this.rtcpCame = performance.now();
      });
    });
  }

  get state(): string {
    return this.#pc.connectionState;
  }

  /** The offer, in the exact shape of Meta's: what is of the session stands before the line of media, and the one candidate is on this machine. */
  async offer(): Promise<string> {
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    return this.#described('actpass');
  }

  #described(setup: 'actpass' | 'active'): string {
    const own = this.#pc.localDescription?.sdp ?? '';
    const of = (pattern: RegExp) => pattern.exec(own)?.[1] ?? '';
    const port = of(/^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) /m);
    const mid = of(/^a=mid:(\S+)/m);
    return [
      'v=0',
      'o=- 1762947266000 2 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      `a=group:BUNDLE ${mid}`,
      'a=msid-semantic: WMS 3f1c9d52-6a7e-4f0b-8f3a-1b2c3d4e5f60',
      ...(own.includes('a=ice-lite') ? ['a=ice-lite'] : []),
      `m=audio ${port} UDP/TLS/RTP/SAVPF ${OPUS} ${KEYS}`,
      'c=IN IP4 127.0.0.1',
      'a=rtcp:9 IN IP4 0.0.0.0',
      `a=candidate:1972637320 1 udp 2113937151 127.0.0.1 ${port} typ host generation 0 network-cost 50`,
      `a=ice-ufrag:${of(/^a=ice-ufrag:(\S+)/m)}`,
      `a=ice-pwd:${of(/^a=ice-pwd:(\S+)/m)}`,
      `a=fingerprint:${of(/^a=fingerprint:(.*?)\r?$/m)}`,
      `a=setup:${setup}`,
      `a=mid:${mid}`,
      'a=sendrecv',
      'a=msid:3f1c9d52-6a7e-4f0b-8f3a-1b2c3d4e5f60 AudioTrack1',
      'a=rtcp-mux',
      `a=rtpmap:${OPUS} opus/48000/2`,
      `a=rtcp-fb:${OPUS} transport-cc`,
      `a=fmtp:${OPUS} ${of(new RegExp(`^a=fmtp:${OPUS} (.*?)\\r?$`, 'm'))}`,
      `a=rtpmap:${KEYS} telephone-event/8000`,
      'a=maxptime:20',
      'a=ptime:20',
      `a=ssrc:${this.#sender.ssrc} cname:AudioStream1`,
      '',
    ].join('\r\n');
  }

  /** Its answer to an offer, as Meta's comes: the end that begins, on this machine. */
  async answer(offer: string): Promise<string> {
    await this.#pc.setRemoteDescription({ type: 'offer', sdp: offer });
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    return this.#described('active');
  }

  async accept(answer: string): Promise<void> {
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  /** Sends this tone without end, a packet every 20 ms; 0 Hz is silence. Keys that are pressed come in its place. */
  speak(hz: number, dbfs = -12): void {
    const tone = new ToneGenerator(hz, 48_000, hz === 0 ? -120 : dbfs);
    this.play(() => tone.fill(new Int16Array(FRAME)));
  }

  /** Sends what `next` gives, 960 samples at a time, a packet every 20 ms. */
  play(next: () => Int16Array): void {
    clearInterval(this.#timer);
    let due = performance.now();
    let looked = due;
    this.#timer = setInterval(() => {
      this.stalledMs = Math.max(this.stalledMs, performance.now() - looked);
      looked = performance.now();
      for (; due <= performance.now(); due += 20) {
        const samples = next();
        const press = this.#pressing.shift();
        if (press !== undefined) press();
        else this.#send(OPUS, Buffer.from(this.#encoder.encode(samples)), this.#timestamp, false);
        this.#timestamp = (this.#timestamp + FRAME) >>> 0;
      }
    }, 5);
  }

  stopSpeaking(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Presses a key for so long: events of RFC 4733 every 20 ms, of one timestamp, the last one three times. Durations count in the
   * event's own clock of 8 kHz. `volume` is the level below 0 dBm0.
   */
  press(key: string, ms: number, volume = 10): void {
    const code = '0123456789*#ABCD'.indexOf(key);
    const packets = Math.round(ms / 20);
    let began: number | undefined;
    for (let n = 1; n <= packets; n++) {
      this.#pressing.push(() => {
        began ??= this.#timestamp;
        const end = n === packets;
        const payload = Buffer.of(code, (end ? 0x80 : 0) | volume, 0, 0);
        payload.writeUInt16BE(n * 160, 2);
        for (let copy = 0; copy < (end ? 3 : 1); copy++) this.#send(KEYS, payload, began, n === 1);
      });
    }
  }

  /** Keys that are not yet sent to their end. */
  get pressing(): boolean {
    return this.#pressing.length > 0;
  }

  /** Sends one RTCP report and no media. */
  async report(): Promise<void> {
    await this.#dtls.sendRtcp([new RtcpRrPacket({ ssrc: this.#sender.ssrc, reports: [] })]);
  }

  /** What came, decoded, 48 kHz, with silence for the packets that are missing. */
  heard(): Int16Array {
    const packets = this.came.filter(({ packet }) => packet.header.payloadType === OPUS);
    const [first] = packets;
    if (first === undefined) return new Int16Array(0);
    const decoder: OpusDecoder = createOpusDecoder({ sampleRate: 48_000, channels: 1 });
    const at = (packet: RtpPacket) => (packet.header.timestamp - first.packet.header.timestamp) >>> 0;
    const heard = new Int16Array(at(packets.at(-1)!.packet) + FRAME);
    const frame = new Int16Array(5760);
    for (const { packet } of packets) {
      const decoded = decoder.decode(packet.payload, frame);
      heard.set(frame.subarray(0, Math.min(decoded, heard.length - at(packet))), at(packet));
    }
    return heard;
  }

  async close(): Promise<void> {
    this.stopSpeaking();
    await this.#pc.close();
  }

  get #dtls(): RTCDtlsTransport {
    return this.#sender.dtlsTransport;
  }

  #send(payloadType: number, payload: Buffer, timestamp: number, marker: boolean): void {
    const header = new RtpHeader({
      payloadType,
      marker,
      timestamp,
      sequenceNumber: this.#sequence,
      ssrc: this.#sender.ssrc,
    });
    this.#sequence = (this.#sequence + 1) & 0xffff;
    if (this.#dtls.state !== 'connected') return;
    void this.#dtls.sendRtp(payload, header);
  }
}
