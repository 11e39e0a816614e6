import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/call/clock.ts';
import { TelnyxApi } from '../../src/callers/phone/carriers/telnyx/api.ts';
import { TelnyxControl } from '../../src/callers/phone/carriers/telnyx/control.ts';
import { CallNews } from '../../src/callers/phone/carriers/telnyx/news.ts';
import { type Fault, Telnyx, type TelnyxCall } from '../../src/simulator/telnyx/index.ts';
import { ANSWER_MS, type ControlRig, callControlContract, type Failure, TO } from '../contract/call-control.ts';

/** Telnyx's control of calls does what every adapter promises. */

const FAULTS: Record<Failure, Fault> = {
  unavailable: { status: 500 },
  'rate-limited': { status: 429 },
  hang: 'hang',
  malformed: 'malformed',
  cut: 'cut',
  unknown: { status: 404 },
};

const WRONG = 'KEY-wrong-that-nobody-may-see';

async function rig(): Promise<ControlRig<TelnyxCall>> {
  const news = new CallNews(systemClock);
  // A bridge that keeps every call waiting, and hears what its webhooks tell.
  const bridge = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.writeHead(204).end();
    const { event_type: name, payload } = JSON.parse(text).data;
    news.told(payload.call_control_id, name);
  });
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(bridge.address() as AddressInfo).port}`;
  const telnyx = await Telnyx.start({ far: () => ({ outcome: 'answer', ringMs: 20, talkMs: 60_000 }) });
  const make = (apiKey: string) => {
    const api = new TelnyxApi({ apiKey, baseUrl: telnyx.url, timeoutMs: ANSWER_MS, random: () => 0 });
    return new TelnyxControl({ api, news, connectionId: telnyx.side.connectionId });
  };
  const asked = (path: RegExp) => telnyx.requests.filter((request) => path.test(request.path)).length;
  return {
    control: make(telnyx.apiKey),
    carrier: telnyx,
    url: `${base}/incoming-call`,
    waits: (call) => call.status === 'in-progress' && call.commands.length === 0,
    said: (call, words) => call.said.includes(words),
    fail(_action, failure, times) {
      for (let i = 0; i < times; i++) telnyx.faults.push(FAULTS[failure]);
    },
    requests: (action) => asked(action === 'dial' ? /\/v2\/calls$/ : new RegExp(`/actions/${action}$`)),
    withBadToken: () => make(WRONG),
    secrets: [telnyx.apiKey, WRONG, TO],
    async close() {
      await telnyx.close();
      bridge.closeAllConnections();
      await new Promise((resolve) => bridge.close(resolve));
    },
  };
}

callControlContract('Telnyx, Call Control', rig, { digits: true, machineDetection: true });
