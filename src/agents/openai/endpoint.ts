import type { Logger } from 'pino';
import type { Ticker } from '../../call/ticker.ts';
import type { Config } from '../../config.ts';
import type { ModelEndpoint } from '../../dispatch.ts';
import { type RealtimeServer, startRealtimeServer } from '../../simulator/realtime/index.ts';

/** Starts the simulated model where no other was named: on loopback, in this process. */
export async function embeddedModel(config: Config, ticker: Ticker, log: Logger): Promise<RealtimeServer | undefined> {
  if (config.OPENAI_API_KEY !== undefined || config.OPENAI_BASE_URL !== undefined) return undefined;
  return startRealtimeServer({ port: 0, ticker, log: log.child({ part: 'embedded-model' }, { level: 'warn' }) });
}

/** Where the model is: the embedded one, or what the settings name. */
export function endpointOf(config: Config, embedded: RealtimeServer | undefined): ModelEndpoint {
  if (embedded !== undefined) return { baseUrl: embedded.url, apiKey: 'sk-embedded', embedded: true };
  return {
    baseUrl: config.OPENAI_BASE_URL ?? 'https://api.openai.com/v1',
    apiKey: config.OPENAI_API_KEY ?? '',
    embedded: false,
  };
}
