/**
 * What one WebRTC call costs the process that carries it: encode, decode, SRTP, callbacks and the conversion between the phone's 8 kHz
 * and libwebrtc's 48 kHz. The far ends live in a second process, so that this one's CPU time is the daemon's alone.
 *
 *   node bench/peer.bench.ts [--peers 1,10,40] [--seconds 8] [--variants plain,narrow] [--memory 200]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { leanOffer, type OpusParameters, opusForSource, withOpusParameters } from '../src/agents/openai/sdp.ts';
import { systemClock } from '../src/call/clock.ts';
import { TICK_MS, Ticker } from '../src/call/ticker.ts';
import { Resampler } from '../src/media/resample.ts';
import { Peer, type PeerChannel, RTC_FRAME_SAMPLES } from '../src/transport/peer.ts';

interface Variant {
  offer?(sdp: string): string;
  answer?(sdp: string): string;
  /** Silence instead of speech on our side. */
  silent?: boolean;
  /** Neither resampler runs: what libwebrtc and the callbacks cost alone. */
  raw?: boolean;
  /** No audio is sent or taken at all: the price of a connection that only exists. */
  idle?: boolean;
}

const opus = (parameters: OpusParameters) => (sdp: string) => withOpusParameters(sdp, parameters);
const without = (pattern: RegExp) => (sdp: string) =>
  sdp
    .split('\r\n')
    .filter((line) => !pattern.test(line))
    .join('\r\n');
const onlyPcmu = (sdp: string) =>
  leanOffer(sdp)
    .replace(/^(m=audio \S+ \S+) [\d ]+/m, '$1 0')
    .replace(/^a=(?:rtpmap|fmtp|rtcp-fb):(?!0 )\d+ .*\r\n/gm, '');
const NARROW: OpusParameters = opusForSource(8000);
const narrow = opus(NARROW);

const VARIANTS: Record<string, Variant> = {
  /** As libwebrtc has it. */
  plain: {},
  /** No conversion between 8 and 48 kHz on our side. */
  raw: { raw: true },
  /** We send no audio. */
  idle: { idle: true },
  /** The offer without what is not used. */
  lean: { offer: leanOffer },
  'lean-nofec': { offer: leanOffer, answer: opus({ useinbandfec: 0 }) },
  /** What a telephone call is: PCMU at the carrier. */
  narrow: { offer: leanOffer, answer: narrow },
  'narrow-fat': { answer: narrow },
  'narrow-12k': { offer: leanOffer, answer: opus({ maxplaybackrate: 8000, maxaveragebitrate: 12_000 }) },
  'narrow-nofec': { offer: leanOffer, answer: opus({ ...NARROW, useinbandfec: 0 }) },
  'narrow-dtx': { offer: leanOffer, answer: opus({ ...NARROW, usedtx: 1 }) },
  'narrow-udp': { offer: leanOffer, answer: (sdp) => narrow(without(/^a=candidate:.* tcp /)(sdp)) },
  'narrow-ptime40': { offer: leanOffer, answer: (sdp) => narrow(sdp).replace(/(a=fmtp:111)/, 'a=ptime:40\r\n$1') },
  'narrow-ptime60': { offer: leanOffer, answer: (sdp) => narrow(sdp).replace(/(a=fmtp:111)/, 'a=ptime:60\r\n$1') },
  'narrow-silent': { offer: leanOffer, answer: narrow, silent: true },
  /** The far end is asked for narrowband too. */
  'narrow-both': { offer: (sdp) => narrow(leanOffer(sdp)), answer: narrow },
  wide: { offer: leanOffer, answer: opus(opusForSource(16_000)) },
  super: { offer: leanOffer, answer: opus(opusForSource(24_000)) },
  /** No Opus at all. */
  pcmu: { offer: onlyPcmu },
};

/** Speech as a codec sees it: harmonics of a moving pitch under a syllable's envelope, with pauses. */
function speech(rate: number, seconds: number, seed: number): Int16Array {
  const out = new Int16Array(rate * seconds);
  let phase = 0;
  for (let i = 0; i < out.length; i++) {
    const t = i / rate + seed * 0.37;
    phase += (2 * Math.PI * (130 + 30 * Math.sin(t * 2.1))) / rate;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 3.5 * t)) * (t % 3 < 2 ? 1 : 0);
    let x = 0.05 * (Math.random() - 0.5);
    for (let h = 1; h <= 20; h++) x += Math.sin(phase * h) / h / (1 + Math.abs(h * 130 - 600) / 800);
    out[i] = 6000 * syllable * x;
  }
  return out;
}

