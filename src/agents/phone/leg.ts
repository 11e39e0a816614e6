import { dtmfSamples } from '../../call/dtmf-tones.ts';
import type { CallerEvent, CallingState, RingingTone } from '../../call/events.ts';
import type { CallerLeg, LegContext } from '../../call/leg.ts';
import { termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import { link } from '../../media/link.ts';
import type { Dialler } from '../common/dial.ts';
import { TurnEar } from '../common/turn-ear.ts';
import { StreamLeg } from '../stream/leg.ts';
import type { OpenContext, StreamSession, StreamTold } from '../stream/session.ts';
import type { PhoneTarget } from './target.ts';

/** Behind the ringing: the carrier is asked before it, and opens its stream when somebody has answered, ms. */
const AROUND_RINGING_MS = 15_000;

export interface PhoneAgentOptions {
  readonly dialler: Dialler;
  readonly target: PhoneTarget;
  /** Hz in which the two lines meet. */
  readonly rate: number;
}

/**
 * Somebody at a telephone who answers: a person, or a machine that takes calls. Two lines are joined, audio in real time both ways. Who speaks is heard from
 * the audio of both; nothing of what either says is dropped for the other's sake, since two people may speak at once.
 */
export const phoneAgentLeg = (options: PhoneAgentOptions): StreamLeg =>
  new StreamLeg({
    kind: 'phone',
    path: `the line of a phone (at ${options.rate} Hz)`,
    inputRate: options.rate,
    rate: options.rate,
    pace: 'live',
    transport: 'phone',
    startMs: options.target.ring_seconds * 1000 + AROUND_RINGING_MS,
    can: { keys: true },
    overlaps: true,
    mayBeSilent: true,
    open: (told, context) => openLine(options, told, context),
  });

/** Which ringing tone is heard where this number rings. */
export const ringingToneOf = (to: string): RingingTone => (/^\+1/.test(to) ? 'north-america' : 'europe');

async function openLine(
  { dialler, target, rate }: PhoneAgentOptions,
  told: StreamTold,
  context: OpenContext,
): Promise<StreamSession> {
  const { to, from, carrier, ring_seconds: ringSeconds, on_machine: onMachine } = target;
  const { callId, clock, count, log, ticker } = context;
  const tone = ringingToneOf(to);
  const over = new AbortController();
  /** Rejects when he is waited for no more: nobody waits, or a machine took the call. */
  const given = Promise.withResolvers<never>();
  given.promise.catch(() => {});
  const stop = () => {
    over.abort(context.signal.reason);
    given.reject(context.signal.reason);
  };
  context.signal.addEventListener('abort', stop, { once: true });
  if (context.signal.aborted) stop();
  let ready = false;
  let state: CallingState | undefined;
  let leg: CallerLeg | undefined;
  const hangUp = () => {
    if (over.signal.aborted && leg === undefined) return;
    context.signal.removeEventListener('abort', stop);
    over.abort(new BridgeError('ABORTED', 'the call ended'));
    void leg?.close(termination('caller-hangup'));
    leg = undefined;
  };
  const isMachine = () => {
    if (onMachine === 'talk' || over.signal.aborted) return;
    const error = new BridgeError('DIAL_MACHINE', 'a machine took the call');
    if (ready) told.lost(error);
    given.reject(error);
  };
  try {
    const dialled = dialler.dial({
      callId,
      to,
      from,
      carrier,
      ringSeconds,
      refusesMachines: onMachine === 'hang-up',
      told: (now) => {
        if (over.signal.aborted || ready || now === state) return;
        state = now;
        told.calling(now, tone);
      },
      machine: isMachine,
      signal: over.signal,
    });
    // Whoever answers behind that is let go.
    dialled.then(
      ({ leg: late }) => {
        if (over.signal.aborted) void late.close(termination('agent-hangup'));
      },
      () => {},
    );
    const line = await Promise.race([dialled, given.promise]);
    leg = line.leg;
    const ear = new TurnEar(rate, told);
    const toLine = link(rate, leg.audio);
    const peer = link(leg.rate, {
      sampleRate: rate,
      write({ samples }) {
        told.audio(samples);
        ear.agent(samples);
      },
      clear() {},
      toString: () => 'phone',
    });
    const onEvent = (event: CallerEvent) => {
      if (over.signal.aborted) return;
      if (event.type === 'dtmf') told.key(event.digit, event.durationMs);
      else if (event.type === 'ended') {
        const { reason, detail } = event.end;
        if (reason === 'caller-hangup') told.hungUp(detail ?? 'the other end hung up');
        else told.lost(new BridgeError('MODEL_SESSION_LOST', `the line is lost (${reason})`));
      }
    };
    const legContext: LegContext<CallerEvent> = {
      callId,
      peer,
      emit: onEvent,
      count,
      log,
      clock,
      ticker,
      signal: over.signal,
    };
    // It is live from the first frame on.
    leg.setPace?.('live');
    ready = true;
    told.ready(line.carrierCallId);
    await leg.start(legContext);
    return {
      audio(samples) {
        ear.caller(samples);
        toLine.write({ samples, sampleRate: rate });
      },
      key(digit) {
        const { sampleRate } = line.leg.audio;
        if (line.leg.sendDigit?.(digit) !== true)
          line.leg.audio.write({ samples: dtmfSamples(digit, sampleRate), sampleRate, whole: true });
      },
      close: hangUp,
    };
  } catch (error) {
    hangUp();
    over.abort(error);
    throw error;
  }
}
