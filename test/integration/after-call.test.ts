import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hearsOut } from './agent-heard.ts';
import { quietCaller, untilTrue } from './console-rig.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What is made of calls that are over, by a whole daemon. */

const PROMPT = `---
description: For tests of what calls come to.
greeting: false
afterCall:
  outcome: [booked, nothing]
  fields:
    confirmed: { type: boolean }
---
You are a test.
`;
const ROUTES = `routes:
  - name: all
    prompt: asks
`;

type Own = <T extends { close(): Promise<void> }>(what: T) => T;

/** A server that takes posts, and what it was sent. */
async function receiver(own: Own, answer: (body: string) => string | Promise<string> = () => '') {
  const got: Array<{ path: string; body: string; authorization: string | undefined }> = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      got.push({ path: request.url ?? '', body, authorization: request.headers.authorization });
      response.setHeader('content-type', 'application/json');
      void Promise.resolve(answer(body)).then((text) => response.end(text));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  own({ close: async () => void server.close() });
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** One call in which the caller says something and hears what is answered; resolves to its id. */
async function oneCall(
  own: Own,
  settings: Record<string, string>,
): Promise<{ rig: Rig; id: string; files: Record<string, string> }> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-after-'));
  own({ close: async () => rmSync(folder, { recursive: true }) });
  mkdirSync(join(folder, 'prompts'));
  writeFileSync(join(folder, 'prompts/asks.md'), PROMPT);
  writeFileSync(join(folder, 'routes.yaml'), ROUTES);
  const files = { PROMPTS_DIR: join(folder, 'prompts'), ROUTES_FILE: join(folder, 'routes.yaml') };
  const rig = own(
    await startRig({
      settings: { ...files, ...settings },
      scenario: {
        turns: [{ say: { text: 'It is booked.', tone: 620, toneMs: 500 } }],
      },
    }),
  );
  const placed = rig.call({ source: quietCaller(), hangUpAfterMs: 60_000 });
  await until(() => rig.of('turn').length > 0, 'an answer to be heard', 20_000);
  await hearsOut(placed.phone, 300);
  placed.phone.hangUp();
  await placed.report;
  const id = await until(() => rig.of('call_started')[0]?.info.id, 'the call');
  return { rig, id, files };
}

interface After {
  readonly summary: string | null;
  readonly outcome: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly model: string;
}
const afterOf = async ({ url }: Rig, id: string) =>
  ((await (await askAsOperator(`${url}/records/${id}`)).json()) as { record?: { after: After | null } }).record?.after;

describe('what a call came to', () => {
  it('is made by the embedded service, stands in the record, is found by a search and told by webhook', async ({
    own,
  }) => {
    const hooks = await receiver(own);
    const { rig, id } = await oneCall(own, { WEBHOOK_URL: hooks.url });
    await untilTrue(async () => (await afterOf(rig, id)) != null, 'it to be made', 15_000);
    const after = (await afterOf(rig, id))!;
    expect(after).toMatchObject({
      outcome: 'booked',
      model: 'simulated',
      summary: expect.stringContaining('It is booked.'),
    });
    expect(Object.keys(after.fields)).toEqual(['confirmed']);
    const found = (await (await askAsOperator(`${rig.url}/records?text=last+word`)).json()) as { records: unknown[] };
    expect(found.records).toMatchObject([{ id, hit: { role: 'summary' } }]);
    const told = await until(
      () => hooks.got.find(({ body }) => body.includes('call.summarized')),
      'the webhook',
      10_000,
    );
    expect(JSON.parse(told.body)).toMatchObject({ type: 'call.summarized', data: { callId: id, outcome: 'booked' } });
    expect((await (await askAsOperator(`${rig.url}/records/export?format=csv`)).text()).split('\r\n')[1]).toContain(
      'booked',
    );
  });

  it('is asked of the API that is set, with its key, and what is wrong in the answer is left out', async ({ own }) => {
    const content = JSON.stringify({ summary: 'A table was booked.', outcome: 'sold', fields: { confirmed: 'maybe' } });
    const model = await receiver(own, () => JSON.stringify({ choices: [{ message: { content } }] }));
    const { rig, id } = await oneCall(own, {
      AFTER_CALL_API_URL: `${model.url}/v1`,
      AFTER_CALL_API_KEY: 'a-key-of-the-text-model',
      AFTER_CALL_MODEL: 'some-model',
    });
    await untilTrue(async () => (await afterOf(rig, id)) != null, 'it to be made', 15_000);
    expect(await afterOf(rig, id)).toEqual({
      summary: 'A table was booked.',
      outcome: null,
      fields: { confirmed: null },
      model: 'some-model',
    });
    expect(model.got).toMatchObject([
      { path: '/v1/chat/completions', authorization: 'Bearer a-key-of-the-text-model' },
    ]);
    const asked = JSON.parse(model.got[0]!.body);
    expect(asked).toMatchObject({ model: 'some-model', response_format: { type: 'json_schema' } });
    expect(JSON.parse(asked.messages.at(-1).content).conversation.at(-1)).toEqual({
      speaker: 'agent',
      text: 'It is booked.',
    });
  });

  it('is waited for by a process that drains, and made up for by the next start where it was cut short', async ({
    own,
  }) => {
    const content = JSON.stringify({ summary: 'A table was booked.', outcome: 'booked', fields: { confirmed: true } });
    let answered = Promise.withResolvers<void>();
    const model = await receiver(own, async () => {
      await answered.promise;
      return JSON.stringify({ choices: [{ message: { content } }] });
    });
    const data = mkdtempSync(join(tmpdir(), 'voicebridge-after-'));
    own({ close: async () => rmSync(data, { recursive: true }) });
    const settings = { AFTER_CALL_API_URL: `${model.url}/v1`, DATA_DIR: data };
    const first = await oneCall(own, settings);
    await until(() => model.got.length > 0, 'the model to be asked', 15_000);
    let over = false;
    const drained = first.rig.app.drain(60_000).then(() => (over = true));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(over).toBe(false);
    answered.resolve();
    await drained;

    answered = Promise.withResolvers();
    const second = await oneCall(own, settings);
    expect(await afterOf(second.rig, first.id)).toMatchObject({ summary: 'A table was booked.', outcome: 'booked' });
    await until(() => model.got.length > 1, 'the model to be asked again', 15_000);
    await second.rig.app.close();
    answered.resolve();
    const third = own(await startRig({ settings: { ...settings, ...second.files } }));
    await untilTrue(async () => (await afterOf(third, second.id)) != null, 'it to be made up for', 20_000);
    expect(await afterOf(third, second.id)).toMatchObject({ outcome: 'booked', fields: { confirmed: true } });
    // Once, and of the first call not again.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(model.got).toHaveLength(3);
  });
});
