import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { People } from '../../src/simulator/livekit/index.ts';
import {
  Phone,
  type PhoneOptions,
  scriptSource,
  silenceSource,
  type TimelineEntry,
  toneSource,
} from '../../src/simulator/phone/index.ts';
import { Meta, NUMBER } from '../../src/simulator/whatsapp/index.ts';
import { onlyRecord } from './agents-rig.ts';
import { ask } from './browser-page.ts';
import {
  ADMIN,
  type CallsRig,
  type CallsRigOptions,
  OURS,
  PUBLIC,
  SIGNING,
  startCallsRig,
  THEIRS,
} from './calls-rig.ts';
import { keysHeard } from './keys-heard.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { loudestTone, type Rig, sleep, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { startTelnyxRig } from './telnyx-rig.ts';

/** Phone calls that are answered at a telephone number, which a carrier's stand-in rings: two lines, joined. */

const CALLER_HZ = 1_020;
const PARTY_HZ = 620;
const CALLER = '+12025550143';
const LINE = '+12025550177';

type Own = <T extends { close(): Promise<void> }>(one: T) => T;

/** A tone, again and again: the two sides never share a channel, so that each may sound at any time. */
const sounding = (hz: number) =>
  scriptSource(Array.from({ length: 20 }, () => [{ pauseMs: 800 }, toneSource(hz, { ms: 1_200, dbfs: -15 })]).flat());
const caller = () => sounding(CALLER_HZ);
const party = () => sounding(PARTY_HZ);

