import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallControl } from '../../src/callers/phone/control/index.ts';
import { ControlError } from '../../src/callers/phone/control/index.ts';

/** A kind of failure, put in the carrier's own way by each rig. `times` requests fail. */
/** How long a control under test waits for an answer, ms: a carrier on a busy machine answers within it, and what hangs is given up soon enough. */
export const ANSWER_MS = 1_500;

export type Failure = 'unavailable' | 'rate-limited' | 'hang' | 'malformed' | 'cut' | 'unknown';

/** A call, as the far end has it. */
export interface FarCall {
  readonly sid: string;
  readonly direction: string;
  readonly from: string;
  readonly to: string;
  /** In the carriers' words: `CallStatus`. */
  readonly status: string;
  readonly isOver: boolean;
  /** Resolves when it is over. */
  readonly done: Promise<void>;
  /** Numbers that it was connected to, and keys that were played to it, in order. */
  readonly dialled: readonly string[];
  readonly digits: readonly string[];
  /** A media stream that it has. */
  readonly stream: unknown;
  hangUp(): void;
}

/** A carrier that stands in for the real one; its requests are those that reached it. */
export interface FarCarrier<Call extends FarCall> {
  readonly calls: readonly Call[];
  readonly requests: readonly unknown[];
  readonly relayRequests: ReadonlyArray<{ readonly method: string }>;
}

export interface ControlRig<Call extends FarCall = FarCall> {
  readonly control: CallControl;
  readonly carrier: FarCarrier<Call>;
  /** Whether the call follows the instructions at `url`, and whether this was said to its far party. */
  waits(call: Call): boolean;
  said(call: Call, words: string): boolean;
  /** Instructions of a bridge that keep a call alive until something else comes. */
  readonly url: string;
  /** Makes the next requests of this action fail. */
  fail(action: 'hangup' | 'dial' | 'transfer', failure: Failure, times: number): void;
  /** Requests the carrier got for this action. */
  requests(action: 'hangup' | 'dial' | 'transfer'): number;
  /** The same adapter with a token that the carrier does not take. */
  withBadToken(): CallControl;
  /** What must never be seen in an error. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

export const TO = '+15550001111';
export const FROM = '+15550002222';
const ELSEWHERE = '+15550003333';

/** Waits until `check` holds; fails after twenty seconds. */
export async function until(check: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (check()) return;
    await sleep(10);
  }
  throw new Error(`not within twenty seconds: ${what}`);
}

async function failureOf(work: Promise<unknown>): Promise<ControlError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ControlError);
  return error as ControlError;
}