/** Tells how many 20 ms frames are due since the last time, so that a stall of the machine does not make the work less. */
function pace(): (now: number) => number {
  let start: number | undefined;
  let sent = 0;
  return (now) => {
    start ??= now;
    const frames = Math.floor((now - start) / TICK_MS) + 1 - sent;
    sent += frames;
    return Math.min(frames, 5);
  };
}

interface Message {
  id: number;
  sdp?: string;
  closeAll?: boolean;
}

/** The second process: answers offers, speaks 48 kHz to every peer. */
function runFar(): void {
  const peers = new Map<number, Peer>();
  const voice = speech(48_000, 6, 1);
  let at = 0;
  const due = pace();
  new Ticker(systemClock).subscribe((now) => {
    for (let n = due(now); n > 0; n--) {
      for (const peer of peers.values()) {
        peer.sendAudio(voice, at);
        peer.sendAudio(voice, at + RTC_FRAME_SAMPLES);
      }
      at = (at + 2 * RTC_FRAME_SAMPLES) % voice.length;
    }
  });
  process.on('message', (message: Message) => {
    if (message.closeAll) {
      for (const peer of peers.values()) peer.close();
      peers.clear();
      return;
    }
    const peer = new Peer({ iceServers: [] }, { audio() {} });
    peers.set(message.id, peer);
    void peer.answer(message.sdp ?? '', 300).then((sdp) => process.send?.({ id: message.id, sdp }));
  });
  process.on('disconnect', () => process.exit(0));
}

interface Call {
  peer: Peer;
  channel: PeerChannel;
  stop(): void;
  framesIn: number;
}

