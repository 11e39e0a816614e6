import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LamlControl } from '../../src/callers/phone/carriers/laml/control.ts';
import { PlivoCalls } from '../../src/callers/phone/carriers/plivo/calls.ts';
import { PlivoControl } from '../../src/callers/phone/carriers/plivo/control.ts';
import { SignalWireRelay } from '../../src/callers/phone/carriers/signalwire/relay.ts';
import type { RelayModule } from '../../src/callers/phone/carriers/signalwire/relay-sdk.ts';
import { signalWireRest } from '../../src/callers/phone/carriers/signalwire/rest.ts';
import { twilioRest } from '../../src/callers/phone/carriers/twilio/rest.ts';
import {
  type CarrierCall,
  type CarrierServer,
  type RelayFault,
  type RestFault,
  startCarrier,
} from '../../src/simulator/carrier/index.ts';
import {
  ANSWER_MS,
  type ControlRig,
  callControlContract,
  type Failure,
  FROM,
  TO,
  until,
} from '../contract/call-control.ts';

const TOKEN = 'secret-token-of-the-account-0123456789';

/** A bridge that keeps every call waiting, and serves documents that it was given. */
async function bridge() {
  const documents: string[] = [];
  const server = createServer((request, response) => {
    const index = /^\/document\/(\d+)$/.exec(request.url ?? '')?.[1];
    const waiting = '<Response><Pause length="600"/></Response>';
    request.resume();
    response.setHeader('content-type', 'text/xml').end(index === undefined ? waiting : documents[Number(index)]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${base}/incoming-call`,
    host: (document: string) => `${base}/document/${documents.push(document) - 1}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const REST_FAULTS: Record<Failure, RestFault> = {
  unavailable: { kind: 'status', status: 500 },
  'rate-limited': { kind: 'status', status: 429, retryAfter: '0' },
  hang: { kind: 'hang' },
  malformed: { kind: 'malformed' },
  cut: { kind: 'lost-answer' },
  unknown: { kind: 'status', status: 404 },
};

/** What a call did, by the stand-in's own timeline. */
const timeline: Pick<ControlRig<CarrierCall>, 'waits' | 'said'> = {
  waits: (call) => call.timeline.entries.some(({ text }) => text.includes('<Pause>')),
  said: (call, words) => call.timeline.entries.some(({ text }) => text === `<Say> ${words}`),
};

function restRig(name: 'twilio' | 'signalwire') {
  return async (): Promise<ControlRig<CarrierCall>> => {
    const far = await bridge();
    const carrier = await startCarrier({ carrier: name, token: TOKEN, verbTimeScale: 1 });
    const { accountSid } = carrier;
    const common = { baseUrl: carrier.url, timeoutMs: ANSWER_MS, random: () => 0 };
    const make = (token: string): LamlControl =>
      name === 'twilio'
        ? twilioRest({ accountSid, authToken: token, ...common })
        : signalWireRest({ projectId: accountSid, token, host: far.host, ...common });
    const control = make(TOKEN);
    const updates = (key: string) =>
      carrier.requests.filter(({ path, form }) => /Calls\/[^/]+$/.test(path) && key in form).length;
    return {
      ...timeline,
      control,
      carrier,
      url: far.url,
      fail: (_action, failure, times) => {
        for (let i = 0; i < times; i++) carrier.faults.add(REST_FAULTS[failure]);
      },
      requests: (action) =>
        action === 'dial'
          ? carrier.requests.filter(({ path }) => /\/Calls(\.json)?$/.test(path)).length
          : action === 'hangup'
            ? updates('Status')
            : updates(name === 'twilio' ? 'Twiml' : 'Url'),
      withBadToken: () => make('wrong-token-that-nobody-may-see'),
      secrets: [
        TOKEN,
        'wrong-token-that-nobody-may-see',
        Buffer.from(`${accountSid}:wrong`).toString('base64').slice(0, 40),
        TO,
      ],
      close: async () => {
        await control.close();
        await carrier.close();
        far.close();
      },
    };
  };
}

/** As the daemon's webhooks do, a bridge tells the control of both ids of a call that was placed. */
async function plivoRig(): Promise<ControlRig<CarrierCall>> {
  const calls = new PlivoCalls();
  const documents: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    calls.tell(form.get('RequestUUID') ?? '', form.get('CallUUID') ?? '');
    const index = /^\/document\/(\d+)$/.exec(request.url ?? '')?.[1];
    const waiting = '<Response><Wait length="600"/></Response>';
    response.setHeader('content-type', 'text/xml').end(index === undefined ? waiting : documents[Number(index)]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const carrier = await startCarrier({ carrier: 'plivo', token: TOKEN, verbTimeScale: 1 });
  const host = (document: string) => `${base}/document/${documents.push(document) - 1}`;
  const make = (authToken: string) =>
    new PlivoControl({
      authId: carrier.accountSid,
      authToken,
      baseUrl: carrier.url,
      calls,
      host,
      timeoutMs: ANSWER_MS,
      random: () => 0,
    });
  const control = make(TOKEN);
  // The tests look calls up by the id that they were given.
  const named = (call: CarrierCall): CarrierCall =>
    new Proxy(call, {
      get: (of, name) => {
        if (name === 'sid') return of.requestSid;
        const value: unknown = Reflect.get(of, name, of);
        // It is answered when the bridge was asked what to do, and told both ids with that.
        const isKnown = calls.idOf(of.requestSid ?? '') === of.sid;
        if (name === 'status' && value === 'in-progress' && !isKnown) return 'ringing';
        return typeof value === 'function' ? value.bind(of) : value;
      },
    });
  const updates = (method: string, key: string) =>
    carrier.requests.filter(
      ({ method: asked, path, form }) =>
        asked === method && /\/Call\/[^/]+\/$/.test(path) && (key === '' || key in form),
    ).length;
  return {
    ...timeline,
    control,
    carrier: {
      get calls() {
        return carrier.calls.map(named);
      },
      requests: carrier.requests,
      relayRequests: carrier.relayRequests,
    },
    url: `${base}/incoming-call`,
    fail: (_action, failure, times) => {
      for (let i = 0; i < times; i++) carrier.faults.add(REST_FAULTS[failure]);
    },
    requests: (action) =>
      action === 'dial'
        ? carrier.requests.filter(({ path }) => path.endsWith('/Call/')).length
        : action === 'hangup'
          ? updates('DELETE', '')
          : updates('POST', 'aleg_url'),
    withBadToken: () => make('wrong-token-that-nobody-may-see'),
    secrets: [
      TOKEN,
      'wrong-token-that-nobody-may-see',
      Buffer.from(`${carrier.accountSid}:wrong`).toString('base64').slice(0, 30),
      TO,
    ],
    close: async () => {
      await control.close();
      await carrier.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

callControlContract('Plivo REST', plivoRig, { digits: true, machineDetection: true });
callControlContract('Twilio REST', restRig('twilio'), { digits: false, machineDetection: true });
callControlContract('SignalWire REST', restRig('signalwire'), { digits: false, machineDetection: true });

describe.each(['twilio', 'signalwire'] as const)('a call in the REST API of the simulated %s', (name) => {
  it('is shown as it is at any moment, and never changed by that', async () => {
    const far = await bridge();
    const carrier = await startCarrier({ carrier: name, token: TOKEN, verbTimeScale: 1 });
    const prefix = name === 'twilio' ? '' : '/api/laml';
    const at = (sid: string) => `${carrier.url}${prefix}/2010-04-01/Accounts/${carrier.accountSid}/Calls/${sid}.json`;
    const authorization = `Basic ${Buffer.from(`${carrier.accountSid}:${TOKEN}`).toString('base64')}`;
    const get = (sid: string, headers: Record<string, string> = { authorization }) => fetch(at(sid), { headers });
    try {
      const call = carrier.callIn({ from: FROM, to: TO, webhookUrl: far.url });
      await until(() => call.status === 'in-progress', 'the call is answered');
      const shown = await get(call.sid);
      expect(shown.status).toBe(200);
      expect(await shown.json()).toMatchObject({
        sid: call.sid,
        from: FROM,
        to: TO,
        status: 'in-progress',
        direction: 'inbound',
      });
      expect(call.status).toBe('in-progress');
      expect((await get('CA00000000000000000000000000000000')).status).toBe(404);
      expect((await get(call.sid, {})).status).toBe(401);
      expect((await fetch(at(call.sid), { method: 'DELETE', headers: { authorization } })).status).toBe(405);
      call.hangUp();
      await call.done;
      expect(await (await get(call.sid)).json()).toMatchObject({ status: 'completed' });
    } finally {
      await carrier.close();
      far.close();
    }
  });
});

/** The optional package, from here or from a folder that RELAY_SDK_DIR names. */
async function relaySdk(): Promise<RelayModule | undefined> {
  for (const folder of [import.meta.dirname, process.env['RELAY_SDK_DIR']]) {
    if (folder === undefined) continue;
    try {
      return createRequire(join(folder, 'index.js'))('@signalwire/realtime-api') as RelayModule;
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

const sdk = await relaySdk();

const RELAY_FAULTS: Record<Failure, RelayFault> = {
  unavailable: { kind: 'error', code: '500' },
  'rate-limited': { kind: 'error', code: '429' },
  hang: { kind: 'hang' },
  malformed: { kind: 'malformed' },
  cut: { kind: 'drop' },
  unknown: { kind: 'error', code: '404' },
};

const RELAY_METHODS = { hangup: 'calling.end', dial: 'calling.dial', transfer: 'none' } as const;

async function relayRig(): Promise<ControlRig<CarrierCall> & { readonly carrier: CarrierServer }> {
  const far = await bridge();
  const carrier = await startCarrier({ carrier: 'signalwire', token: TOKEN, verbTimeScale: 1 });
  const { accountSid } = carrier;
  const make = (token: string) =>
    new SignalWireRelay({
      projectId: accountSid,
      token,
      host: carrier.relayUrl,
      load: async () => sdk!,
      requestTimeoutMs: ANSWER_MS,
      connectTimeoutMs: 8_000,
      random: () => 0,
      rest: signalWireRest({
        projectId: accountSid,
        token: TOKEN,
        host: far.host,
        baseUrl: carrier.url,
        timeoutMs: ANSWER_MS,
        random: () => 0,
      }),
    });
  const control = make(TOKEN);
  return {
    ...timeline,
    control,
    carrier,
    url: far.url,
    fail: (action, failure, times) => {
      for (let i = 0; i < times; i++)
        carrier.relayFaults.add({ ...RELAY_FAULTS[failure], method: RELAY_METHODS[action] });
    },
    requests: (action) => carrier.relayRequests.filter(({ method }) => method === RELAY_METHODS[action]).length,
    withBadToken: () => make('wrong-token-that-nobody-may-see'),
    secrets: [TOKEN, 'wrong-token-that-nobody-may-see', TO],
    close: async () => {
      await control.close();
      await carrier.close();
      far.close();
    },
  };
}

if (sdk === undefined) {
  describe('CallControl: SignalWire relay', () => {
    it('works with the real package', ({ skip }) =>
      skip('@signalwire/realtime-api is not installed; install it, or name a folder that has it in RELAY_SDK_DIR'));
  });
} else {
  callControlContract('SignalWire relay', relayRig, { digits: true, machineDetection: false });

  describe('SignalWire relay with the real package', () => {
    it('gives parallel dials each their own call', async () => {
      const rig = await relayRig();
      try {
        const numbers = ['+15550004441', '+15550004442', '+15550004443'];
        const ids = await Promise.all(numbers.map((to) => rig.control.dial({ to, from: FROM, url: rig.url })));
        const called = ids.map((id) => rig.carrier.calls.find(({ sid }) => sid === id)?.to);
        expect(called).toEqual(numbers);
        await until(() => rig.carrier.calls.every(({ status }) => status === 'in-progress'), 'all are answered');
      } finally {
        await rig.close();
      }
    });

    it('connects again after a break and still holds its calls', async () => {
      const rig = await relayRig();
      try {
        const id = await rig.control.dial({ to: TO, from: FROM, url: rig.url });
        const call = rig.carrier.calls.find(({ sid }) => sid === id)!;
        await until(() => call.status === 'in-progress', 'the call is answered');
        rig.carrier.dropRelay();
        await new Promise((resolve) => setTimeout(resolve, 100));
        await rig.control.hangup(id);
        await until(() => call.isOver, 'the call ends');
        expect(rig.carrier.relayRequests.filter(({ method }) => method === 'signalwire.connect')).toHaveLength(2);
      } finally {
        await rig.close();
      }
    });
  });
}
