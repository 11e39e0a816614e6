import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import type { CallerEvent } from '../../src/call/events.ts';
import { termination } from '../../src/call/termination.ts';
import { TICK_MS, Ticker } from '../../src/call/ticker.ts';
import { WebRtcLeg } from '../../src/callers/webrtc/leg.ts';
import { RtcDecoded } from '../../src/media/rtc-decoded.ts';
import { isToneAlone, ToneGenerator } from '../../src/media/tone.ts';
import { answerOffer, checkOffer, type Expected } from '../../src/transport/answer.ts';
import { openPeers, Peer, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import { fakeLog } from '../fakes/legs.ts';
import { IceOnly } from './ice-only.ts';
import { asked, sleep, until } from './rig.ts';

/** A caller that offers audio alone, as those do whose signalling goes another way. Real WebRTC. */

/** dBFS: tones are sent at -12. */
const TONE = { minDb: -16, maxOtherDb: -40 };
const CALLER_HZ = 440;
const AGENT_HZ = 1_250;

/** The last second of what is heard, 48 kHz. */
class Ear {
  readonly last = new Int16Array(48_000);

  hear(samples: Int16Array): void {
    this.last.copyWithin(0, samples.length);
    this.last.set(samples, this.last.length - samples.length);
  }

  /** Waits until a whole second was this tone and nothing else: a machine that stalls breaks one, and not one after the other. */
  async hears(hz: number): Promise<void> {
    const end = performance.now() + 15_000;
    while (!isToneAlone(this.last, 48_000, hz, TONE)) {
      if (performance.now() > end) throw new Error(`no second of ${hz} Hz alone within 15 s`);
      await sleep(250);
    }
  }
}

/** The caller: a peer that offers, plays a tone from the moment it is connected, and keeps what it hears. */
class Caller {
  readonly ear = new Ear();
  readonly peer = new Peer(
    { iceServers: [] },
    {
      audio: (samples, rate) => {
        this.ear.hear(this.#decoded.at48k(samples, rate) ?? new Int16Array(0));
      },
      state: (state) => {
        if (state === 'connected') this.#play();
      },
    },
  );
  readonly #decoded = new RtcDecoded();
  #timer: NodeJS.Timeout | undefined;

  /** Packets of audio that came. */
  async packets(): Promise<number> {
    const stats = await this.peer.stats();
    return Number(stats.find((entry) => entry['type'] === 'inbound-rtp')?.['packetsReceived'] ?? 0);
  }

  close(): void {
    clearInterval(this.#timer);
    this.peer.close();
  }

  #play(): void {
    const tone = new ToneGenerator(CALLER_HZ, 48_000, -12);
    const frame = new Int16Array(RTC_FRAME_SAMPLES);
    let sent = performance.now();
    this.#timer ??= setInterval(() => {
      for (; sent + 10 <= performance.now(); sent += 10) this.peer.sendAudio(tone.fill(frame));
    }, 10);
  }
}

/** A leg with its call: an agent that plays a tone and keeps what it hears. */
function called(held = false) {
  const ear = new Ear();
  const events: CallerEvent[] = [];
  const ticker = new Ticker(systemClock);
  const log = fakeLog();
  const leg = new WebRtcLeg<Peer>({
    kind: 'audio',
    far: 'the caller',
    lineClosed: "the caller's line closed",
    peer: (handlers) => new Peer({ iceServers: [], clock: systemClock }, handlers),
    clock: systemClock,
    log,
    held,
  });
  onTestFinished(async () => {
    await leg.close(termination('agent-hangup'));
    expect(ticker.size).toBe(0);
    await until(() => openPeers() === 0, 'every peer to be closed');
  });
  const start = () =>
    leg.start({
      callId: 'c',
      peer: { sampleRate: leg.rate, write: ({ samples }) => ear.hear(samples), clear() {}, toString: () => 'agent' },
      emit: (event) => events.push(event),
      count: () => {},
      log,
      clock: systemClock,
      ticker,
      signal: new AbortController().signal,
    });
  /** Speaks in real time, as a live agent does. */
  const speak = () => {
    const tone = new ToneGenerator(AGENT_HZ, 48_000, -12);
    const frame = { samples: new Int16Array((48_000 * TICK_MS) / 1_000), sampleRate: 48_000 };
    let sent = performance.now();
    const stop = ticker.subscribe((now) => {
      for (; sent + TICK_MS <= now; sent += TICK_MS) {
        tone.fill(frame.samples);
        leg.audio.write(frame);
      }
    });
    onTestFinished(stop);
  };
  return { leg, ear, events, log, start, speak };
}

/** Has the caller's offer, changed as said, checked and answered, and both connected. The answer. */
async function meet(caller: Caller, leg: WebRtcLeg<Peer>, expected: Expected, change = (sdp: string) => sdp) {
  onTestFinished(() => caller.close());
  const offer = change(await caller.peer.createOffer(1_000));
  checkOffer(offer, expected);
  const answer = await answerOffer(leg.peer, offer, { publicAddresses: [] });
  await caller.peer.acceptAnswer(answer);
  await leg.reached;
  await leg.connected;
  await until(() => caller.peer.state === 'connected', 'the caller to be connected');
  return answer;
}

const mediaLines = (sdp: string) => sdp.match(/^m=\S+/gm);

