import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/call/clock.ts';
import { TICK_MS, Ticker } from '../../src/call/ticker.ts';
import { META_LIMITS, MetaCall, type UserEnd } from '../../src/simulator/whatsapp/call.ts';
import { Meta } from '../../src/simulator/whatsapp/index.ts';
import { Peer, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import { serve, sleep } from './child.ts';
import { usage } from './usage.ts';
import { speech } from './voice.ts';
import { ACCOUNT } from './whatsapp-account.ts';

/**
 * Callers by WebRTC in a process of their own: users of WhatsApp with Meta between, and web pages. All speak without end, over peers of the native
 * library: twenty of the simulator's own phones, which look at each packet, would be more than the machine has beside the daemon.
 */

const PATIENCE_MS = 15_000;
const ticker = new Ticker(systemClock);
const voice = speech(48_000);
const users: MetaCall[] = [];
const pages: Array<{ readonly id: string; readonly peer: Peer; readonly leave: () => void }> = [];
let meta: Meta | undefined;
let numbers = 0;

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
    // Nobody calls twice at once.
    const waId = `4477009${String(++numbers).padStart(5, '0')}`;
    const peer = new Peer({ iceServers: [] }, { audio() {} });
    const offer = await peer.createOffer(1_000);
    const accepted = Promise.withResolvers<void>();
    let leave = () => {};
    const end: UserEnd = {
      describe: (sdp) => peer.acceptAnswer(sdp),
      accepted() {
        leave = speakBy(peer);
        accepted.resolve();
      },
      over(how) {
        leave();
        peer.close();
        accepted.reject(new Error(`the call is over before it was accepted: ${how.by} ${how.how}`));
      },
      get lastPacketMs() {
        return systemClock.now();
      },
    };
    const call = new MetaCall({
      identity: {
        id: `wacid.${randomBytes(24).toString('base64url')}`,
        number: far.numbers[0]!,
        user: { waId, userId: `GB.${waId}`, name: 'A caller' },
        direction: 'USER_INITIATED',
      },
      end,
      clock: systemClock,
      webhooks: far.webhooks,
      limits: META_LIMITS,
    });
    far.calls.set(call.id, call);
    users.push(call);
    const postedMs = systemClock.now();
    void call.ring(offer);
    await accepted.promise;
    const accept = far.graph.log.find(({ action, body }) => action === 'accept' && body['call_id'] === call.id);
    return accept!.atMs - postedMs;
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
    pages.push({ id, peer, leave: speakBy(peer) });
  },
  /** All hang up. */
  async hangUpAll({ target, token }: { target: string; token: string }): Promise<void> {
    for (const user of users.splice(0)) user.hangUp();
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

/** Speaks over it from now on; returns how to stop. */
function speakBy(peer: Peer): () => void {
  let at = 0;
  return ticker.subscribe(() => {
    for (let n = 0; n < TICK_MS / 10; n++) {
      if (at + RTC_FRAME_SAMPLES > voice.length) at = 0;
      peer.sendAudio(voice, at);
      at += RTC_FRAME_SAMPLES;
    }
  });
}

async function until(check: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!check()) {
    if (performance.now() > end) throw new Error(what);
    await sleep(5);
  }
}

serve(methods);