async function connect(
  far: ChildProcess,
  id: number,
  variant: Variant,
  ticker: Ticker,
  phone: Int16Array,
): Promise<Call> {
  const down = new Resampler(48_000, 8000);
  const up = new Resampler(8000, 48_000);
  const connected = Promise.withResolvers<void>();

  const peer = new Peer(
    { iceServers: [] },
    {
      audio(samples, rate) {
        call.framesIn++;
        if (!variant.raw && rate === 48_000) down.process(samples);
      },
      state(state) {
        if (state === 'connected') connected.resolve();
      },
    },
  );
  const channel = peer.createChannel('oai-events');
  const call: Call = { peer, channel, framesIn: 0, stop() {} };
  const offer = await peer.createOffer();
  const answered = new Promise<string>((resolve) => {
    const listen = (message: Message) => {
      if (message.id !== id || message.sdp === undefined) return;
      far.off('message', listen);
      resolve(message.sdp);
    };
    far.on('message', listen);
  });
  far.send({ id, sdp: variant.offer?.(offer) ?? offer });
  const answer = await answered;
  await peer.acceptAnswer(variant.answer?.(answer) ?? answer);
  const slow = setTimeout(() => process.stderr.write(`peer ${id} is still ${peer.state} after 10 s\n`), 10_000);
  await connected.promise;
  clearTimeout(slow);
  const frame = new Int16Array(160);
  const wide = new Int16Array(960);
  let at = (id * 1600) % phone.length;
  const due = pace();
  const sendFrame = () => {
    if (!variant.silent) for (let i = 0; i < 160; i++) frame[i] = phone[(at + i) % phone.length] ?? 0;
    at = (at + 160) % phone.length;
    let samples: Int16Array = wide;
    if (!variant.raw) samples = up.process(frame);
    else for (let i = 0; i < 960; i++) wide[i] = frame[(i / 6) | 0] ?? 0;
    peer.sendAudio(samples, 0);
    peer.sendAudio(samples, RTC_FRAME_SAMPLES);
  };
  const unsubscribe = ticker.subscribe((now) => {
    for (let n = variant.idle ? 0 : due(now); n > 0; n--) sendFrame();
  });
  call.stop = () => {
    unsubscribe();
    peer.close();
  };
  return call;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What the first call's sender did so far. */
async function outbound(peer: Peer): Promise<{ codec: string; bytes: number; packets: number }> {
  const stats = await peer.stats();
  const out = stats.find((s) => s['type'] === 'outbound-rtp');
  const codec = stats.find((s) => s['id'] === out?.['codecId'])?.['mimeType'];
  return { codec: String(codec), bytes: Number(out?.['bytesSent']), packets: Number(out?.['packetsSent']) };
}

async function measure(far: ChildProcess, name: string, peers: number, seconds: number, baseId: number): Promise<void> {
  const variant = VARIANTS[name];
  if (variant === undefined) throw new Error(`no variant ${name}; there are ${Object.keys(VARIANTS).join(', ')}`);
  const ticker = new Ticker(systemClock);
  const phone = speech(8000, 6, 2);
  const calls: Call[] = [];
  // Ten at a time: forty handshakes at once would only measure patience.
  for (let i = 0; i < peers; i += 10) {
    const batch = Array.from({ length: Math.min(10, peers - i) }, (_, k) =>
      connect(far, baseId + i + k, variant, ticker, phone),
    );
    calls.push(...(await Promise.all(batch)));
  }
  await sleep(2_000);
  const sentBefore = await outbound(calls[0]!.peer);
  const before = process.cpuUsage();
  const started = performance.now();
  const framesBefore = calls.reduce((sum, call) => sum + call.framesIn, 0);
  await sleep(seconds * 1000);
  const cpu = process.cpuUsage(before);
  const wallMs = performance.now() - started;
  const frames = calls.reduce((sum, call) => sum + call.framesIn, 0) - framesBefore;
  const sent = await outbound(calls[0]!.peer);
  const total = (cpu.user + cpu.system) / 1000 / wallMs;
  process.stdout.write(
    `${name.padEnd(16)} ${String(peers).padStart(3)} peers  ${((100 * total) / peers).toFixed(2).padStart(6)} % of a core per call` +
      `  (user ${(cpu.user / 10 / wallMs / peers).toFixed(2)}, system ${(cpu.system / 10 / wallMs / peers).toFixed(2)})` +
      `  ${(frames / peers / (wallMs / 1000)).toFixed(1)} frames/s in  ${sent.codec} ` +
      `${((8 * (sent.bytes - sentBefore.bytes)) / wallMs).toFixed(1)} kbit/s ${((1000 * (sent.packets - sentBefore.packets)) / wallMs).toFixed(0)} pkt/s\n`,
  );
  for (const call of calls) call.stop();
  far.send({ id: 0, closeAll: true });
  await sleep(500);
}

/** Connects and closes one call after another and tells how much memory stays. */
async function memory(far: ChildProcess, count: number): Promise<void> {
  const ticker = new Ticker(systemClock);
  const phone = speech(8000, 6, 2);
  const rss = () => {
    globalThis.gc?.();
    return process.memoryUsage().rss / 1024;
  };
  let first = 0;
  let closeMs = 0;
  for (let i = 0; i <= count; i++) {
    // The first calls fill pools that later ones use again.
    if (i === 20) first = rss();
    const call = await connect(far, 1_000_000 + i, {}, ticker, phone);
    await sleep(20);
    const begun = performance.now();
    call.stop();
    closeMs += performance.now() - begun;
    far.send({ id: 0, closeAll: true });
    if (i % 50 === 0) process.stdout.write(`${i} calls: rss ${(rss() / 1024).toFixed(1)} MiB\n`);
  }
  await sleep(2_000);
  process.stdout.write(
    `kept per call: ${((rss() - first) / (count - 20)).toFixed(1)} KiB; one close holds the event loop up for ${(closeMs / (count + 1)).toFixed(2)} ms\n`,
  );
}

if (process.argv.includes('--far')) {
  runFar();
} else {
  const { values } = parseArgs({
    options: {
      peers: { type: 'string', default: '1,10,40' },
      seconds: { type: 'string', default: '8' },
      variants: { type: 'string', default: 'plain,narrow,wide' },
      memory: { type: 'string', default: '0' },
    },
  });
  const far = fork(process.argv[1]!, ['--far']);
  far.on('exit', (code, signal) => {
    process.stderr.write(`the far process ended: ${code} ${signal}\n`);
    process.exit(1);
  });
  let id = 1;
  for (const name of values.variants.split(',').filter((v) => v !== '')) {
    for (const peers of values.peers.split(',').map(Number)) {
      await measure(far, name, peers, Number(values.seconds), id);
      id += peers;
    }
  }
  if (Number(values.memory) > 0) await memory(far, Number(values.memory));
  process.exit(0);
}
