import { readFileSync } from 'node:fs';
import { leanOffer, opusForSource, withOpusParameters } from '../../src/agents/openai/sdp.ts';
import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { Resampler } from '../../src/media/resample.ts';
import { watchLiveness } from '../../src/transport/liveness.ts';
import { Peer, type PeerHandlers, type PeerOptions, type PeerQuality } from '../../src/transport/peer.ts';
import { RtpPeer } from '../engine/rtp-peer.ts';
import { serve, sleep } from './child.ts';
import { summarise } from './stats.ts';
import { EchoedTones } from './tones.ts';

/** Calls by one engine, alone in a process: what a telephone's call does with a peer, on a tone whose way back is watched. */

export type Engine = 'libwebrtc' | 'light';

const RATE = 16_000;
const FRAME = RATE / 100;

interface Call {
  readonly peer: Peer | RtpPeer;
  readonly tones: EchoedTones;
  readonly down: Resampler;
  framesIn: number;
  framesOut: number;
}

export interface EngineReport {
  /** CPU time for each second of audio that was carried both ways, ms: ten of them are a percent of a core. */
  readonly cpuMsPerSecond: number;
  /** The part of it that the event loop's own thread spent. */
  readonly loopMsPerSecond: number;
  /** Share of the frames that should have gone and come that did. */
  readonly carried: number;
  readonly rssMb: number;
  readonly threads: number;
  readonly latencyP50: number;
  readonly latencyP95: number;
  /** 10 ms frames in which the tone was away, of a thousand. */
  readonly gaps: number;
  readonly snrP50: number;
  /** Of the frames in which the tone was steady, those with less than 15 dB, of a thousand. */
  readonly rough: number;
  readonly quality: PeerQuality;
  /** Connections that could not be made, beside those that are measured. */
  readonly failed: number;
}

const calls: Call[] = [];
const ticker = new Ticker(systemClock);
const lost: number[] = [];
let began: number | undefined;
let sent = 0;
/** Looking at the tones costs as much as an engine does: not while its cost is measured. */
let listens = false;
let failed = 0;
const MOST_FAILED = 10;

ticker.subscribe((now) => {
  if (calls.length === 0) return;
  began ??= now;
  const due = Math.min(10, Math.floor((now - began) / 10) - sent);
  if (Math.floor((now - began) / 10) - sent > 10) sent = Math.floor((now - began) / 10) - 10;
  for (let i = 0; i < due; i++, sent++)
    for (const call of calls) {
      call.peer.sendAudio(call.tones.next(performance.now()));
      call.framesOut++;
    }
});

async function connect(engine: Engine, url: string): Promise<void> {
  const connected = Promise.withResolvers<void>();
  const handlers: PeerHandlers = {
    audio(samples, rate) {
      call.framesIn++;
      if (listens) call.tones.heard(samples, rate, performance.now());
      if (rate === 48_000) call.down.process(samples);
    },
    state(state) {
      if (state === 'connected') connected.resolve();
      else if (state === 'failed' || state === 'closed') connected.reject(new Error(`the connection ${state}`));
    },
  };
  connected.promise.catch(() => {});
  const options: PeerOptions = { iceServers: [], sendRate: RATE };
  const peer = engine === 'light' ? new RtpPeer(options, handlers) : new Peer(options, handlers);
  const call: Call = {
    peer,
    tones: new EchoedTones(FRAME, RATE),
    down: new Resampler(48_000, 8_000),
    framesIn: 0,
    framesOut: 0,
  };
  peer.createChannel('oai-events').attach({ text() {} });
  // Without our candidates: the far end learns of us by our checks, which go by the way that its answer names, and by no other.
  const offer = leanOffer(await peer.createOffer(engine === 'light' ? 500 : 0)).replace(/^a=candidate:.*\r\n/gm, '');
  const response = await fetch(url, { method: 'POST', body: offer });
  if (!response.ok) throw new Error(`the far end answered ${response.status}: ${await response.text()}`);
  try {
    await peer.acceptAnswer(withOpusParameters(await response.text(), opusForSource(8_000)));
  } catch (error) {
    peer.close();
    throw error;
  }
  await connected.promise;
  calls.push(call);
}

const memory = () => process.memoryUsage().rss / 1_024 / 1_024;
const threads = () => Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

const methods = {
  /** Until there are so many calls; connections that fail are counted, and made anew. */
  async connect(plan: { engine: Engine; url: string; count: number; listen: boolean }): Promise<void> {
    const { engine, url, count } = plan;
    listens = plan.listen;
    while (calls.length < count) {
      try {
        await connect(engine, url);
      } catch (error) {
        if (++failed > MOST_FAILED) throw error;
      }
    }
  },
  memory,
  async measure({ ms }: { ms: number }): Promise<EngineReport> {
    const frames = () => calls.reduce((sum, call) => sum + call.framesIn + call.framesOut, 0);
    for (const { tones } of calls) tones.reset();
    const [framesFrom, cpuFrom, loopFrom, from] = [
      frames(),
      process.cpuUsage(),
      process.threadCpuUsage(),
      performance.now(),
    ];
    await sleep(ms);
    const { user, system } = process.cpuUsage(cpuFrom);
    const loop = process.threadCpuUsage(loopFrom);
    const elapsed = performance.now() - from;
    const carried = frames() - framesFrom;
    const all = calls.map(({ tones }) => tones.report());
    const latency = summarise(all.flatMap((one) => one.latencies));
    const snr = all.flatMap((one) => one.snr);
    const steady = all.reduce((sum, one) => sum + one.steady, 0);
    return {
      cpuMsPerSecond: (user + system) / 1_000 / (carried / 200),
      loopMsPerSecond: (loop.user + loop.system) / 1_000 / (carried / 200),
      carried: carried / (calls.length * 2 * (elapsed / 10)),
      rssMb: memory(),
      threads: threads(),
      latencyP50: latency.p50,
      latencyP95: latency.p95,
      gaps: (1_000 * all.reduce((sum, one) => sum + one.gaps, 0)) / steady,
      snrP50: summarise(snr).p50,
      rough: (1_000 * snr.filter((one) => one < 15).length) / snr.length,
      failed,
      quality: await calls[0]!.peer.quality(),
    };
  },
  /** Watches for the far end's vanishing. */
  watch(): void {
    for (const { peer } of calls) watchLiveness(peer, systemClock, () => lost.push(performance.now()));
  },
  /** Time since `watch` until the far end was held to be gone, ms, or until the peers said so; NaN within `ms`. */
  async gone({ ms }: { ms: number }): Promise<{ watched: number; state: number }> {
    const begun = performance.now();
    let state = Number.NaN;
    while (performance.now() - begun < ms && (lost.length === 0 || Number.isNaN(state))) {
      await sleep(50);
      if (Number.isNaN(state) && calls[0]!.peer.state !== 'connected') state = performance.now() - begun;
    }
    return { watched: (lost[0] ?? Number.NaN) - begun, state };
  },
  close(): void {
    for (const { peer } of calls.splice(0)) peer.close();
  },
};
export type NearMethods = typeof methods;

serve(methods);
