import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';
import { lamlSignature } from '../../src/callers/phone/carriers/laml/signature.ts';
import { silenceSource } from '../../src/simulator/phone/index.ts';
import { openStore } from '../../src/stores/store.ts';
import { Page } from './browser-page.ts';
import { askAsOperator } from './operator.ts';
import { asked, type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { PUBLIC, TWILIO } from './webhook-rig.ts';
import { startWhatsAppRig } from './whatsapp-rig.ts';

/** Who is on the line, from what the carrier writes to what the agent knows, does and keeps. */

const ZONE = 'America/New_York';
const MARIA = '+12025550143';
let folder: string;
let files: Record<string, string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-who-'));
  const prompts = join(folder, 'prompts');
  mkdirSync(prompts);
  const words =
    'Name: {{caller.name|nobody}}. Notes: {{caller.notes|none}}. Known: {{caller.known}}. From: {{call.from|nowhere}}.';
  const tools = 'tools: [look_up_caller, update_caller, book_appointment, cancel_appointment, take_message]';
  for (const name of ['day', 'stranger', 'maria'])
    writeFileSync(join(prompts, `${name}.md`), `---\n${tools}\n---\n${words}\n`);
  const routes = join(folder, 'routes.yaml');
  writeFileSync(
    routes,
    `routes:\n  - {name: withheld, from: withheld, prompt: stranger}\n  - {name: maria, from: "${MARIA}", prompt: maria}\n  - {name: rest, prompt: day}\n`,
  );
  files = { PROMPTS_DIR: prompts, ROUTES_FILE: routes, BUSINESS_TIMEZONE: ZONE };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The instructions of the model's session `n`. */
const told = (rig: Rig, n = 0) =>
  until(
    () => /Name: .*?From: [^"\\]*/.exec(JSON.stringify(rig.model.sessions[n]?.received ?? ''))?.[0],
    `session ${n}`,
  );

const outputs = (rig: Rig, session = 0) =>
  (rig.model.sessions[session]?.received ?? []).flatMap((event) => {
    const item = event['item'] as { type?: string; output?: string } | undefined;
    return item?.type === 'function_call_output' ? [JSON.parse(item.output ?? '') as Record<string, unknown>] : [];
  });

let made = 0;
const arrive = async (rig: Rig, params: Record<string, string>) => {
  const CallSid = `CA${String(++made).padStart(32, '0')}`;
  const form = { CallSid, AccountSid: 'AC1', To: '+12025550100', Direction: 'inbound', ...params };
  await fetch(`${rig.url}/incoming-call`, { method: 'POST', body: new URLSearchParams(form) });
  return until(() => rig.of('call_started').find(({ info }) => info?.carrierCallId === CallSid)?.info, 'the call');
};

async function freeSlot(): Promise<string> {
  const store = await openStore({ path: ':memory:', zone: ZONE, example: true });
  const now = Date.now();
  const from = new Date(now + 2 * 86_400_000).toISOString().slice(0, 10);
  const [slot] = await store.appointments.available({ service: 'check-up', from, days: 7, limit: 1 }, now);
  await store.close();
  return slot!.start;
}

const read = (rig: Rig, sql: string) => {
  const db = new DatabaseSync(join(rig.dataDir, 'voicebridge.db'), { readOnly: true });
  const rows = db
    .prepare(sql)
    .all()
    .map((row) => ({ ...row }));
  db.close();
  return rows;
};

describe('who withholds the number', () => {
  it.for(['Anonymous', '+266696687', '', 'sip:anonymous@anonymous.invalid'])(
    'as %j leaves nothing behind that the next one is told, and finds nothing',
    async (From, { own }) => {
      const start = await freeSlot();
      const ada = { name: 'Ada', notes: 'asked for an HIV test' };
      const tools = [
        { name: 'update_caller', arguments: ada },
        { name: 'book_appointment', arguments: { service: 'check-up', start, name: 'Ada' } },
        { name: 'look_up_caller' },
      ];
      const afterTools = { tone: 620, toneMs: 100 };
      const rig = own(
        await startRig({ settings: { ...files, GREETING: 'off' }, scenario: { turns: [{ tools, afterTools }] } }),
      );
      const { phone, report } = rig.call({ source: silenceSource(), from: From });
      await until(() => rig.of('connected')[0], 'the call');
      const [first] = rig.of('call_started');
      await askAsOperator(`${rig.url}/calls/${first?.info.id}/text`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: 'Hello' }),
      });
      await until(() => outputs(rig).length === 3, 'the tools');
      // They ran side by side, and answer in the order in which each was done.
      expect(outputs(rig)).toContainEqual({ updated: false, reason: 'number_withheld' });
      expect(outputs(rig)).toContainEqual(expect.objectContaining({ booked: true }));
      expect(outputs(rig)).toContainEqual({ known: false, reason: 'number_withheld' });
      phone.hangUp();
      await report;
      const second = await arrive(rig, { From });
      expect(await told(rig, 1)).toBe('Name: nobody. Notes: none. Known: no. From: nowhere.');
      expect(second).toMatchObject({ route: 'withheld', callerKind: 'withheld' });
      expect(second).not.toHaveProperty('from');
      expect(read(rig, 'SELECT caller_number AS who, name FROM appointments')).toEqual([{ who: null, name: 'Ada' }]);
      expect(read(rig, "SELECT number FROM callers WHERE notes LIKE '%HIV%'")).toEqual([]);
    },
  );

  it('is routed as such, however the network writes it', async ({ own }) => {
    const rig = own(await startRig({ settings: files }));
    const texts = [
      'anonymous',
      'RESTRICTED',
      'Private number',
      '+7378742833',
      '+86282452253',
      '+8656696',
      '+2562533',
      'P',
      'null',
      '"Anonymous" <sip:anonymous@anonymous.invalid>',
      'unavailable',
      'Unknown',
    ];
    await Promise.all(
      texts.map(async (From) => expect(await arrive(rig, { From }), From).toMatchObject({ route: 'withheld' })),
    );
    expect(await arrive(rig, {}), 'no From at all').toMatchObject({ route: 'withheld' });
    expect(
      await arrive(rig, { From: 'sip:+12025550143@pbx.example.com', SipHeader_Privacy: 'id;critical' }),
    ).toMatchObject({ route: 'withheld' });
    expect(await arrive(rig, { From: MARIA })).toMatchObject({ route: 'maria' });
    expect(await arrive(rig, { From: 'sip:alice@pbx.example.com' })).toMatchObject({ route: 'rest' });
  });
});

