import { systemClock } from '../../src/call/clock.ts';
import { TICK_MS, Ticker } from '../../src/call/ticker.ts';
import { pcmSource } from '../../src/simulator/phone/source.ts';
import { Meta, type WhatsAppPhone } from '../../src/simulator/whatsapp/index.ts';
import { Peer, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import { serve, sleep } from './child.ts';
import { usage } from './usage.ts';
import { speech } from './voice.ts';
import { ACCOUNT } from './whatsapp-account.ts';

/** Callers by WebRTC in a process of their own: users of WhatsApp with Meta between, and web pages. All speak without end. */

const PATIENCE_MS = 15_000;
const ticker = new Ticker(systemClock);
const voice = speech(48_000);
const phones: WhatsAppPhone[] = [];
const pages: Array<{ readonly id: string; readonly peer: Peer; readonly leave: () => void }> = [];
let meta: Meta | undefined;
let users = 0;

const methods = {
  /** Starts Meta; resolves to the URL of its Graph API. */
  async listen(): Promise<string> {
    meta = await Meta.start({ appSecret: ACCOUNT.WHATSAPP_APP_SECRET, token: ACCOUNT.WHATSAPP_ACCESS_TOKEN });
    return meta.url;
  },
  /** One user calls the daemon. Resolves, when the call was accepted, to the time from the webhook's leaving to the coming of accept's request, ms. */
  async whatsapp({ target }: { target: string }): Promise<number> {
    const far = meta!;
    far.webhookUrl = `${target}/whatsapp/webhook`;
    let postedMs: number | undefined;
    // Nobody calls twice at once.
    const waId = `4477009${String(++users).padStart(5, '0')}`;
    const phone = far.phone({
      user: { waId, userId: `GB.${waId}`, name: 'A caller' },
      source: pcmSource(voice, 48_000, { endless: true }),
      onEvent: ({ what }) => {
        if (what === 'webhook') postedMs ??= systemClock.now();
      },
    });
    phones.push(phone);
    void phone.placeCall();
    await until(() => phone.acceptedMs !== undefined, 'the call was not accepted');
    const accept = far.graph.log.find(({ action, body }) => action === 'accept' && body['call_id'] === phone.call?.id);
    return accept!.atMs - postedMs!;
  },
  /** One page calls the daemon. Resolves when media is up. */
  async page({ target, token }: { target: string; token: string }): Promise<void> {
    const peer = new Peer({ iceServers: [] }, { audio() {} });
    const channel = peer.createChannel('events');
    channel.attach({ text() {} });
    const id = `bench-${pages.length}`;
    const offer = await peer.createOffer(1_000);
    const response = await fetch(`${target}/api/realtime/webrtc/bridge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ conversation_id: id, offer }),
    });
    const { answer } = (await response.json()) as { answer?: string };
    if (answer === undefined) throw new Error(`the page was refused: ${response.status}`);
    await peer.acceptAnswer(answer);
    await until(() => peer.state === 'connected' && channel.isOpen, 'the page was not connected');
    let at = 0;
    const leave = ticker.subscribe(() => {
      for (let n = 0; n < TICK_MS / 10; n++) {
        if (at + RTC_FRAME_SAMPLES > voice.length) at = 0;
        peer.sendAudio(voice, at);
        at += RTC_FRAME_SAMPLES;
      }
    });
    pages.push({ id, peer, leave });
  },
  /** All hang up. */
  async hangUpAll({ target, token }: { target: string; token: string }): Promise<void> {
    for (const phone of phones.splice(0)) phone.hangUp();
    await Promise.all(
      pages.splice(0).map(async ({ id, peer, leave }) => {
        leave();
        await fetch(`${target}/api/realtime/webrtc/bridge/${id}`, {
          method: 'DELETE',
          headers: { authorization: `Bearer ${token}` },
        });
        peer.close();
      }),
    );
  },
  usage,
};
export type CallersMethods = typeof methods;

async function until(check: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!check()) {
    if (performance.now() > end) throw new Error(what);
    await sleep(5);
  }
}

serve(methods);
