import type { Clock } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import type { ByteOrder } from '../../media/l16.ts';
import type { DialledParty } from '../phone/dial.ts';
import type { TimelineEntry } from '../phone/timeline.ts';
import type { CallCodec } from './codecs.ts';
import type { TelnyxStream } from './stream.ts';
import type { WebhookSender } from './webhooks.ts';

/** Whoever is called, by an order or by a transfer. */
export interface FarParty extends DialledParty {
  /** What machine detection finds; a person without it. */
  readonly machine?: 'human' | 'machine' | 'not_sure';
}

/** What the carrier is, shared by all its calls. */
export interface Side extends WebhookSender {
  readonly accountId: string;
  readonly connectionId: string;
  readonly clock: Clock;
  readonly ticker: Ticker;
  /** What calls themselves are in, and how L16 is on the wire. */
  readonly callCodec: CallCodec;
  /** What `start` says that it sends, where that is not the truth. */
  readonly sentAs?: string | undefined;
  readonly byteOrder: ByteOrder;
  readonly record: boolean;
  /** Factor on the time that spoken words take. */
  readonly speechScale: number;
  /** How long a call waits for its first command, ms. */
  readonly firstCommandMs: number;
  readonly far: (to: string) => FarParty;
}

/** Who watches one call. */
export interface CallWatch {
  readonly onEvent?: ((entry: TimelineEntry) => void) | undefined;
  readonly onStream?: ((stream: TelnyxStream) => void) | undefined;
  readonly onTick?: ((stream: TelnyxStream, now: number) => void) | undefined;
}
