import { join } from 'node:path';

/** What a daemon of a bench has in its environment: all calls come from one address, as fast as the bench wants, and nothing of it is kept. */
export function daemonEnv(dataDir: string): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    OPENAI_API_KEY: 'sk-bench',
    MAX_CALLS: '1000',
    MAX_PENDING_STREAMS: '1000',
    DATA_DIR: dataDir,
    // Whatever the hour: at night and on Sundays another prompt answers.
    ROUTES_FILE: join(import.meta.dirname, '../../test/fixtures/routes.yaml'),
    CALLS_PER_SECOND: '0',
    MAX_LOOP_DELAY_MS: '0',
    RATE_LIMIT_WEBHOOKS: '0',
    RATE_LIMIT_STREAMS: '0',
    RATE_LIMIT_API: '0',
    RATE_LIMIT_HEALTH: '0',
  };
}
