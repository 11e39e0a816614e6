import { describe, expect, it } from 'vitest';
import {
  SignalWireRelay,
  type SignalWireRelayOptions,
} from '../../../../../../src/callers/phone/carriers/signalwire/relay.ts';
import {
  loadRelaySdk,
  type RelayCall,
  type RelayModule,
} from '../../../../../../src/callers/phone/carriers/signalwire/relay-sdk.ts';
import { ControlError } from '../../../../../../src/callers/phone/control/index.ts';
import { FakeClock } from '../../../../../fakes/clock.ts';

/** The package as it behaves (4.2.1), with its promises in the test's hands. */
class FakeSdk {
  authStatus = 'authorized';
  connects = 0;
  disconnects = 0;
  /** What connecting waits for. */
  connecting: Promise<void> = Promise.resolve();
  listeners: { onConnected?: () => void; onReconnecting?: () => void; onDisconnected?: () => void } = {};
  dials: Array<{
    to: string;
    state: (call: RelayCall) => void;
    resolve: (call: unknown) => void;
    reject: (error: unknown) => void;
  }> = [];

  readonly module: RelayModule = {
    SignalWire: async (options) => {
      this.connects++;
      this.listeners = options.listen ?? {};
      await this.connecting;
      return {
        authStatus: this.authStatus,
        disconnect: async () => {
          this.disconnects++;
        },
        voice: {
          dialPhone: ({ to, listen }) =>
            new Promise((resolve, reject) => {
              this.dials.push({ to, state: (call) => listen?.onStateChanged(call), resolve, reject });
            }),
        },
      };
    },
  };
}

class FakeCall implements RelayCall {
  state = 'created';
  hangups = 0;
  digits: string[] = [];
  hangupWith: () => Promise<void> = () => Promise.resolve();
  digitsWith: () => Promise<unknown> = () => Promise.resolve();
  readonly id: string;
  readonly tag: string;

  constructor(id: string) {
    this.id = id;
    this.tag = `tag-${id}`;
  }

  hangup(): Promise<void> {
    this.hangups++;
    return this.hangupWith();
  }

  sendDigits(digits: string): Promise<unknown> {
    this.digits.push(digits);
    return this.digitsWith();
  }
}

const DIAL = { to: '+15550001111', from: '+15550002222', url: 'https://voice.example.com/incoming-call' };

function rig(options: Partial<SignalWireRelayOptions> = {}) {
  const clock = new FakeClock();
  const sdk = new FakeSdk();
  const statuses: string[] = [];
  const rested: string[] = [];
  const relay = new SignalWireRelay({
    projectId: 'project',
    token: 'token-canary',
    load: async () => sdk.module,
    clock,
    random: () => 1,
    onStatus: (id, status) => void statuses.push(`${id} ${status}`),
    rest: {
      redirect: async (id, url) => void rested.push(`redirect ${id} ${url}`),
      transfer: async (id, to) => void rested.push(`transfer ${id} ${to}`),
      hangup: async (id) => void rested.push(`hangup ${id}`),
    },
    ...options,
  });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  /** Dials and gives the call its id. */
  const made = async (id = 'call-1') => {
    const work = relay.dial(DIAL);
    await turn();
    const call = new FakeCall(id);
    sdk.dials.at(-1)!.state(call);
    expect(await work).toBe(id);
    return { call, dial: sdk.dials.at(-1)! };
  };
  const become = ({ call, dial }: { call: FakeCall; dial: FakeSdk['dials'][number] }, state: string) => {
    call.state = state;
    dial.state(call);
  };
  return { clock, sdk, relay, statuses, rested, turn, made, become };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof ControlError ? error.code : `not ours: ${error}`),
  );

