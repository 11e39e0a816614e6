import type { TalkerScript } from '../talker/talker.ts';

/** How the far end behaves. What is left out is as it should be. Times are ms. */
export interface RetellScenario {
  /** How the agent speaks and listens; the rest is as usual. */
  readonly talker?: Partial<TalkerScript>;
  /** What `v3/create-web-call` is: it answers for the gateway, is not there (404), or gives a token for LiveKit. */
  readonly v3?: 'gateway' | 'absent' | 'livekit';
  /** So many requests for a call are refused with 429 first, and when one may ask again, s. */
  readonly busy?: { readonly times: number; readonly retryAfterSeconds?: number };
  /** Every request for a call is refused with 402. */
  readonly broke?: boolean;
  /** Calls that may go on at a time; more are refused with 429. */
  readonly concurrency?: number;
  /** A call is made, and its answer comes so late. */
  readonly answerAfterMs?: number;
  /** How long a token opens a call; 30 s as documented. */
  readonly tokenMs?: number;
  /** So long after media is up the agent ends the call, is put in another's place, or is gone without a word. */
  readonly ends?: { readonly afterMs: number; readonly how: 'ended' | 'replaced' | 'dropped' };
  /** Sessions are refused with this status. */
  readonly sessionStatus?: number;
  /** So often the transcript says that the call is not live yet. */
  readonly notLive?: number;
}