/** What every adapter of CallControl promises, whatever its carrier. */
export function callControlContract<Call extends FarCall>(
  name: string,
  make: () => Promise<ControlRig<Call>>,
  has: { readonly digits: boolean; readonly machineDetection: boolean },
): void {
  describe(`CallControl: ${name}`, () => {
    let rig: ControlRig<Call>;
    beforeEach(async () => {
      rig = await make();
    });
    afterEach(() => rig.close());

    const dial = () => rig.control.dial({ to: TO, from: FROM, url: rig.url, timeoutSeconds: 30 });
    const live = async (): Promise<Call> => {
      const id = await dial();
      const call = rig.carrier.calls.find(({ sid }) => sid === id);
      if (call === undefined) throw new Error('the carrier does not know the call');
      await until(() => call.status === 'in-progress', 'the call is answered');
      return call;
    };

    it('dials, and the call goes on with the instructions at the URL', async () => {
      const call = await live();
      expect(call).toMatchObject({ to: TO, from: FROM, direction: 'outbound-api' });
      expect(rig.carrier.calls).toHaveLength(1);
      await until(() => rig.waits(call), 'instructions run');
    });

    it('hangs up; a call that is over counts as hung up', async () => {
      const call = await live();
      await rig.control.hangup(call.sid);
      await until(() => call.isOver, 'the call ends');
      expect(call.status).toBe('completed');
      await call.done;
      await rig.control.hangup(call.sid);
    });

    it('hangs up a call that rings', async () => {
      const id = await dial();
      await rig.control.hangup(id);
      await until(() => rig.carrier.calls[0]?.isOver === true, 'the call ends');
    });

    it('a call that the carrier never knew counts as hung up', async () => {
      await rig.control.hangup('CA00000000000000000000000000000000');
    });

    it('transfers: the call goes on elsewhere', async () => {
      const call = await live();
      await rig.control.transfer(call.sid, ELSEWHERE, { say: 'Wait & "see" <3', callerId: FROM });
      await until(() => call.dialled.length > 0, 'the other number is dialled');
      expect(call.dialled).toEqual([ELSEWHERE]);
      expect(rig.said(call, 'Wait & "see" <3')).toBe(true);
    });

    it('says that a call is gone which it should transfer', async () => {
      const call = await live();
      call.hangUp();
      await call.done;
      expect(await failureOf(rig.control.transfer(call.sid, ELSEWHERE))).toMatchObject({
        code: 'CONTROL_GONE',
        retryable: false,
      });
    });

    it(has.digits ? 'plays digits' : 'says that it cannot play digits, and asks nothing of the carrier', async () => {
      const call = await live();
      const before = rig.carrier.requests.length + rig.carrier.relayRequests.length;
      if (has.digits) {
        await rig.control.sendDigits(call.sid, '12w#');
        expect(call.digits).toEqual(['12w#']);
      } else {
        expect(await failureOf(rig.control.sendDigits(call.sid, '12w#'))).toMatchObject({
          code: 'CONTROL_UNSUPPORTED',
          retryable: false,
        });
        expect(rig.carrier.requests.length + rig.carrier.relayRequests.length).toBe(before);
        expect(call.stream).toBeUndefined();
        expect(call.status).toBe('in-progress');
      }
    });

    it('tries a hang-up again, twice', async () => {
      const call = await live();
      rig.fail('hangup', 'unavailable', 2);
      await rig.control.hangup(call.sid);
      expect(rig.requests('hangup')).toBe(3);
      await until(() => call.isOver, 'the call ends');
    });

    it('gives up after the second retry', async () => {
      const call = await live();
      rig.fail('hangup', 'unavailable', 3);
      expect(await failureOf(rig.control.hangup(call.sid))).toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
      expect(rig.requests('hangup')).toBe(3);
      expect(call.isOver).toBe(false);
    });

    it('a carrier that knows nothing of the call has hung it up', async () => {
      const call = await live();
      rig.fail('hangup', 'unknown', 1);
      await rig.control.hangup(call.sid);
      expect(rig.requests('hangup')).toBe(1);
    });

    it('a hang-up survives a carrier that does not answer, and one that cuts the line', async () => {
      const call = await live();
      rig.fail('hangup', 'hang', 1);
      rig.fail('hangup', 'cut', 1);
      await rig.control.hangup(call.sid);
      await until(() => call.isOver, 'the call ends');
    });

    it('a dial that was turned away is tried again', async () => {
      rig.fail('dial', 'rate-limited', 2);
      await dial();
      expect(rig.requests('dial')).toBe(3);
      expect(rig.carrier.calls).toHaveLength(1);
    });

    it('a dial that may have gone through is not tried again: nobody is rung twice', async () => {
      for (const failure of ['unavailable', 'hang', 'cut', 'malformed'] as const) {
        const before = rig.requests('dial');
        rig.fail('dial', failure, 1);
        expect((await failureOf(dial())).uncertain, failure).toBe(true);
        expect(rig.requests('dial') - before, failure).toBe(1);
      }
    });

    it('a call that was asked to ring after the asker gave up is ended or was never made', async () => {
      const controller = new AbortController();
      controller.abort();
      expect(
        await failureOf(rig.control.dial({ to: TO, from: FROM, url: rig.url, signal: controller.signal })),
      ).toMatchObject({ code: 'CONTROL_ABORTED' });
      expect(rig.carrier.calls).toHaveLength(0);
    });

    it('says when the carrier does not take the token, once, and tells no secret', async () => {
      const control = rig.withBadToken();
      try {
        const error = await failureOf(control.dial({ to: TO, from: FROM, url: rig.url }));
        expect(error).toMatchObject({ code: 'CONTROL_AUTH', retryable: false, uncertain: false });
        for (const secret of rig.secrets) expect(`${error.message} ${error.stack}`).not.toContain(secret);
      } finally {
        await control.close();
      }
    });

    it(has.machineDetection ? 'asks for machine detection' : 'says that it cannot detect machines', async () => {
      const work = rig.control.dial({ to: TO, from: FROM, url: rig.url, machineDetection: 'detect' });
      if (has.machineDetection) await work;
      else expect(await failureOf(work)).toMatchObject({ code: 'CONTROL_UNSUPPORTED' });
    });

    it('asks no carrier for what makes no sense', async () => {
      const bad = [
        rig.control.hangup('../Messages'),
        rig.control.hangup(''),
        rig.control.transfer('CA1', '5551234'),
        rig.control.transfer('CA1', ELSEWHERE, { callerId: 'me' }),
        rig.control.sendDigits('CA1', '12 34'),
        rig.control.dial({ to: 'sip:somebody@example.com', from: FROM, url: rig.url }),
        rig.control.dial({ to: TO, from: '', url: rig.url }),
        rig.control.dial({ to: TO, from: FROM, url: '/incoming-call' }),
        rig.control.dial({ to: TO, from: FROM, url: rig.url, timeoutSeconds: 0 }),
      ];
      for (const work of bad) {
        const error = await failureOf(work);
        expect(error.code).toBe('CONTROL_INVALID');
        expect(error.message).not.toMatch(/\d{7}/);
      }
      expect(rig.carrier.requests).toEqual([]);
      expect(rig.carrier.relayRequests.filter(({ method }) => method.startsWith('calling.'))).toEqual([]);
    });
  });
}