describe('connecting', () => {
  it('happens at the first need, once', async () => {
    const { sdk, made } = rig();
    expect(sdk.connects).toBe(0);
    await made('a');
    await made('b');
    expect(sdk.connects).toBe(1);
  });

  it('has a time limit of its own, since the package never gives up; there is one attempt at a time', async () => {
    const { sdk, relay, clock, turn } = rig();
    const late = Promise.withResolvers<void>();
    sdk.connecting = late.promise;
    const first = codeOf(relay.dial(DIAL));
    await turn();
    clock.advance(9_999);
    await turn();
    clock.advance(1);
    expect(await first).toBe('CONTROL_TIMEOUT');
    const second = relay.dial(DIAL);
    await turn();
    expect(sdk.connects).toBe(1);
    late.resolve();
    await turn();
    sdk.dials[0]?.state(new FakeCall('late'));
    expect(await second).toBe('late');
    expect(sdk.dials).toHaveLength(1);
  });

  it('a token that is not taken is found although the package resolves', async () => {
    const { sdk, relay, turn } = rig();
    sdk.authStatus = 'unauthorized';
    expect(await codeOf(relay.dial(DIAL))).toBe('CONTROL_AUTH');
    await turn();
    expect(sdk.disconnects).toBe(1);
    expect(sdk.dials).toEqual([]);
    sdk.authStatus = 'authorized';
    const again = relay.dial(DIAL);
    await turn();
    sdk.dials[0]?.state(new FakeCall('x'));
    expect(await again).toBe('x');
  });

  it('nothing is asked while the line is broken: the package would send it later', async () => {
    const { sdk, relay, made, turn, clock } = rig();
    await made('a');
    sdk.listeners.onReconnecting?.();
    const lost = codeOf(relay.dial(DIAL));
    await turn();
    clock.advance(10_000);
    expect(await lost).toBe('CONTROL_TIMEOUT');
    expect(sdk.dials).toHaveLength(1);
    const waiting = relay.dial(DIAL);
    await turn();
    sdk.listeners.onConnected?.();
    await turn();
    sdk.dials[1]?.state(new FakeCall('b'));
    expect(await waiting).toBe('b');
    expect(sdk.connects).toBe(1);
  });

  it('a session that the relay ended is made anew', async () => {
    const { sdk, made } = rig();
    await made('a');
    sdk.listeners.onDisconnected?.();
    await made('b');
    expect(sdk.connects).toBe(2);
  });

  it('a package that is not there is named', async () => {
    const error = await loadRelaySdk().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined) {
      expect(error).toMatchObject({ code: 'CONTROL_DEPENDENCY_MISSING' });
      expect((error as Error).message).toContain('npm install @signalwire/realtime-api');
    }
    const { relay } = rig({ load: () => Promise.reject(new ControlError('CONTROL_DEPENDENCY_MISSING', 'absent')) });
    expect(await codeOf(relay.dial(DIAL))).toBe('CONTROL_DEPENDENCY_MISSING');
  });

  it('is over for good after close, also when it came about later', async () => {
    const { sdk, relay, turn } = rig();
    const late = Promise.withResolvers<void>();
    sdk.connecting = late.promise;
    const work = codeOf(relay.dial(DIAL));
    await turn();
    await relay.close();
    late.resolve();
    await turn();
    await turn();
    expect(sdk.disconnects).toBe(1);
    sdk.dials[0]?.state(new FakeCall('x'));
    await work;
    expect(await codeOf(relay.dial(DIAL))).toBe('CONTROL_UNAVAILABLE');
  });
});

