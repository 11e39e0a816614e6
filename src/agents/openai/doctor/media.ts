import { connect } from 'node:net';
import { isPrivateHost } from '../../../addresses.ts';
import { delay } from '../../../call/clock.ts';
import { type Finding, pass, skip, warn } from '../../../doctor/check.ts';
import { Peer } from '../../../transport/peer.ts';
import { withoutPrivateCandidates } from '../../../transport/reachable.ts';
import type { AgentCheckDeps, AgentChecks } from '../../kind.ts';
import { type CallsApi, hangUp, postOffer } from '../calls-api.ts';
import { hasApiKeyHeader } from '../options.ts';
import { leanOffer } from '../sdp.ts';
import { type Model, type ModelDeps, modelFailure } from './model.ts';

/** WebRTC to the model: offer and answer, and the way to the candidates offered. */

const ANSWER_MS = 8_000;
const CONNECT_MS = 5_000;
const TCP_MS = 3_000;

type Machine = AgentCheckDeps['machine'];

/** A session being negotiated: its peer lives from the first of these checks to the last, and is freed by `close`. */
export function mediaChecks(deps: ModelDeps, model: Model, machine: Machine): AgentChecks {
  const media = new Media(deps, model, machine);
  return {
    checks: [
      { name: 'sdp exchange', run: (signal) => media.exchange(signal) },
      { name: 'media over udp', run: (signal) => media.connected(signal) },
      { name: 'media over tcp', run: (signal) => media.tcp(signal) },
    ],
    close: () => media.close(),
  };
}

class Media {
  readonly #deps: ModelDeps;
  readonly #model: Model;
  readonly #machine: Machine;
  readonly #connected = Promise.withResolvers<boolean>();
  #peer: Peer | undefined;
  #answer: string | undefined;
  #end: (() => Promise<void>) | undefined;

  constructor(deps: ModelDeps, model: Model, machine: Machine) {
    this.#deps = deps;
    this.#model = model;
    this.#machine = machine;
  }

  async exchange(signal: AbortSignal): Promise<Finding> {
    const { clock, config } = this.#deps;
    const { options, key } = this.#model;
    if (!config.USE_WEBRTC) return skip('USE_WEBRTC=false: calls take the WebSocket alone');
    if (!this.#machine.webrtc) return skip('needs the WebRTC library');
    if (key === undefined) return skip('needs the model key');
    if (!this.#machine.mediaPorts) return skip('needs a free port of RTC_PORT_RANGE');
    try {
      const peer = new Peer(
        {
          iceServers: [...options.iceServers],
          clock,
          ...(options.portRange === undefined ? {} : { portRange: options.portRange }),
        },
        {
          state: (state) => {
            if (state === 'connected') this.#connected.resolve(true);
            if (state === 'failed') this.#connected.resolve(false);
          },
        },
      );
      this.#peer = peer;
      peer.createChannel('oai-events').attach({ open() {}, text() {}, close() {} });
      const api: CallsApi = {
        baseUrl: options.baseUrl,
        headers: options.headers,
        key,
        standardKey: hasApiKeyHeader(options.headers) ? '' : options.apiKey,
        model: options.model,
        sdpApi: options.sdpApi,
        clock,
        fetch: this.#deps.fetch,
      };
      const { answer, callId } = await postOffer(api, leanOffer(await peer.createOffer()), ANSWER_MS, signal);
      this.#end = async () => {
        if (callId !== undefined) await hangUp(api, callId);
      };
      const isLocal = isPrivateHost(new URL(options.baseUrl).hostname);
      this.#answer = isLocal ? answer : withoutPrivateCandidates(answer).sdp;
      await peer.acceptAnswer(this.#answer);
      return pass(`the offer was answered with ${candidatesOf(this.#answer).length} candidates`);
    } catch (error) {
      this.#answer = undefined;
      const found = modelFailure(error);
      // The same key and model have just opened a session over the WebSocket, or the line above says why not.
      return found.detail.startsWith('MODEL_REJECTED')
        ? { ...found, advice: `Check OPENAI_SDP_API and OPENAI_BASE_URL. ${found.advice ?? ''}`.trim() }
        : found;
    }
  }

  async connected(signal: AbortSignal): Promise<Finding> {
    if (this.#answer === undefined || this.#peer === undefined) return skip('needs the SDP exchange');
    const late = new AbortController();
    const timeout = delay(this.#deps.clock, CONNECT_MS, AbortSignal.any([signal, late.signal])).then(
      () => false,
      () => false,
    );
    const isUp = await Promise.race([this.#connected.promise, timeout]);
    late.abort();
    const { path, roundTripMs } = await this.#peer.quality();
    if (isUp) {
      const trip = roundTripMs === undefined ? '' : `, ${Math.round(roundTripMs)} ms there and back`;
      const seen = `the peer is connected (${path ?? 'path not told'}${trip})`;
      if (path?.startsWith('tcp'))
        return warn(seen, 'Media goes over TCP: let UDP out, or lost packets are heard as gaps.');
      return pass(seen);
    }
    const udp = candidatesOf(this.#answer).filter(({ protocol }) => protocol === 'udp');
    return warn(
      `no connection within ${CONNECT_MS / 1000} s to ${udp.map(({ ip, port }) => `${ip}:${port}`).join(', ') || 'any candidate'}`,
      'Let UDP out to these addresses, or set a TURN server in ICE_SERVERS. Until then calls take the WebSocket (USE_WEBRTC=false saves the attempt).',
    );
  }

  /** ICE-TCP (RFC 6544): passive candidates can be tried by connecting to them. */
  async tcp(signal: AbortSignal): Promise<Finding> {
    if (this.#answer === undefined) return skip('needs the SDP exchange');
    const passive = candidatesOf(this.#answer).filter(({ protocol }) => protocol === 'tcp');
    if (passive.length === 0) return skip('the answer offers no TCP candidates');
    const tried = await Promise.all(passive.map(({ ip, port }) => reaches(ip, port, signal)));
    const reached = tried.filter(Boolean).length;
    const seen = `${reached} of ${passive.length} TCP candidates take connections`;
    if (reached > 0) return pass(seen);
    return warn(seen, 'Let TCP out to these addresses: it is the way that is left where UDP is blocked.');
  }

  async close(): Promise<void> {
    this.#peer?.close();
    await this.#end?.().catch(() => {});
  }
}

interface OfferedCandidate {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
}

/** The candidates of a description (RFC 8839 section 5.1); of TCP ones those that wait to be connected to. */
export function candidatesOf(sdp: string): OfferedCandidate[] {
  const found = sdp.matchAll(/^a=candidate:\S+ 1 (\S+) \d+ (\S+) (\d+) typ \S+(.*)$/gm);
  return [...found].flatMap(([, transport = '', ip = '', port = '', rest = '']) => {
    const protocol = transport.toLowerCase();
    if (protocol === 'tcp' && !rest.includes('tcptype passive')) return [];
    return [{ protocol, ip, port: Number(port) }];
  });
}

function reaches(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port, signal, timeout: TCP_MS });
    const end = (ok: boolean) => {
      socket.destroy();
      done(ok);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
