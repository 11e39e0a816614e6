import type { Ticker } from '../../call/ticker.ts';
import { BridgeError } from '../../errors.ts';
import type { Rooms } from '../../rooms/room.ts';
import { StreamLeg } from '../stream/leg.ts';
import type { OpenContext, StreamSession, StreamTold } from '../stream/session.ts';
import { createAnyCall, type RetellAccount, type RetellCall } from './api.ts';
import { GatewayCall, type GatewayOptions, RATE } from './gateway.ts';
import { Monitor, type OpenMonitorSocket } from './monitor.ts';
import { openRoomCall } from './room-call.ts';
import type { RetellTarget } from './target.ts';

/** From the start until the agent can hear, ms: the call is made, and the provider may bring an agent first. */
const START_MS = 12_000;
/** A busy API is asked again for so long, ms. */
const CREATE_MS = 5_000;

export interface RetellLegOptions {
  readonly account: RetellAccount;
  readonly target: RetellTarget;
  readonly gateway: Omit<GatewayOptions, 'account' | 'ticker' | 'fetch'>;
  readonly ticker: Ticker;
  /** Rooms of the older version: whose pool, made and ready when it is first asked for, whether it was, and at which server. */
  readonly rooms: {
    readonly url: string;
    readonly pool: () => Promise<Pick<Rooms, 'join'>>;
    readonly isInUse: () => boolean;
  };
  readonly monitorSocket?: OpenMonitorSocket | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** An agent's leg, and the provider's id of its call, once there is one. */
export interface RetellLeg {
  readonly leg: StreamLeg;
  callId(): string | undefined;
}

export function retellLeg(options: RetellLegOptions): RetellLeg {
  let callId: string | undefined;
  const leg = new StreamLeg({
    kind: 'retell',
    path: `opus/48000 (band of ${RATE} Hz)`,
    inputRate: RATE,
    rate: RATE,
    pace: 'live',
    transport: 'gateway',
    startMs: START_MS,
    overlaps: true,
    open: (told, context) =>
      open(options, told, context, (call) => {
        callId = call.callId;
      }),
  });
  return { leg, callId: () => callId };
}

async function open(
  options: RetellLegOptions,
  told: StreamTold,
  context: OpenContext,
  made: (call: RetellCall) => void,
): Promise<StreamSession> {
  const { account, target, rooms } = options;
  // Before a call is made that may be in a room: its token does not wait for a process. None is begun for the gateway's sake, nor has its call to wait for one that cannot be had.
  if (target.transport !== 'livekit' && target.transport !== 'gateway' && rooms.isInUse())
    await rooms.pool().catch(() => undefined);
  const now = () => {
    const deadline = Math.min(context.deadline, context.clock.now() + CREATE_MS);
    return { ...context, deadline, fetch: options.fetch };
  };
  const create = async (over: Partial<RetellTarget> = {}) => {
    const call = await createAnyCall(account, { ...target, ...over }, now, () => rooms.pool());
    made(call);
    return call;
  };
  const call = await create();
  if (call.transport === 'gateway') {
    if (target.transport === 'livekit')
      throw new BridgeError('MODEL_PROTOCOL', 'a call in a room was asked for, and the API made one of its gateway');
    return openWithWords(call, options, told, context);
  }
  if (target.transport === 'gateway')
    throw new BridgeError('MODEL_PROTOCOL', 'a call of the gateway was asked for, and the API made one in a room');
  const there = { rooms: await rooms.pool(), url: rooms.url };
  try {
    return await openRoomCall(call, there, told, context);
  } catch (error) {
    // A process that had to be started first may have outlived the token: once more, with a new call.
    if (!(error instanceof BridgeError) || error.code !== 'LIVEKIT_REFUSED' || context.signal.aborted)
      throw inWords(error);
    return openRoomCall(await create({ transport: 'livekit' }), there, told, context).catch((again: unknown) => {
      throw inWords(again);
    });
  }
}

/** The gateway tells no words: they come by a way of their own. */
async function openWithWords(
  call: RetellCall,
  { account, gateway, ticker, monitorSocket, fetch }: RetellLegOptions,
  told: StreamTold,
  context: OpenContext,
): Promise<StreamSession> {
  const monitor = new Monitor(account, call.callId, told, context, monitorSocket);
  const hungUp: StreamTold['hungUp'] = (detail) => {
    monitor.end();
    told.hungUp(detail);
  };
  const session = await GatewayCall.open(call, { ...gateway, account, ticker, fetch }, { ...told, hungUp }, context);
  monitor.start();
  return {
    audio: (samples) => session.audio(samples),
    path: () => session.path(),
    close() {
      monitor.close();
      session.close();
    },
  };
}

/** The provider's LiveKit server is a part of the agent's service. */
function inWords(error: unknown): unknown {
  if (!(error instanceof BridgeError)) return error;
  if (error.code === 'LIVEKIT_REFUSED') return new BridgeError('MODEL_REJECTED', error.message, { cause: error });
  if (error.code === 'LIVEKIT_UNREACHABLE')
    return new BridgeError('MODEL_UNAVAILABLE', error.message, { cause: error });
  return error;
}
