import type { CarrierMedia } from '../../../../src/callers/phone/carrier-media.ts';
import { twilio } from '../../../../src/callers/phone/carriers/twilio/media.ts';
import { PhoneLeg } from '../../../../src/callers/phone/leg.ts';
import type { PhoneLegOptions } from '../../../../src/callers/phone/options.ts';
import type { MediaMessage, StartMessage } from '../../../../src/callers/phone/protocol.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeSocket, legContext } from './rig.ts';

export const startMessage = (over: Partial<StartMessage> = {}): StartMessage => ({
  type: 'start',
  streamId: 'MZ1',
  callId: 'CA1',
  accountId: 'AC1',
  format: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
  customParameters: new Map(),
  topLevelStreamId: true,
  ...over,
});

export const media = (over: Partial<MediaMessage> = {}): MediaMessage => ({
  type: 'media',
  track: 'inbound',
  timestampMs: undefined,
  chunk: undefined,
  sequence: undefined,
  payload: Buffer.alloc(160, 0x80),
  ...over,
});

/** A leg that is started, on a fake clock and a fake socket. */
export async function started(
  init: { protocol?: CarrierMedia; start?: StartMessage; options?: Partial<PhoneLegOptions> } = {},
) {
  const clock = new FakeClock();
  const socket = new FakeSocket();
  const leg = new PhoneLeg({
    socket,
    protocol: init.protocol ?? twilio,
    start: init.start ?? startMessage(),
    clock,
    ...(init.options === undefined ? {} : { options: init.options }),
  });
  socket.onClose = (code) => leg.lost(code);
  const rig = legContext(clock);
  await leg.start(rig.context);
  return { clock, socket, leg, ...rig };
}
