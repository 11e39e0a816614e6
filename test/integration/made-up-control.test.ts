import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ANSWER_MS, type ControlRig, callControlContract, type Failure, TO } from '../contract/call-control.ts';
import { TideControl } from '../fixtures/kinds/carrier/control.ts';
import { type Fault, Tide, type TideCall } from '../fixtures/kinds/carrier/far-end.ts';

/** The made-up carrier's control of calls does what every adapter promises: its API is of JSON, with a key. */

const FAULTS: Record<Failure, Fault> = {
  unavailable: { status: 500 },
  'rate-limited': { status: 429 },
  hang: 'hang',
  malformed: 'malformed',
  cut: 'cut',
  unknown: { status: 404 },
};

const WRONG = 'wrong-key-that-nobody-may-see';

async function rig(): Promise<ControlRig<TideCall>> {
  // A bridge that keeps every call waiting.
  const bridge = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json').end('[{"action":"wait"}]');
  });
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(bridge.address() as AddressInfo).port}`;
  const tide = new Tide({ bridge: base });
  const url = await tide.listen();
  const { account, key } = tide.options;
  const make = (given: string) => new TideControl({ account, key: given, url, timeoutMs: ANSWER_MS, random: () => 0 });
  const told = (action: string) =>
    tide.requests.filter(({ method, body }) => method === 'PUT' && body.includes(action));
  return {
    control: make(key),
    carrier: tide,
    url: `${base}/incoming-call`,
    waits: (call) => call.steps.some(({ action }) => action === 'wait'),
    said: (call, words) => call.steps.some(({ action, text }) => action === 'talk' && text === words),
    fail(_action, failure, times) {
      for (let i = 0; i < times; i++) tide.faults.push(FAULTS[failure]);
    },
    requests: (action) =>
      action === 'dial'
        ? tide.requests.filter(({ method }) => method === 'POST').length
        : told(action === 'hangup' ? '"hangup"' : '"dial"').length,
    withBadToken: () => make(WRONG),
    secrets: [key, WRONG, TO],
    async close() {
      await tide.close();
      bridge.closeAllConnections();
      await new Promise((resolve) => bridge.close(resolve));
    },
  };
}

callControlContract('an API of JSON', rig, { digits: true, machineDetection: false });
