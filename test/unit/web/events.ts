import type { KnownEvent } from '../../../src/records/event.ts';

/** Events of one call as the daemon tells them: numbered, dated, in order. */
export function stream(callId: string, startedAt = 1_000_000) {
  let seq = 0;
  let offsetMs = 0;
  return (type: string, data: Record<string, unknown>, at?: number): KnownEvent => {
    offsetMs = at ?? offsetMs + 100;
    const id = `${callId}${String(seq).padStart(6, '0')}`;
    return {
      id,
      callId,
      seq: seq++,
      at: startedAt + offsetMs,
      offsetMs,
      type,
      data,
      transient: data['final'] === false,
      // Of their fields tests give those that matter to them.
    } as KnownEvent;
  };
}
