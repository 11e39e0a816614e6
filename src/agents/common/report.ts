/** What the provider of an agent says of a call, once it is over, as far as it does. */
export interface ProviderReport {
  /** The provider's id of the call. */
  readonly callId: string;
  /** Why it ended, in the provider's word. */
  readonly endReason?: string;
  readonly durationMs?: number;
  /** Its latencies to answer, ms. */
  readonly latencyMs?: Readonly<Partial<Record<'mean' | 'p50' | 'p90' | 'p95' | 'p99' | 'max', number>>>;
  /** How often it says that the caller cut in. */
  readonly interruptions?: number;
  readonly transcript?: ReadonlyArray<{ readonly who: 'caller' | 'agent'; readonly text: string }>;
}