describe('a number within what the carrier writes', () => {
  it('is the number: its route, its record and its name in what is kept', async ({ own }) => {
    const rig = own(await startRig({ settings: files }));
    const texts = [
      'sip:+12025550143@pbx.example.com;transport=udp',
      '12025550143',
      '+1 202 555 0143',
      '"Alice" <sip:+12025550143@pbx.example.com>;tag=x',
      'tel:+1-202-555-0143',
      '+1\u2011202\u2011555\u20110143',
      'whatsapp:+12025550143',
    ];
    for (const [n, From] of texts.entries()) {
      expect(await arrive(rig, { From }), From).toMatchObject({ from: MARIA, callerKind: 'number', route: 'maria' });
      expect(await told(rig, n), From).toContain(`Name: Maria Santos. `);
    }
  });

  it('is not there in an identity: nobody’s record is read, and what it is stays to be seen', async ({ own }) => {
    const rig = own(await startRig({ settings: files }));
    for (const [n, From] of ['client:alice', 'sip:alice@pbx.example.com', '1001'].entries()) {
      expect(await arrive(rig, { From }), From).toMatchObject({ from: From, callerKind: 'identity', route: 'rest' });
      expect(await told(rig, n)).toBe(`Name: nobody. Notes: none. Known: no. From: ${From}.`);
    }
  });
});

describe('an identity that a carrier proves', () => {
  it('is remembered within its account, and nowhere else', async ({ own }) => {
    const settings = { ...files, PUBLIC_URL: PUBLIC, TWILIO_AUTH_TOKEN: TWILIO, ADMIN_TOKEN: 'token-for-operators-1' };
    const rig = own(await startRig({ settings }));
    const db = new DatabaseSync(join(rig.dataDir, 'voicebridge.db'));
    db.prepare("INSERT INTO callers VALUES ('client:twilio/AC1/alice', 'Alice', NULL, NULL, NULL, 1, 1)").run();
    db.close();
    const known = async (CallSid: string, AccountSid: string, From: string, n: number) => {
      const form = { CallSid, AccountSid, From, To: '+12025550100', Direction: 'inbound' };
      await fetch(`${rig.url}/incoming-call`, {
        method: 'POST',
        headers: { 'x-twilio-signature': lamlSignature(TWILIO, `${PUBLIC}/incoming-call`, form) },
        body: new URLSearchParams(form),
      });
      return /Name: ([^.]*)/.exec(await told(rig, n))?.[1];
    };
    expect(await known('CA1', 'AC1', 'client:alice', 0)).toBe('Alice');
    expect(await known('CA2', 'AC2', 'client:alice', 1)).toBe('nobody');
    expect(await known('CA3', 'AC1', 'client:Alice', 2)).toBe('nobody');
    expect(await known('CA4', 'AC1', 'sip:alice@pbx.example.com', 3)).toBe('nobody');
  });
});

