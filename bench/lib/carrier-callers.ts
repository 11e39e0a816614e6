import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { COMMANDED, commanded } from '../../src/simulator/commanded.ts';
import { type Carrier, type CodecName, Phone, scriptSource, wavSource } from '../../src/simulator/phone/index.ts';
import { parseScenario, type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { type CallCodec, Telnyx } from '../../src/simulator/telnyx/index.ts';
import { serve, sleep } from './child.ts';
import { usage } from './usage.ts';

/** Callers of every carrier who say a sentence and wait for the answer, over and over, and the simulated model that answers them, in one process. */

const ticker = new Ticker(systemClock);
const words = wavSource(readFileSync(new URL('../../src/simulator/assets/speech.wav', import.meta.url)));
const source = scriptSource([words, { pauseMs: 4_500 }], { endless: true });
let model: RealtimeServer | undefined;
let telnyx: Telnyx | undefined;
let calls: Array<{ hangUp(): void; readonly over: Promise<unknown> }> = [];

/** Which carrier calls, in which codec of its own. */
export interface Callers {
  readonly carrier: Carrier | typeof COMMANDED;
  readonly codec: CodecName | CallCodec;
}

const methods = {
  /** Starts the model, whose only word is a tone of 3 s (or of `toneMs`), or the recording that is named; resolves to its base URL. */
  async listen({
    wav,
    toneMs = 3_000,
  }: {
    wav?: string | undefined;
    toneMs?: number | undefined;
  } = {}): Promise<string> {
    model = await startRealtimeServer({
      port: 0,
      ticker,
      ...(wav === undefined
        ? { voice: { tone: 440, ms: toneMs } }
        : { scenario: parseScenario({ turns: [{ say: { wav } }], loop: true }) }),
    });
    return model.url;
  },
  /** What a daemon must be told to take these callers' calls beside its codec; the stand-in that it asks is started. */
  async settings({ carrier, codec }: Callers): Promise<Record<string, string>> {
    if (carrier !== COMMANDED) return {};
    telnyx = await Telnyx.start({ speechScale: 1, privateKey: null, callCodec: codec as CallCodec });
    const named = Object.entries(commanded.settingsFor(telnyx)).filter(([, value]) => typeof value === 'string');
    return Object.fromEntries(named) as Record<string, string>;
  },
  async call({ carrier, target, count }: Callers & { target: string; count: number }): Promise<void> {
    for (let i = 0; i < count; i++) {
      const webhookUrl = `${target}/incoming-call`;
      if (carrier === COMMANDED) {
        const call = commanded.call(telnyx!, { source, webhookUrl, ticker, hangUpAfterMs: 600_000 });
        calls.push({ hangUp: call.hangUp, over: call.place() });
      } else {
        const phone = new Phone({ carrier, source, ticker });
        calls.push({ hangUp: () => phone.hangUp(), over: phone.placeCall({ webhookUrl }) });
      }
      await sleep(50);
    }
  },
  async hangUpAll(): Promise<void> {
    for (const call of calls) call.hangUp();
    await Promise.allSettled(calls.map(({ over }) => over));
    calls = [];
    await telnyx?.close();
    telnyx = undefined;
  },
  usage,
};
export type CarrierCallersMethods = typeof methods;

serve(methods);