describe('dialling', () => {
  it('resolves with the id of its own call and follows it', async () => {
    const { made, become, statuses, rested, turn } = rig();
    const one = await made('a');
    become(one, 'ringing');
    become(one, 'answered');
    become(one, 'answered');
    await turn();
    expect(rested).toEqual([`redirect a ${DIAL.url}`]);
    become(one, 'ending');
    become(one, 'ended');
    expect(statuses).toEqual(['a initiated', 'a ringing', 'a in-progress', 'a completed']);
  });

  it('one dial at a time, each until its call has an id', async () => {
    const { relay, sdk, turn } = rig();
    const works = [relay.dial(DIAL), relay.dial({ ...DIAL, to: '+15550001112' })];
    await turn();
    expect(sdk.dials.map(({ to }) => to)).toEqual([DIAL.to]);
    sdk.dials[0]?.state(new FakeCall('a'));
    await turn();
    expect(sdk.dials.map(({ to }) => to)).toEqual([DIAL.to, '+15550001112']);
    // The package resolves and rejects the second with what became of the first.
    sdk.dials[1]?.reject({ tag: 'tag-a', dialState: 'failed', reason: 'busy' });
    await turn();
    sdk.dials[1]?.state(new FakeCall('b'));
    expect(await Promise.all(works)).toEqual(['a', 'b']);
  });

  it('the package resolving with somebody else’s call changes nothing', async () => {
    const { relay, sdk, turn } = rig();
    const work = relay.dial(DIAL);
    await turn();
    sdk.dials[0]?.resolve(new FakeCall('foreign'));
    await turn();
    sdk.dials[0]?.state(new FakeCall('own'));
    expect(await work).toBe('own');
  });

  it('a dial that fails says why, without a number', async () => {
    const { relay, sdk, turn } = rig();
    const work = relay.dial(DIAL);
    await turn();
    sdk.dials[0]?.reject({ tag: 'unknown', dialState: 'failed', reason: 'no route to 15550001111' });
    await expect(work).rejects.toMatchObject({ code: 'CONTROL_REJECTED', uncertain: false });
    await expect(work).rejects.not.toThrow('5550001111');
  });

  it.each([
    [{ code: '401', message: 'Unauthorized' }, 'CONTROL_AUTH', 1],
    [{ code: '422', message: 'Unprocessable' }, 'CONTROL_REJECTED', 1],
    [{ code: '500', message: 'Oops' }, 'CONTROL_UNAVAILABLE', 1],
    [{ code: '429', message: 'Slow down' }, 'CONTROL_RATE_LIMITED', 3],
    [Symbol('connection closed'), 'CONTROL_UNAVAILABLE', 1],
  ])('%j is %s', async (failure, code, tries) => {
    const { relay, sdk, turn, clock } = rig();
    const work = codeOf(relay.dial(DIAL));
    for (let i = 0; i < tries; i++) {
      await turn();
      expect(sdk.dials).toHaveLength(i + 1);
      sdk.dials[i]?.reject(failure);
      await turn();
      clock.advance(400);
    }
    expect(await work).toBe(code);
    expect(sdk.dials).toHaveLength(tries);
  });

  it('a call that comes after the asker was told of a failure is hung up', async () => {
    const { relay, sdk, turn, clock, statuses } = rig();
    const work = codeOf(relay.dial(DIAL));
    await turn();
    clock.advance(5_000);
    expect(await work).toBe('CONTROL_TIMEOUT');
    const orphan = new FakeCall('orphan');
    sdk.dials[0]?.state(orphan);
    await turn();
    expect(orphan.hangups).toBe(1);
    expect(statuses).toEqual([]);
  });

  it('a call that cannot be given its instructions is hung up', async () => {
    const { made, become, turn } = rig({
      rest: {
        redirect: () => Promise.reject(new ControlError('CONTROL_UNAVAILABLE', 'down')),
        transfer: async () => {},
        hangup: async () => {},
      },
    });
    const one = await made('a');
    become(one, 'answered');
    await turn();
    expect(one.call.hangups).toBe(1);
  });

  it('a transfer waits until the call has its first instructions, which would undo it', async () => {
    const redirected = Promise.withResolvers<void>();
    const did: string[] = [];
    const { made, become, turn, relay } = rig({
      rest: {
        redirect: async () => {
          await redirected.promise;
          did.push('redirect');
        },
        transfer: async (id, to) => void did.push(`transfer ${id} ${to}`),
        hangup: async () => {},
      },
    });
    const one = await made('a');
    become(one, 'answered');
    const work = relay.transfer('a', '+15550003333');
    await turn();
    expect(did).toEqual([]);
    redirected.resolve();
    await work;
    expect(did).toEqual(['redirect', 'transfer a +15550003333']);
  });

  it('a transfer that overtakes the news of the answer is not undone by it; one that failed leaves all as it was', async () => {
    let fail = true;
    const did: string[] = [];
    const { made, become, turn, relay } = rig({
      rest: {
        redirect: async (id) => void did.push(`redirect ${id}`),
        transfer: async (id) => {
          did.push(`transfer ${id}`);
          await turn();
          if (fail) throw new ControlError('CONTROL_REJECTED', 'no');
        },
        hangup: async () => {},
      },
    });
    const one = await made('a');
    const failing = codeOf(relay.transfer('a', '+15550003333'));
    become(one, 'answered');
    expect(await failing).toBe('CONTROL_REJECTED');
    await turn();
    expect(did).toEqual(['transfer a', 'redirect a']);
    fail = false;
    const other = await made('b');
    const work = relay.transfer('b', '+15550003333');
    become(other, 'answered');
    await work;
    await turn();
    expect(did.slice(2)).toEqual(['transfer b']);
  });

  it('a call nobody answers has failed', async () => {
    const { made, become, statuses } = rig();
    const one = await made('a');
    become(one, 'ended');
    expect(statuses).toEqual(['a initiated', 'a failed']);
  });

  it('without REST there is no media stream, so nothing is dialled', async () => {
    const { relay, sdk } = rig({ rest: undefined });
    expect(await codeOf(relay.dial(DIAL))).toBe('CONTROL_UNSUPPORTED');
    expect(sdk.connects).toBe(0);
  });
});