/** A route to a number, in a file of its own. */
function routeTo(agent: object): { readonly file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-routes-'));
  const file = join(folder, 'routes.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ routes: [{ name: 'all', agent: { kind: 'phone', to: THEIRS, ...agent } }] }));
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** One line to whoever is called, as his carrier has it. */
interface FarLine {
  readonly isOver: boolean;
  /** The carrier's ids of it: some have one of the order beside that of the call, and what is placed is known by the first. */
  readonly ids: readonly (string | undefined)[];
  readonly to: string;
  readonly from: string;
  heard(): { readonly samples: Int16Array; readonly rate: number } | undefined;
  hangUp(): void;
}

/** A call of a carrier's stand-in, of which its ids are said. */
interface StandInCall extends Pick<FarLine, 'isOver' | 'to' | 'from' | 'hangUp'> {
  recordedChannels(): { readonly agent: Int16Array; readonly sampleRate: number } | undefined;
}

function lineOf(call: StandInCall, ids: FarLine['ids']): FarLine {
  const { isOver, to, from } = call;
  return {
    isOver,
    ids,
    to,
    from,
    heard: () => {
      const channels = call.recordedChannels();
      return channels && { samples: channels.agent, rate: channels.sampleRate };
    },
    hangUp: () => call.hangUp(),
  };
}

interface Far {
  readonly rig: Rig;
  readonly lines: () => readonly FarLine[];
  /** Somebody calls our number. */
  call(options?: Partial<PhoneOptions>): ReturnType<typeof placed>;
}

/** A call from outside, by a carrier of its own, which signs what it says. */
function placed(rig: Rig, options: Partial<PhoneOptions>) {
  const phone = new Phone({
    carrier: 'twilio',
    record: true,
    verbTimeScale: 0.05,
    source: caller(),
    from: CALLER,
    to: LINE,
    hangUpAfterMs: 40_000,
    ...options,
  });
  const report = phone.placeCall({ webhookUrl: `${rig.url}/incoming-call`, secret: SIGNING, publicUrl: PUBLIC });
  return { phone, report };
}

async function start(
  own: Own,
  carrier: string,
  agent: object = {},
  options: Partial<CallsRigOptions> = {},
): Promise<Far> {
  const route = routeTo(agent);
  own({ close: async () => route.remove() });
  const settings = {
    ROUTES_FILE: route.file,
    TWILIO_AUTH_TOKEN: SIGNING,
    ADMIN_TOKEN: `${ADMIN},${OPERATOR_TOKEN}`,
    ...options.settings,
  };
  if (carrier === 'telnyx') {
    const rig = own(
      await startTelnyxRig({
        ...options,
        carrier: { source: options.source ?? party() },
        settings: { ...settings, OUTBOUND_FROM: OURS },
      }),
    );
    return {
      rig,
      lines: () => rig.telnyx.calls.map((call) => lineOf(call, [call.sid])),
      call: (more = {}) => placed(rig, more),
    };
  }
  const [name, control] = carrier.split(' ') as [CallsRigOptions['carrier'], CallsRigOptions['control']];
  const { TWILIO_AUTH_TOKEN: _, ...others } = settings;
  const rig: CallsRig = own(
    await startCallsRig({
      carrier: name,
      ...(control === undefined ? {} : { control }),
      source: party(),
      ...options,
      settings: name === 'twilio' ? others : settings,
    }),
  );
  return {
    rig,
    lines: () => rig.carrier.calls.map((call) => lineOf(call, [call.sid, call.requestSid])),
    call: (more = {}) => placed(rig, more),
  };
}

/** Of somebody who has no line yet. */
const NOTHING = { agent: new Int16Array(), sampleRate: 8_000 };

/** Waits until each side hears the other's tone, and nothing else meanwhile: so many ms of it within the last five seconds. */
async function bothHeard(...sides: ReadonlyArray<() => number>): Promise<void> {
  for (let tries = 0; sides.some((side) => side() < 1_500); tries++) {
    if (tries > 60) throw new Error(`heard of late, ms: ${sides.map((side) => side()).join(' and ')}`);
    await sleep(750);
  }
}

/** Of what was heard, the last five seconds: more would only be looked at again. */
const lately = (samples: Int16Array, rate: number, hz: number) => toneAloneMs(samples.subarray(-5 * rate), rate, hz);

const ended = (rig: Rig) => until(() => rig.of('call_ended')[0], 'the end of the call', 20_000);
const CARRIERS = ['twilio', 'signalwire rest', 'signalwire relay', 'telnyx', 'plivo', 'vonage'] as const;

// One after the other: each of them is two lines in real time.
describe.each(CARRIERS)('a number that %s rings', (carrier) => {
  it('answers a phone call: each side’s tone reaches the other, alone, and one record is left', async ({ own }) => {
    const { rig, lines, call } = await start(own, carrier);
    const { phone, report } = call();
    const toCaller = () => phone.recordedChannels() ?? NOTHING;
    const toParty = () => lines()[0]?.heard() ?? { samples: NOTHING.agent, rate: NOTHING.sampleRate };
    await bothHeard(
      () => lately(toCaller().agent, toCaller().sampleRate, PARTY_HZ),
      () => lately(toParty().samples, toParty().rate, CALLER_HZ),
    );
    phone.hangUp();
    await report;
    expect((await ended(rig)).end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    const [line] = lines();
    expect(line).toMatchObject({ to: THEIRS, from: OURS });
    expect(loudestTone(toCaller().agent, toCaller().sampleRate, CALLER_HZ)).toBeLessThan(-50);
    expect(loudestTone(toParty().samples, toParty().rate, PARTY_HZ)).toBeLessThan(-50);
    // He is hung up on with the caller, and was no call of his own.
    await until(() => lines()[0]?.isOver, 'the other line is over');
    expect(lines()).toHaveLength(1);
    expect(rig.of('call_started')).toHaveLength(1);
    const [ready, ...again] = rig.agentEvents('ready');
    expect(line!.ids).toContain(ready!['sessionId']);
    expect([ready!['transport'], again]).toEqual(['phone', []]);
    const name = carrier.split(' ')[0];
    expect(await onlyRecord(rig)).toMatchObject({ model: `phone/${name}`, transports: ['phone'], result: 'success' });
    expect(JSON.stringify(rig.lines)).not.toContain(THEIRS.slice(1));
    expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('that hangs up has hung up on the caller', async ({ own }) => {
    const { rig, lines, call } = await start(own, carrier);
    const { report } = call();
    await until(() => rig.of('connected').length > 0, 'somebody answers', 20_000);
    lines()[0]!.hangUp();
    expect((await ended(rig)).end).toMatchObject({ result: 'success', reason: 'agent-hangup' });
    await report;
  });
});

describe.concurrent('a number that is rung', () => {
  it('is heard ringing, until somebody answers', async ({ own }) => {
    const { rig, call } = await start(own, 'twilio', {}, { far: () => ({ outcome: 'answer', ringMs: 4_000 }) });
    const { phone, report } = call();
    const heard = () => phone.recordedChannels() ?? NOTHING;
    // The ringing tone of North America has both.
    const rings = () => [440, 480].every((hz) => loudestTone(heard().agent, heard().sampleRate, hz) > -35);
    await until(() => rings(), 'it is heard ringing', 20_000);
    expect(rig.of('connected')).toEqual([]);
    await bothHeard(() => lately(heard().agent, heard().sampleRate, PARTY_HZ));
    expect(rig.agentEvents('calling').map(({ state }) => state)).toEqual(['dialling', 'ringing']);
    // It rings no longer.
    const { agent, sampleRate } = heard();
    const last = agent.subarray(agent.length - sampleRate);
    // At -26 dBFS it rang; a tone that sets in has a little of everything.
    expect(loudestTone(last, sampleRate, 480)).toBeLessThan(-38);
    phone.hangUp();
    await report;
  });

  it.for([
    ['busy', 'dial-busy'],
    ['no-answer', 'dial-no-answer'],
    ['failed', 'dial-failed'],
  ] as const)('and is %s is apologised for, and told as %s', async ([outcome, reason], { own }) => {
    const { rig, lines, call } = await start(own, 'twilio', {}, { far: () => ({ outcome, ringMs: 300 }) });
    const { report } = call({ source: silenceSource() });
    expect((await ended(rig)).end).toMatchObject({ result: 'upstream_error', reason });
    expect((await report).timeline.some(({ what, text }) => what === 'verb' && text.startsWith('<Say>'))).toBe(true);
    expect(lines()).toHaveLength(1);
  });

  it('is rung no longer when the caller hangs up first', async ({ own }) => {
    const { rig, lines, call } = await start(own, 'twilio', {}, { far: () => ({ outcome: 'answer', ringMs: 60_000 }) });
    const { phone, report } = call();
    await until(() => rig.agentEvents('calling').some(({ state }) => state === 'ringing'), 'it is rung');
    phone.hangUp();
    await report;
    await until(() => lines()[0]?.isOver, 'it is rung no longer');
    expect((await ended(rig)).end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    expect(await (rig as CallsRig).api('GET', '/calls?state=all')).toMatchObject({
      body: { calls: [{ to: LINE, direction: 'inbound' }] },
    });
  });

  it('and that a machine takes is hung up on where none is wanted', async ({ own }) => {
    const far = () => ({ outcome: 'answer', ringMs: 100, answeredBy: 'machine_start' }) as const;
    const { rig, lines, call } = await start(own, 'twilio', { on_machine: 'hang-up' }, { far });
    await call({ source: silenceSource() }).report;
    expect((await ended(rig)).end).toMatchObject({ reason: 'dial-machine' });
    await until(() => lines()[0]?.isOver, 'the machine is hung up on');
  });

  it.for([
    ['that DIAL_ALLOW does not have', { to: '+493012345678' }, {}, 'dial-forbidden'],
    ['that is the number of the line itself', { to: LINE }, {}, 'dial-forbidden'],
    ['when no more calls may be made at once', {}, { OUTBOUND_CONCURRENT: '0' }, 'dial-limit'],
    ["when this hour's calls are used up", {}, { OUTBOUND_PER_HOUR: '0' }, 'dial-limit'],
  ] as const)('is not %s', async ([_, agent, settings, reason], { own }) => {
    const { rig, lines, call } = await start(own, 'twilio', agent, { settings });
    await call({ source: silenceSource() }).report;
    expect((await ended(rig)).end).toMatchObject({ result: 'server_error', reason });
    expect(lines()).toEqual([]);
  });

  it('whose carrier refuses is told as that, without its number', async ({ own }) => {
    const { rig, lines, call } = await start(own, 'twilio');
    (rig as CallsRig).carrier.faults.add({ kind: 'status', status: 400, body: { code: 21_210, message: 'no' } });
    await call({ source: silenceSource() }).report;
    expect((await ended(rig)).end).toMatchObject({ result: 'upstream_error', reason: 'dial-refused' });
    expect(lines()).toEqual([]);
  });

  // Some carriers take keys by the wire, others are sent their tones.
  it.for(['twilio', 'signalwire rest', 'plivo'])(
    'gets the caller’s keys, and the caller his, each once: %s',
    async (carrier, { own }) => {
      const { rig, call } = await start(own, carrier, {}, { source: silenceSource() });
      const told: TimelineEntry[] = [];
      const { phone, report } = call({ source: silenceSource(), onEvent: (entry) => told.push(entry) });
      await until(() => rig.of('connected').length > 0, 'somebody answers', 20_000);
      const [line] = (rig as CallsRig).carrier.calls;
      await until(() => line!.stream !== undefined, 'his line is open');
      const keysOf = (
        entries: readonly TimelineEntry[],
        channels: { agent: Int16Array; sampleRate: number } = NOTHING,
      ) =>
        entries.flatMap(({ text }) => /^the bridge sent digit (.)$/.exec(text)?.[1] ?? []).join('') +
        keysHeard(channels.agent, channels.sampleRate);
      phone.press('4');
      line!.stream!.press('7');
      const toParty = () => keysOf(line!.timeline.entries, line!.recordedChannels());
      const toCaller = () => keysOf(told, phone.recordedChannels());
      await until(() => toParty() === '4', 'the caller’s key arrives');
      await until(() => toCaller() === '7', 'his key arrives');
      await sleep(500);
      expect([toParty(), toCaller()]).toEqual(['4', '7']);
      expect(rig.agentEvents('dtmf')).toMatchObject([{ digit: '7' }]);
      phone.hangUp();
      await report;
    },
  );

  it('answers a call by WhatsApp: each side’s tone reaches the other, alone', async ({ own }) => {
    const [appSecret, token] = ['the-app-secret-of-the-tests', 'the-access-token-of-the-tests'];
    const meta = own(await Meta.start({ appSecret, token }));
    const { rig, lines } = await start(
      own,
      'twilio',
      {},
      {
        settings: {
          WHATSAPP_PHONE_NUMBER_ID: NUMBER.id,
          WHATSAPP_ACCESS_TOKEN: token,
          WHATSAPP_APP_SECRET: appSecret,
          WHATSAPP_VERIFY_TOKEN: 'the-verify-token-of-the-tests',
          GRAPH_API_URL: meta.url,
        },
      },
    );
    meta.webhookUrl = `${rig.url}/whatsapp/webhook`;
    const phone = meta.phone({ source: caller(), record: true, hangUpAfterMs: 60_000 });
    const report = phone.placeCall();
    const toCaller = () => phone.recordedChannels() ?? NOTHING;
    const toParty = () => lines()[0]?.heard() ?? { samples: NOTHING.agent, rate: NOTHING.sampleRate };
    await bothHeard(
      () => lately(toCaller().agent, toCaller().sampleRate, PARTY_HZ),
      () => lately(toParty().samples, toParty().rate, CALLER_HZ),
    );
    phone.hangUp();
    await report;
    expect((await ended(rig)).end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    expect(loudestTone(toCaller().agent, toCaller().sampleRate, CALLER_HZ)).toBeLessThan(-50);
    expect(loudestTone(toParty().samples, toParty().rate, PARTY_HZ)).toBeLessThan(-50);
    await until(() => lines()[0]?.isOver, 'the other line is over');
    expect(await onlyRecord(rig)).toMatchObject({ carrier: 'whatsapp', model: 'phone/twilio', result: 'success' });
  });

  it.skipIf(noLiveKit !== undefined)('answers who is in a LiveKit room, and hangs up on him', async ({ own }) => {
    const [server, people] = await Promise.all([startLiveKit(), People.start()]);
    own(server);
    own(people);
    const { rig, lines } = await start(
      own,
      'twilio',
      {},
      {
        settings: {
          LIVEKIT_ENABLED: 'true',
          LIVEKIT_SERVER_URL: server.url,
          LIVEKIT_API_KEY: server.apiKey,
          LIVEKIT_API_SECRET: server.apiSecret,
        },
      },
    );
    const { status, body } = await ask(`${rig.url}/livekit/create-room`, 'POST', { participantName: 'Anna' });
    expect(status).toBe(200);
    const { serverUrl: url, accessToken } = body as { serverUrl: string; accessToken: string };
    const anna = await people.join({ url, token: accessToken, source: caller() });
    const toParty = () => lines()[0]?.heard() ?? { samples: NOTHING.agent, rate: NOTHING.sampleRate };
    let toAnna = 0;
    let tries = 0;
    while (toAnna < 1_500 || lately(toParty().samples, toParty().rate, CALLER_HZ) < 1_500) {
      if (++tries > 60) throw new Error(`heard of late, ms: ${toAnna}`);
      await sleep(750);
      toAnna = lately((await anna.recording()).heard, 24_000, PARTY_HZ);
    }
    // Opus, and the library where it had nothing for a moment, cut a tone with a click, which has a little of everything. Their own voices would be as loud as they are, -15 dBFS.
    expect(loudestTone((await anna.recording()).heard, 24_000, CALLER_HZ)).toBeLessThan(-30);
    expect(loudestTone(toParty().samples, toParty().rate, PARTY_HZ)).toBeLessThan(-30);
    lines()[0]!.hangUp();
    expect((await ended(rig)).end).toMatchObject({ result: 'success', reason: 'agent-hangup' });
    expect(lines()).toHaveLength(1);
  });

  it('loses no word where both speak at once, and is told to have given way when it does', async ({ own }) => {
    // A breath between two sentences: what comes behind it belongs to the caller as well.
    const sentence = toneSource(PARTY_HZ, { ms: 2_000, dbfs: -15 });
    const source = scriptSource([{ pauseMs: 300 }, sentence, { pauseMs: 260 }, sentence, { pauseMs: 60_000 }]);
    const { rig, call } = await start(own, 'twilio', {}, { source });
    // The caller speaks all the time.
    const { phone, report } = call({ source: toneSource(CALLER_HZ, { dbfs: -15 }) });
    const barge = await until(() => rig.of('barge_in')[0], 'the other end falls silent', 30_000);
    expect(barge).toMatchObject({ clearMs: 0 });
    await sleep(4_000);
    phone.hangUp();
    await report;
    const { agent, sampleRate } = phone.recordedChannels()!;
    expect(toneAloneMs(agent, sampleRate, PARTY_HZ)).toBeGreaterThanOrEqual(3_000);
    expect((await ended(rig)).counters['ms_dropped_interrupted'] ?? 0).toBe(0);
  });
});

const SUITE = `name: A number
target: { kind: phone, to: "${THEIRS}", ring_seconds: 20 }
cases:
  - name: is called, and answers
    steps:
      - wait_for: turn
        within_ms: 30000
      - say: tone:1020/800/-12
      - silence: 1
      - hang_up
`;

describe.concurrent('a suite whose target is a number', () => {
  const run = async (own: Own, far: CallsRigOptions['far'], source: CallsRigOptions['source']) => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-suites-'));
    own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
    writeFileSync(join(folder, 'number.yaml'), SUITE);
    const rig = own(
      await startCallsRig({ carrier: 'twilio', far, source, settings: { SUITES_DIR: folder } } as CallsRigOptions),
    );
    const { id } = (await rig.api('POST', '/tests/runs', { suite: 'number.yaml', repeat: 1 })).body;
    for (let tries = 0; ; tries++) {
      const { body } = await rig.api('GET', `/tests/runs/${id}`);
      if (body.state !== 'running') return { rig, report: body };
      if (tries > 120) throw new Error('the run goes on');
      await sleep(500);
    }
  };

  it('calls it, hears it and is heard, and says what it measured', async ({ own }) => {
    const source = scriptSource([
      { pauseMs: 700 },
      toneSource(PARTY_HZ, { ms: 1_500, dbfs: -15 }),
      { pauseMs: 60_000 },
    ]);
    const { rig, report } = await run(own, () => ({ outcome: 'answer', ringMs: 300 }), source);
    expect(report).toMatchObject({ state: 'passed', counts: { passed: 1, failed: 0 } });
    const [line] = rig.carrier.calls;
    expect(line).toMatchObject({ to: THEIRS });
    const { agent, sampleRate } = line!.recordedChannels()!;
    expect(toneAloneMs(agent, sampleRate, CALLER_HZ)).toBeGreaterThanOrEqual(600);
    const [one] = report.cases;
    expect(one).toMatchObject({ providerCallId: line!.sid });
  });

  it('is not executed where nobody answers', async ({ own }) => {
    const { report } = await run(own, () => ({ outcome: 'busy', ringMs: 100 }), party());
    expect(report.counts).toMatchObject({ passed: 0, failed: 0, 'not-executed': 1 });
    expect(JSON.stringify(report.cases)).toContain('dial-busy');
  });
});
