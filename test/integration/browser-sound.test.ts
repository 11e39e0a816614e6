import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { noChromium, type Opened, openChromium, speech } from './browser-chromium.ts';
import { ask, bridgeUrl } from './browser-page.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/**
 * What a page that plays `event.streams[0]`, as nearly every page and OpenAI's own SDK do, lets its user hear, in a real Chromium. The sound is
 * looked at where it comes out: in what the audio element plays.
 */

const AGENT_HZ = 620;
const CALLER_HZ = 1_020;

/** A page that loads the SDK as published for browsers. */
const SDK_PAGE = `<!doctype html><title>page</title><script type="module">
  import * as sdk from '/openai-realtime-agents.mjs';
  globalThis.sdk = sdk;
</script>`;

/** A web site with that page, on loopback. */
async function startSite() {
  const bundle = join(dirname(fileURLToPath(import.meta.resolve('@openai/agents-realtime'))), 'bundle');
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const script = pathname.endsWith('.mjs');
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    response.end(script ? await readFile(join(bundle, pathname), 'utf8') : SDK_PAGE);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The audio element's own sound, 48 kHz mono, from the moment it plays; `ready` once there is something to listen to. */
async function listenToElement({ page }: Opened): Promise<() => Promise<{ playing: boolean; samples: Int16Array }>> {
  await page.waitForFunction(() => (Reflect.get(globalThis, 'player') as { currentTime: number }).currentTime > 0);
  await page.evaluate(async () => {
    const element = Reflect.get(globalThis, 'player') as { captureStream(): unknown };
    const context = new (Reflect.get(globalThis, 'AudioContext'))({ sampleRate: 48_000 });
    await context.resume();
    const recorded: number[] = [];
    Reflect.set(globalThis, 'recorded', recorded);
    const ear = context.createScriptProcessor(4_096, 1, 1);
    ear.onaudioprocess = ({ inputBuffer }: { inputBuffer: { getChannelData(channel: number): Float32Array } }) => {
      for (const sample of inputBuffer.getChannelData(0)) recorded.push(Math.round(sample * 32_767));
    };
    context.createMediaStreamSource(element.captureStream()).connect(ear);
    ear.connect(context.destination);
  });
  let samples = new Int16Array(0);
  return async () => {
    const { playing, recorded } = await page.evaluate(() => {
      const player = Reflect.get(globalThis, 'player') as { paused: boolean; currentTime: number };
      // What is new: all of it each time would be more work than the call.
      const all = Reflect.get(globalThis, 'recorded') as number[];
      return { playing: !player.paused && player.currentTime > 0, recorded: all.splice(0) };
    });
    samples = Int16Array.from([...samples, ...recorded]);
    return { playing, samples };
  };
}

async function untilHeard(look: Awaited<ReturnType<typeof listenToElement>>, hz: number, ms: number): Promise<void> {
  const end = performance.now() + 15_000;
  for (;;) {
    const { playing, samples } = await look();
    const heard = toneAloneMs(samples, 48_000, hz);
    if (playing && heard >= ms) return;
    if (performance.now() > end)
      throw new Error(`${heard} ms of ${hz} Hz were heard in ${samples.length / 48} ms; playing: ${playing}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

describe('a page that plays event.streams[0]', () => {
  it('hears the agent', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    // Long enough for what is listened with to be there before its end.
    const rig = own(await startRig({ model: { voice: { tone: AGENT_HZ, ms: 8_000, dbfs: -15 } } }));
    const opened = own(await openChromium({ microphone: new Int16Array(48_000) }));
    const { page } = opened;
    await page.goto(`${rig.url}/console/phone.html#token=${OPERATOR_TOKEN}`);
    const offer = await page.evaluate(async () => {
      const global = globalThis;
      const pc = new (Reflect.get(global, 'RTCPeerConnection'))();
      const player = new (Reflect.get(global, 'Audio'))();
      player.autoplay = true;
      Object.assign(global, { pc, player, streams: -1 });
      pc.ontrack = (event: { streams: unknown[] }) => {
        Reflect.set(global, 'streams', event.streams.length);
        player.srcObject = event.streams[0] ?? null;
      };
      const navigator = Reflect.get(global, 'navigator') as never as {
        mediaDevices: { getUserMedia(wanted: object): Promise<{ getTracks(): unknown[] }> };
      };
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      pc.addTrack(stream.getTracks()[0], stream);
      pc.createDataChannel('events');
      await pc.setLocalDescription(await pc.createOffer());
      return pc.localDescription.sdp as string;
    });
    const { body } = await ask(bridgeUrl(rig.url), 'POST', { conversation_id: 'c1', offer });
    await page.evaluate(
      (sdp) => Reflect.get(globalThis, 'pc').setRemoteDescription({ type: 'answer', sdp }),
      String(body['answer']),
    );
    expect(await page.evaluate(() => Reflect.get(globalThis, 'streams'))).toBe(1);
    await untilHeard(await listenToElement(opened), AGENT_HZ, 1_500);
  });

  it('as OpenAI’s own SDK does, hears the simulated model and is heard by it', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const model = own(
      await startRealtimeServer({
        port: 0,
        record: true,
        voice: { tone: AGENT_HZ, ms: 2_000, dbfs: -15 },
      }),
    );
    const opened = own(await openChromium({ microphone: speech(CALLER_HZ, 4_000, 1_500, 4_000) }));
    const { page } = opened;
    // The page comes from another origin than the service, as every page does.
    const site = own(await startSite());
    await page.goto(site.url);
    await page.waitForFunction(() => Reflect.get(globalThis, 'sdk') !== undefined);
    const minted = await ask(
      `${model.url}/realtime/client_secrets`,
      'POST',
      { session: { type: 'realtime', model: 'gpt-realtime' } },
      { authorization: 'Bearer sk-test' },
    );
    await page.evaluate(
      async ({ url, apiKey }) => {
        const { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } = Reflect.get(globalThis, 'sdk');
        const player = new (Reflect.get(globalThis, 'Audio'))();
        player.autoplay = true;
        const transport = new OpenAIRealtimeWebRTC({ audioElement: player });
        const session = new RealtimeSession(new RealtimeAgent({ name: 'A', instructions: 'Be a line.' }), {
          transport,
          model: 'gpt-realtime',
        });
        const faults: string[] = [];
        session.on('error', (error: unknown) => faults.push(JSON.stringify(error)));
        Object.assign(globalThis, { player, session, transport, faults });
        await session.connect({ apiKey, url });
      },
      { url: `${model.url}/realtime/calls`, apiKey: String(minted.body['value']) },
    );
    const look = await listenToElement(opened);
    await page.evaluate(() => Reflect.get(globalThis, 'transport').sendEvent({ type: 'response.create' }));
    await untilHeard(look, AGENT_HZ, 1_500);
    const session = model.sessions[0]!;
    await until(() => toneAloneMs(session.inputAudio(), 24_000, CALLER_HZ) >= 1_000, 'the caller to be heard', 20_000);
    await untilHeard(look, AGENT_HZ, 3_000);
    expect(await page.evaluate(() => Reflect.get(globalThis, 'faults'))).toEqual([]);
    await page.evaluate(() => Reflect.get(globalThis, 'session').close());
    await until(() => !session.live, 'the end of the session');
  });
});