describe('a caller that offers audio alone', () => {
  it('is answered with audio alone, and each hears the tone of the other and nothing else', async () => {
    const caller = new Caller();
    const { leg, ear, events, start, speak } = called();
    const answer = await meet(caller, leg, { channel: false });
    expect(mediaLines(answer)).toEqual(['m=audio']);
    // It is for the answering end to begin DTLS, and the one hash that every far end takes is the one that is named.
    expect(answer.match(/^a=setup:\S+/gm)).toEqual(['a=setup:active']);
    expect(answer.match(/^a=fingerprint:\S+/gm)).toEqual(['a=fingerprint:sha-256']);
    await start();
    speak();
    await ear.hears(CALLER_HZ);
    await caller.ear.hears(AGENT_HZ);
    // A caller that goes without a word of its signalling is noticed by its silence: a peer of libwebrtc's says nothing at its end.
    caller.close();
    await until(() => events.length > 0, 'the end to be told', 20_000);
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'media-lost' } }]);
  });

  it('with G.711 is heard, and hears', async () => {
    const caller = new Caller();
    const { leg, ear, log, start, speak } = called();
    await meet(caller, leg, { channel: false, g711: true }, (sdp) =>
      sdp.replace(/^(m=audio \S+ \S+) [\d ]+/m, '$1 0').replace(/^a=(?:rtpmap|fmtp|rtcp-fb):(?!0 )\d+ .*\r\n/gm, ''),
    );
    await start();
    speak();
    await ear.hears(CALLER_HZ);
    await caller.ear.hears(AGENT_HZ);
    await leg.close(termination('agent-hangup'));
    expect(log.lines.at(-1)).toMatchObject({ message: "the caller's line closed", fields: { codec: 'audio/PCMU' } });
  });

  it('is sent no packet of audio before the leg may send, and then hears from the beginning', async () => {
    const caller = new Caller();
    const { leg, ear, start, speak } = called(true);
    await meet(caller, leg, { channel: false });
    await start();
    speak();
    // Media is up and the caller is heard; nothing went the other way.
    await sleep(1_000);
    await ear.hears(CALLER_HZ);
    expect(await caller.packets()).toBe(0);
    expect(leg.playout.playedMs()).toBe(0);
    const waiting = leg.playout.writtenMs();
    leg.release();
    await caller.ear.hears(AGENT_HZ);
    // What was said while it waited is not skipped: the playing stays as far behind as the wait was long, but for what leaves in the first moment.
    expect(leg.playout.writtenMs() - leg.playout.playedMs()).toBeGreaterThan(waiting - 100);
  });

  it('hears silence from the moment the leg may send, where nothing is said', async () => {
    const caller = new Caller();
    const { leg, start } = called(true);
    await meet(caller, leg, { channel: false });
    await start();
    await sleep(500);
    expect(await caller.packets()).toBe(0);
    leg.release();
    await asked(async () => (await caller.packets()) > 20, 'packets of silence');
  });
});

describe('a far end that only answers checks (ICE lite)', () => {
  it('is led by the leg, which also begins DTLS', async () => {
    const far = new IceOnly();
    const port = await far.listen();
    onTestFinished(() => far.close());
    const sdp = readFileSync(new URL('../fixtures/offers/ice-lite.sdp', import.meta.url), 'utf8').replaceAll(
      '\n',
      '\r\n',
    );
    checkOffer(sdp, { channel: false });
    far.password = /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1] ?? '';
    const { leg } = called();
    // The address in the place of its own is this machine's, which the way of strangers' offers would not let through.
    const near = sdp
      .replace(/^a=candidate:.*\r\n/gm, '')
      .replace(/^a=ice-ufrag/m, `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host\r\n$&`);
    const answer = await leg.peer.answer(near, 2_000);
    expect(answer).not.toContain('a=ice-lite');
    expect(answer).toMatch(/^a=setup:active/m);
    await until(() => far.clientHellos > 0, 'DTLS to begin');
    expect(far.checks.controlling).toBeGreaterThan(0);
    expect(far.checks.controlled).toBe(0);
  });

  it('is not reached by its answers alone, however late we hear of them: what is encrypted must come through', async () => {
    const sdp = readFileSync(new URL('../fixtures/offers/ice-lite.sdp', import.meta.url), 'utf8').replaceAll(
      '\n',
      '\r\n',
    );
    // In a thread of its own it answers while this one is busy.
    const far = new Worker(
      `import(${JSON.stringify(new URL('./ice-only.ts', import.meta.url).href)}).then(async ({ IceOnly }) => {
        const far = new IceOnly();
        far.password = ${JSON.stringify(/^a=ice-pwd:(\S+)/m.exec(sdp)?.[1])};
        require('node:worker_threads').parentPort.postMessage(await far.listen());
      });`,
      { eval: true },
    );
    onTestFinished(() => void far.terminate());
    const [port] = (await once(far, 'message')) as [number];
    const near = sdp
      .replace(/^a=candidate:.*\r\n/gm, '')
      .replace(/^a=ice-ufrag/m, `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host\r\n$&`);
    let reached = 0;
    for (let i = 0; i < 12; i++) {
      const { leg } = called();
      void leg.reached.then(
        () => reached++,
        () => {},
      );
      let answered = false;
      void leg.peer.answer(near, 2_000).then(() => {
        answered = true;
      });
      // This thread is late, so that what it is told of is not how things are by then.
      for (let after = 0; after < 3; after += answered ? 1 : 0) {
        for (const end = performance.now() + 40; performance.now() < end; );
        await sleep(1);
      }
      leg.peer.close();
    }
    expect(reached).toBe(0);
  });
});
