import { Habits } from '../phone/habits.ts';
import type { PhoneOptions } from '../phone/phone.ts';
import { type CallReport, makeReport } from '../phone/report.ts';
import { tenth } from '../phone/timeline.ts';
import type { TelnyxCall } from './call.ts';
import type { Telnyx } from './server.ts';

/** A caller's phone at the stand-in: one call, with a caller's habits, and what was measured. */

export interface TelnyxPhoneOptions extends Omit<PhoneOptions, 'carrier' | 'from' | 'to'> {
  readonly webhookUrl: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Numbers that nobody has. */
const FROM = '+15005550006';
const TO = '+15005550001';

export function callTelnyx(telnyx: Telnyx, options: TelnyxPhoneOptions) {
  const { from = FROM, to = TO, webhookUrl, source } = options;
  let call: TelnyxCall | undefined;
  const habits = new Habits(options, () => call?.hangUp());
  return {
    hangUp: () => call?.hangUp(),
    recording: () => call?.recorder?.wav(),
    async place(): Promise<CallReport> {
      const began = performance.now();
      const made = telnyx.callIn({
        from,
        to,
        webhookUrl,
        source,
        onEvent: options.onEvent,
        onStream: (stream) => habits.began(stream.talk),
        onTick: (stream, now) => habits.tick(stream.talk, now, made.timeline),
      });
      call = made;
      const limit = setTimeout(() => made.hangUp(), options.hangUpAfterMs ?? 60_000);
      await made.done;
      clearTimeout(limit);
      const { first } = made.events;
      return makeReport({
        carrier: 'telnyx',
        callSid: made.sid,
        from,
        to,
        ended: { by: made.endedBy, reason: `the call ended: ${made.status}`, callStatus: finalOf(made.status) },
        durationMs: tenth(performance.now() - began),
        connect: {
          webhookMs: first && tenth(first.ms),
          webhookStatus: first?.status,
          socketMs: undefined,
          streamStartMs: made.reports[0]?.startedMs,
        },
        streams: made.reports,
        timeline: made.timeline,
      });
    },
  };
}

const finalOf = (status: TelnyxCall['status']) =>
  status === 'busy' || status === 'no-answer' || status === 'completed' ? status : 'failed';