describe('hanging up', () => {
  it('is done when the call ends, though the package never says so', async () => {
    const { made, become, relay, turn } = rig();
    const one = await made('a');
    one.call.hangupWith = () => new Promise(() => {});
    const work = codeOf(relay.hangup('a'));
    await turn();
    become(one, 'ended');
    expect(await work).toBe('done');
    await relay.hangup('a');
    expect(one.call.hangups).toBe(1);
  });

  it('is tried three times', async () => {
    const { made, relay, turn, clock } = rig();
    const one = await made('a');
    one.call.hangupWith = () => new Promise(() => {});
    const work = codeOf(relay.hangup('a'));
    for (const ms of [5_000, 200, 5_000, 400, 5_000]) {
      await turn();
      clock.advance(ms);
    }
    expect(await work).toBe('CONTROL_TIMEOUT');
    expect(one.call.hangups).toBe(3);
  });

  it('of a call that the relay does not know is done', async () => {
    const { made, relay, statuses } = rig();
    const one = await made('a');
    one.call.hangupWith = () => Promise.reject({ code: '404', message: 'Call does not exist' });
    await relay.hangup('a');
    expect(statuses.at(-1)).toBe('a failed');
  });

  it('of a call that it did not make goes by REST, or not at all', async () => {
    const { relay, rested } = rig();
    await relay.hangup('foreign');
    expect(rested).toEqual(['hangup foreign']);
    expect(await codeOf(rig({ rest: undefined }).relay.hangup('foreign'))).toBe('CONTROL_UNSUPPORTED');
  });
});

describe('digits', () => {
  it('are played once, and not again when it is not known whether they were', async () => {
    const { made, relay, turn, clock } = rig();
    const one = await made('a');
    await relay.sendDigits('a', '12');
    one.call.digitsWith = () => new Promise(() => {});
    const work = codeOf(relay.sendDigits('a', '34'));
    let settled = false;
    void work.then(() => {
      settled = true;
    });
    await turn();
    // A digit takes its time to be played; that is no failure.
    clock.advance(5_000 + 2 * 600 - 1);
    await turn();
    expect(settled).toBe(false);
    clock.advance(1);
    expect(await work).toBe('CONTROL_TIMEOUT');
    expect(one.call.digits).toEqual(['12', '34']);
  });

  it('for a call that ends meanwhile, is over, or is not ours', async () => {
    const { made, become, relay } = rig();
    const one = await made('a');
    one.call.digitsWith = () =>
      Promise.reject(new Error("Call is ended or about to end, couldn't send digits in time."));
    expect(await codeOf(relay.sendDigits('a', '1'))).toBe('CONTROL_GONE');
    become(one, 'ended');
    expect(await codeOf(relay.sendDigits('a', '1'))).toBe('CONTROL_GONE');
    expect(await codeOf(relay.sendDigits('foreign', '1'))).toBe('CONTROL_UNSUPPORTED');
  });
});
