import type { Logger } from 'pino';
import type { Ticker } from '../../call/ticker.ts';
import type { RealtimeServer } from '../../simulator/realtime/index.ts';
import type { OpenAiSettings } from './settings.ts';
import { DEFAULT_BASE_URL } from './urls.ts';

/** Where the model is and with what key it is asked. */
export interface ModelEndpoint {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Whether this is the embedded simulated model. */
  readonly embedded: boolean;
}

type Where = Pick<OpenAiSettings, 'OPENAI_API_KEY' | 'OPENAI_BASE_URL'>;

/** Whether no model is named: the simulated one stands in for it. */
export const isEmbedded = (settings: Where): boolean =>
  settings.OPENAI_API_KEY === undefined && settings.OPENAI_BASE_URL === undefined;

/** Starts the simulated model where no other was named: on loopback, in this process. */
export async function embeddedModel(
  settings: Where,
  parts?: { readonly ticker: Ticker; readonly log: Logger },
): Promise<RealtimeServer | undefined> {
  if (!isEmbedded(settings)) return undefined;
  const { startRealtimeServer } = await import('../../simulator/realtime/index.ts');
  if (parts === undefined) return startRealtimeServer({ port: 0 });
  const { ticker, log } = parts;
  return startRealtimeServer({ port: 0, ticker, log: log.child({ part: 'embedded-model' }, { level: 'warn' }) });
}

/** Where the model is: the embedded one, or what the settings name. */
export function endpointOf(settings: Where, embedded: RealtimeServer | undefined): ModelEndpoint {
  if (embedded !== undefined) return { baseUrl: embedded.url, apiKey: 'sk-embedded', embedded: true };
  return {
    baseUrl: settings.OPENAI_BASE_URL ?? DEFAULT_BASE_URL,
    apiKey: settings.OPENAI_API_KEY ?? '',
    embedded: false,
  };
}
