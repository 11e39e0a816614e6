import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CarrierServer, startCarrier } from '../../src/simulator/carrier/index.ts';
import { newAccountSid } from '../../src/simulator/phone/carrier.ts';
import { scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { type Nginx, nginxKeepAlive, noNginx } from './nginx.ts';
import { askAsOperator } from './operator.ts';
import { asked, until } from './rig.ts';
import { startWorkers, type Workers } from './workers-rig.ts';

/** Several processes behind a real nginx that keeps its connections: what is ordered, shown and kept is of all of them. */

const PUBLIC = 'https://voice.example.com';
const THEIRS = '+12025551111';
const REST = 'rest-token-of-the-account';
const SIGNING = 'signing-secret-of-the-carrier';

it('is tried with a real nginx', ({ skip }) => {
  if (noNginx !== undefined) skip(noNginx);
});

describe.skipIf(noNginx !== undefined)('two processes behind nginx', () => {
  let daemon: Workers;
  let door: Nginx;
  let carrier: CarrierServer;
  beforeAll(async () => {
    const accountSid = newAccountSid('twilio');
    const bridge = { local: '', public: PUBLIC };
    carrier = await startCarrier({
      carrier: 'twilio',
      accountSid,
      token: REST,
      signingSecret: SIGNING,
      bridge,
      source: scriptSource([{ pauseMs: 1_500 }, toneSource(440, { ms: 600 })]),
    });
    daemon = await startWorkers({
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: `${REST},${SIGNING}`,
      TWILIO_API_URL: carrier.url,
      PUBLIC_URL: PUBLIC,
      TRUST_PROXY: 'loopback',
      OUTBOUND_FROM: '+12025559999',
      OUTBOUND_CONCURRENT: '3',
      SILENCE_SECONDS: '0',
      DIAL_ALLOW: '+1202',
      RECORDING: 'wav',
      RECORDING_CONSENT: 'operator',
      PROMPTS_DIR: join(import.meta.dirname, '../fixtures/prompts'),
    });
    door = await nginxKeepAlive(daemon.url);
    bridge.local = door.url;
  }, 150_000);
  afterAll(async () => {
    await carrier?.close();
    await door?.close();
    await daemon?.close();
  });

  const ask = (path: string, init?: RequestInit) => askAsOperator(`${door.url}${path}`, init);
  const order = (to: string, key?: string) =>
    ask('/calls', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
      body: JSON.stringify({ to }),
    });

  it('place one call for one key, however often it is ordered at once, and no more at a time than all of them may', async () => {
    const orders = await Promise.all(Array.from({ length: 8 }, () => order(THEIRS, 'one-order')));
    const answers = await Promise.all(
      orders.map(async (one) => ({ status: one.status, body: (await one.json()) as Record<string, unknown> })),
    );
    const placed = answers.filter(({ status }) => status === 201);
    expect(placed.length).toBeGreaterThan(0);
    expect(new Set(placed.map(({ body }) => body['id'])).size).toBe(1);
    // Whoever asked while the first was not answered yet is told to ask again.
    expect(answers.filter(({ status }) => status !== 201).map(({ body }) => body)).toEqual(
      answers
        .filter(({ status }) => status !== 201)
        .map(() => expect.objectContaining({ error: expect.objectContaining({ retryable: true }) })),
    );
    expect((await (await order(THEIRS, 'one-order')).json()) as object).toMatchObject({ id: placed[0]!.body['id'] });
    expect(carrier.calls).toHaveLength(1);

    const others = await Promise.all(Array.from({ length: 6 }, (_, n) => order(`+1202555222${n}`)));
    expect(others.map(({ status }) => status).sort()).toEqual([201, 201, 429, 429, 429, 429]);
    expect(carrier.calls).toHaveLength(3);
    await until(() => carrier.calls.every(({ stream }) => stream !== undefined), 'all have answered', 20_000);
  });

  it('show one console, one list of calls, and each record and recording, whichever has them', async () => {
    for (let n = 0; n < 6; n++) {
      // A process that has no time to answer is named, and its calls are missing then.
      const list = await asked(async () => {
        const told = (await (await ask('/calls')).json()) as { calls: unknown[]; unreachable?: string[] };
        return told.unreachable === undefined ? told : undefined;
      }, 'a list of both');
      expect(list.calls, JSON.stringify(list)).toHaveLength(3);
      for (const path of ['/', '/console/index.html', '/openapi.json'])
        expect((await ask(path)).status, path).toBe(200);
    }
    for (const call of carrier.calls) {
      await until(() => call.stream?.ear.lastLoudMs !== undefined, 'the agent is heard', 20_000);
      call.hangUp();
      await call.done;
    }
    interface Kept {
      id: string;
      instance: string;
      recording: unknown;
    }
    const records = await asked(
      async () => {
        const { records } = (await (await ask('/records')).json()) as { records: Kept[] };
        return records.length === 3 && records.every(({ recording }) => recording) ? records : undefined;
      },
      'all are recorded',
      20_000,
    );
    // Each of them, asked of whichever process is next.
    for (const { id } of [...records, ...records]) {
      const audio = await ask(`/records/${id}/recording`);
      expect([audio.status, (await audio.arrayBuffer()).byteLength > 10_000], id).toEqual([200, true]);
    }
  });
});