describe('a page', () => {
  it('of a stranger is remembered by nobody’s name, not even its own conversation’s', async ({ own }) => {
    const say = { tone: 620, toneMs: 200 };
    const rig = own(
      await startRig({
        settings: { ...files, BROWSER_ACCESS: 'public', ADMIN_TOKEN: 'token-for-operators-1' },
        model: { voice: { tone: 620, ms: 200, dbfs: -15 } },
        scenario: {
          turns: [
            {
              tools: [
                { name: 'update_caller', arguments: { notes: 'asked for an HIV test' } },
                { name: 'look_up_caller' },
              ],
              afterTools: say,
            },
          ],
        },
      }),
    );
    for (const [n, conversation_id] of ['c1', 'c2', 'c1'].entries()) {
      const page = new Page();
      onTestFinished(() => page.close());
      expect((await page.call(rig.url, { conversation_id }, {})).status).toBe(200);
      await until(() => rig.of('connected')[n], 'the call');
      expect(await told(rig, n)).toBe('Name: nobody. Notes: none. Known: no. From: nowhere.');
      page.send({ type: 'text', id: 't1', text: 'Who am I?' });
      await until(() => outputs(rig, n).length === 2, 'the tools');
      expect(outputs(rig, n)).toEqual([
        { updated: false, reason: 'caller_not_proven' },
        { known: false, reason: 'caller_not_proven' },
      ]);
      page.close();
      await until(() => rig.of('call_ended')[n], 'the end');
    }
    expect(read(rig, "SELECT number FROM callers WHERE notes LIKE '%HIV%'")).toEqual([]);
  });
});

describe('who calls by WhatsApp', () => {
  it('is known by the number, stays known when it is hidden, and nobody who gets the number is taken for him', async ({
    own,
  }) => {
    const routes = join(folder, 'whatsapp.yaml');
    const [user, other] = ['US.13491208655302741918', 'US.22222222222222222222'];
    writeFileSync(
      routes,
      `routes:\n  - {name: user, from: "whatsapp:${user}", prompt: maria}\n  - {name: rest, prompt: day}\n`,
    );
    const rig = own(await startWhatsAppRig({ settings: { ...files, ROUTES_FILE: routes } }));
    const waId = MARIA.slice(1);
    let placed = 0;
    const calls = async (ids: { waId?: string; userId: string }) => {
      const phone = rig.meta.phone({ user: ids, source: silenceSource() });
      const report = phone.placeCall();
      const n = placed++;
      await until(() => rig.of('connected')[n], 'the call');
      await told(rig, n);
      phone.hangUp();
      await report;
      return rig.of('call_started').at(-1)?.info;
    };
    // What phone calls were told is known to him who has the number, by the id that is no number.
    expect(await calls({ waId, userId: user })).toMatchObject({ from: MARIA, callerKind: 'number', prompt: 'maria' });
    expect(await told(rig, 0)).toContain('Name: Maria Santos.');
    expect(await calls({ userId: user })).toMatchObject({
      from: `whatsapp:${user}`,
      callerKind: 'identity',
      prompt: 'maria',
    });
    // The agent knows him, and has no number to say.
    expect(await told(rig, 1)).toMatch(/Name: Maria Santos\..*From: nowhere/);
    expect(await calls({ waId, userId: other })).toMatchObject({ from: MARIA, prompt: 'day' });
    expect(await told(rig, 2)).toContain('Name: nobody.');
    const records = await asked(async () => {
      const answer = await askAsOperator(`${rig.url}/records?${new URLSearchParams({ number: `whatsapp:${user}` })}`);
      const found = ((await answer.json()) as { records: unknown[] }).records;
      return found.length > 0 && found;
    }, 'the record of his call');
    expect(records).toHaveLength(1);
  });
});
