import { describe, expect } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { noChromium, openChromium, shoot, speech } from './browser-chromium.ts';
import { askAsOperator, OPERATOR_TOKEN } from './operator.ts';
import { loudestTone, type Rig, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What operators do in the console, in a real browser: they hear a call, speak on it, and see to people. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const OPERATOR_HZ = 1_500;
const DESK = { viewport: { width: 1360, height: 860 } };

const start = (settings: Record<string, string> = {}) =>
  startRig({
    settings: { RATE_LIMIT_API: '0', ...settings },
    model: { voice: { tone: AGENT_HZ, ms: 900, dbfs: -15 } },
  });

async function talking(rig: Rig) {
  const word = [{ pauseMs: 2_500 }, toneSource(CALLER_HZ, { ms: 600, dbfs: -15 })];
  const placed = rig.call({
    source: scriptSource(Array.from({ length: 30 }, () => word).flat()),
    from: '+12025550143',
    hangUpAfterMs: 90_000,
  });
  await until(() => rig.of('first_agent_audio')[0], 'the greeting', 20_000);
  return placed;
}

const operators = (rig: Rig) => rig.of('operator').map(({ event }) => event);

describe('the console of operators', () => {
  if (noChromium !== undefined) {
    it('works in a real browser', ({ skip }) => skip(noChromium));
    return;
  }

  it('plays a call, whispers, has the operator speak with the caller, and leaves no microphone open', async ({
    own,
  }) => {
    const rig = own(await start());
    const { page, faults } = own(
      await openChromium({ ...DESK, token: OPERATOR_TOKEN, microphone: speech(OPERATOR_HZ, 0, 1_000, 0) }),
    );
    page.setDefaultTimeout(15_000);
    const { phone, report } = await talking(rig);
    await page.goto(rig.url);
    await page.locator('.calls a').click();
    const bar = page.getByRole('region', { name: 'Listening in' });
    await bar.getByRole('button', { name: 'Listen in' }).click();
    await bar.getByText('You hear both sides. Nobody hears you.').waitFor();
    const level = () =>
      page
        .locator('.listen-meter .fill')
        .evaluate((bar: { style: { transform: string } }) =>
          Number(/scaleX\(([\d.]+)/.exec(bar.style.transform)?.[1] ?? 0),
        );
    let loudest = 0;
    const end = performance.now() + 20_000;
    while (loudest < 0.3 && performance.now() < end) loudest = Math.max(loudest, await level());
    expect(loudest, 'something is heard').toBeGreaterThan(0.3);

    await bar.getByRole('button', { name: 'Speak with the caller' }).click();
    await bar.getByText('The caller hears you. The agent is silent and listens.').waitFor();
    await page.locator('.calls').getByText('admin speaks').waitFor();
    await shoot(page, 'console/takeover');
    await until(
      () => toneAloneMs(phone.recordedChannels()?.agent ?? new Int16Array(0), 8_000, OPERATOR_HZ) > 1_500,
      'the caller hears the operator',
      20_000,
    );
    const talk = page.getByRole('log', { name: 'Conversation' });
    await talk.getByText('admin speaks with the caller; the agent listens').waitFor();
    // The composer says why nothing is said now.
    await page.getByLabel('Line for the call').fill('We close soon');
    await page.keyboard.press('Enter');
    await page
      .getByText('An operator speaks with the caller; the agent is silent until the call is handed back.')
      .waitFor();

    await bar.getByRole('button', { name: 'Listen only' }).click();
    await bar.getByText('You hear both sides. Nobody hears you.').waitFor();
    await talk.getByText(/admin handed back after \d+ s/).waitFor();
    await page.getByLabel('What to do with the line').selectOption('whisper');
    await page.getByLabel('Line for the call').fill('be brief');
    await page.keyboard.press('Enter');
    await page.getByText('Told to the agent alone. It heeds it with what it says next.').waitFor();
    await talk.getByText('admin whispered to the agent: “be brief”').waitFor();

    // Whoever goes elsewhere leaves the call, with his voice.
    await bar.getByRole('button', { name: 'Whisper to the agent' }).click();
    await bar.getByText('The agent hears you, the caller does not.').waitFor();
    await page.getByRole('link', { name: 'Past calls' }).click();
    await until(() => operators(rig).some(({ type }) => type === 'listen_ended'), 'the line is closed');
    expect(operators(rig).map(({ type }) => type)).toEqual([
      ...['listen_started', 'takeover_started', 'takeover_ended', 'whispered', 'whisper_started', 'whisper_ended'],
      'listen_ended',
    ]);
    await phone.hangUp();
    await report;
    expect(loudestTone(rig.model.sessions[0]!.inputAudio(), 24_000, OPERATOR_HZ)).toBeGreaterThan(-25);
    expect(faults.filter((fault) => !fault.includes('409'))).toEqual([]);
  });

  it('keeps the operator’s line while events are lost, and asks before the page goes with it, or with what is not saved', async ({
    own,
  }) => {
    const rig = own(await start());
    const { page, context } = own(
      await openChromium({ ...DESK, token: OPERATOR_TOKEN, microphone: speech(OPERATOR_HZ, 0, 1_000, 0) }),
    );
    page.setDefaultTimeout(15_000);
    let lose = () => {};
    await page.routeWebSocket(/\/events/, (socket) => {
      socket.connectToServer();
      lose = () => socket.send(JSON.stringify({ kind: 'gap', after: null, until: null }));
    });
    const { phone, report } = await talking(rig);
    await page.goto(rig.url);
    await page.locator('.calls a').click();
    const bar = page.getByRole('region', { name: 'Listening in' });
    await bar.getByRole('button', { name: 'Listen in' }).click();
    await bar.getByRole('button', { name: 'Speak with the caller' }).click();
    const speaks = bar.getByText('The caller hears you. The agent is silent and listens.');
    await speaks.waitFor();

    // The calls are begun anew, and for a moment there is none.
    lose();
    await page.waitForTimeout(2_500);
    expect(await speaks.isVisible()).toBe(true);
    expect(operators(rig).map(({ type }) => type)).toEqual(['listen_started', 'takeover_started']);

    /** Whether the browser asks before the page goes; it is not let go. */
    const asks = async () => {
      const asked = page.waitForEvent('dialog');
      await page.close({ runBeforeUnload: true });
      const dialog = await asked;
      expect(dialog.type()).toBe('beforeunload');
      await dialog.dismiss();
    };
    await asks();
    const [tests] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('link', { name: 'Tests', exact: true }).click(),
    ]);
    await tests.waitForURL(/tests\.html/);
    await tests.close();
    await page.getByRole('button', { name: /^Sign out/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/a caller you speak with goes back to the agent/).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await speaks.isVisible()).toBe(true);
    expect(operators(rig).map(({ type }) => type)).toEqual(['listen_started', 'takeover_started']);
    // Whoever would leave the caller for another call, though nothing is known of it, or for another view is asked before.
    const here = await page.evaluate<string>('location.hash');
    const leave = dialog.getByText('You speak with the caller, who goes back to the agent when you leave this call.');
    for (const hash of ['#/live/nobody', '#/calls']) {
      await page.evaluate(`location.hash = '${hash}'`);
      await leave.waitFor();
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      expect(await page.evaluate('location.hash')).toBe(here);
    }
    expect(await speaks.isVisible()).toBe(true);
    expect(operators(rig).map(({ type }) => type)).toEqual(['listen_started', 'takeover_started']);
    await page.evaluate("location.hash = '#/live/nobody'");
    await leave.waitFor();
    await dialog.getByRole('button', { name: 'Leave' }).click();
    await until(() => operators(rig).some(({ type }) => type === 'listen_ended'), 'the line is closed');
    await page.getByText('This call is not going on (any more).').waitFor();

    await page.evaluate("location.hash = '#/agents/routes'");
    const text = page.getByLabel('Text of the file');
    // What is written before the text is there is overwritten by it.
    await page.getByText('This text is as it should be.').waitFor();
    await text.fill(`# mine\n${await text.inputValue()}`);
    await asks();
    await page.getByRole('button', { name: /^Sign out/ }).click();
    await dialog.getByText('What you wrote is not saved: the routes.').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Undo my changes' }).click();
    // Nothing is lost now, and nothing is asked.
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: /^Sign out/ }).click()]);
    await phone.hangUp();
    await report;
  });

  it('says why somebody may not listen, and which setting says so', async ({ own }) => {
    const rig = own(await start({ OPERATORS_LISTENING: '0' }));
    const { page } = own(await openChromium({ ...DESK, token: OPERATOR_TOKEN }));
    page.setDefaultTimeout(15_000);
    const { phone, report } = await talking(rig);
    await page.goto(rig.url);
    await page.locator('.calls a').click();
    const bar = page.getByRole('region', { name: 'Listening in' });
    await bar.getByRole('button', { name: 'Listen in' }).click();
    await bar.getByText('OPERATORS_LISTENING').waitFor();
    await phone.hangUp();
    await report;
  });

  it('gives somebody a token, shows what was done with it, and revokes it; a viewer is offered nothing to do', async ({
    own,
  }) => {
    const rig = own(await start());
    const { page } = own(await openChromium({ ...DESK, token: OPERATOR_TOKEN }));
    page.setDefaultTimeout(15_000);
    await page.goto(rig.url);
    await page.getByRole('link', { name: 'People' }).click();
    await page.getByText('Nobody has a token of their own yet.').waitFor();
    await page.getByRole('button', { name: 'Give somebody a token' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Vera');
    await dialog.getByLabel('Role').selectOption('viewer');
    await page.keyboard.press('Tab');
    await dialog.getByRole('button', { name: 'Make a token' }).click();
    const shown = page.getByLabel('Token', { exact: true });
    await shown.waitFor();
    const token = await shown.inputValue();
    expect(token).toMatch(/^vbp_/);
    await page.keyboard.press('Escape');
    await page.getByRole('rowheader', { name: 'Vera' }).waitFor();
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${rig.url}/calls/abc/hangup`, { method: 'POST', headers })).status).toBe(403);

    const { phone, report } = await talking(rig);
    const viewer = own(await openChromium({ ...DESK, token }));
    viewer.page.setDefaultTimeout(15_000);
    await viewer.page.goto(rig.url);
    await viewer.page.locator('.calls a').click();
    await viewer.page.getByRole('heading', { name: '+1 202 555 0143' }).waitFor();
    await viewer.page.locator('body[data-role="viewer"]').waitFor();
    for (const name of ['Hang up', 'Transfer', 'Listen in', 'Place a call', 'Send'])
      expect(await viewer.page.getByRole('button', { name, exact: true }).count(), name).toBe(0);
    expect(await viewer.page.getByRole('link', { name: 'People' }).isVisible()).toBe(false);
    await viewer.page.locator('#open-phone').waitFor({ state: 'hidden' });
    await viewer.page.locator('#stream').getByText('Live', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Find' }).click();
    const audit = page.getByRole('region', { name: 'What was done' });
    await audit.getByText('hangUpCall').waitFor();
    await audit.getByText('403').waitFor();
    await shoot(page, 'console/people');
    await page.getByRole('button', { name: 'Revoke the token of Vera' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('The token of Vera was revoked.').waitFor();
    // The viewer's page asks for another token by itself.
    await viewer.page
      .getByRole('dialog')
      .getByText(/not accepted/)
      .waitFor();
    await phone.hangUp();
    await report;
  });

  it('offers nobody what his role may not do, and leaves him what it may', async ({ own }) => {
    const rig = own(await start());
    const tokenOf = async (name: string, role: string): Promise<string> => {
      const made = await askAsOperator(`${rig.url}/people`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, role }),
      });
      return ((await made.json()) as { token: string }).token;
    };
    const tokens = { viewer: await tokenOf('Vera', 'viewer'), operator: await tokenOf('Otto', 'operator') };
    const { phone, report } = await talking(rig);
    await phone.hangUp();
    await report;
    const answer = async (path: string) => (await askAsOperator(`${rig.url}/${path}`)).json();
    let id = '';
    const end = performance.now() + 15_000;
    while (id === '' && performance.now() < end) {
      const { records } = (await answer('records')) as { records: Array<{ id: string; endedAt: string | null }> };
      id = records.find(({ endedAt }) => endedAt !== null)?.id ?? '';
    }
    const { files } = (await answer('agents')) as { files: string[] };
    const prompt = files.find((file) => file !== 'routes') ?? '';
    const [record, file] = [`${rig.url}/#/calls/${id}`, `${rig.url}/#/agents/${encodeURIComponent(prompt)}`];

    const viewer = own(await openChromium({ ...DESK, token: tokens.viewer }));
    viewer.page.setDefaultTimeout(15_000);
    const offered = (name: string) => viewer.page.getByRole('button', { name, exact: true }).count();
    await viewer.page.goto(file);
    await viewer.page.getByText('Your role reads only.', { exact: true }).waitFor();
    const text = viewer.page.getByLabel('Text of the file');
    expect(await text.getAttribute('readonly')).not.toBeNull();
    // What the role may not do is said before the text is there.
    await expect.poll(() => text.inputValue()).not.toBe('');
    for (const name of ['Call this draft', 'Undo my changes', 'Save …']) expect(await offered(name), name).toBe(0);
    expect(await viewer.page.getByRole('link', { name: 'New prompt' }).count()).toBe(0);
    await shoot(viewer.page, 'console/prompt-viewer');
    await viewer.page.goto(`${rig.url}/#/agents/tool%3Aend_call`);
    await viewer.page.getByText('Your role reads only: an operator may try it.').waitFor();
    expect(await offered('Run it')).toBe(0);
    await viewer.page.goto(`${rig.url}/#/setup`);
    await viewer.page.getByText('Your role reads only: an operator may have it look.').waitFor();
    expect(await offered('Have the doctor look')).toBe(0);
    await viewer.page.goto(record);
    await viewer.page.getByRole('button', { name: 'Save as JSON' }).waitFor();
    expect(await offered('Delete')).toBe(0);
    expect(viewer.faults).toEqual([]);

    const { page, faults } = own(await openChromium({ ...DESK, token: tokens.operator }));
    page.setDefaultTimeout(15_000);
    await page.goto(file);
    await page.getByText('This text is as it should be.').waitFor();
    const written = page.getByLabel('Text of the file');
    await written.fill(`${await written.inputValue()}\nBe brief.\n`);
    await page.getByText('Only an admin may save.').waitFor();
    expect(await page.getByRole('button', { name: 'Save …' }).isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Call this draft' }).isEnabled()).toBe(true);
    await page.goto(record);
    await page.getByText('Only an admin may delete.').waitFor();
    expect(await page.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true);
    await shoot(page, 'console/record-operator');
    expect(faults).toEqual([]);
    // Nobody asked for what is refused.
    const { entries } = (await answer('audit?limit=100')) as { entries: Array<{ action: string; status: number }> };
    expect(entries.filter(({ status }) => status === 403)).toEqual([]);
  });

  it('fits a phone: nothing leaves its box to the side', async ({ own }) => {
    const rig = own(await start());
    const { phone, report } = await talking(rig);
    const { page } = own(await openChromium({ viewport: { width: 390, height: 844 }, token: OPERATOR_TOKEN }));
    page.setDefaultTimeout(15_000);
    const sideways = () =>
      page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    await page.goto(rig.url);
    await page.locator('.calls a').click();
    await page.getByRole('button', { name: 'Listen in' }).click();
    await page.getByRole('button', { name: 'Speak with the caller' }).waitFor();
    expect(await sideways()).toBe(0);
    await shoot(page, 'console/listen-phone');
    await page.goto(`${rig.url}/#/people`);
    await page.getByRole('heading', { name: 'What was done' }).waitFor();
    expect(await sideways()).toBe(0);
    await shoot(page, 'console/people-phone');
    await phone.hangUp();
    await report;
  });

  it('puts the call that needs attention first, and finds one by its words', async ({ own }) => {
    const rig = own(await start());
    const silent = rig.call({ source: silenceSource(), from: '+12025550111', hangUpAfterMs: 90_000 });
    await until(() => rig.of('connected')[0], 'the first call', 20_000);
    const lively = await talking(rig);
    const { page } = own(await openChromium({ ...DESK, token: OPERATOR_TOKEN }));
    page.setDefaultTimeout(25_000);
    await page.goto(rig.url);
    const rows = page.locator('.calls .call-party');
    await page
      .locator('.calls')
      .getByText(/^Silent for \d+ s$/)
      .first()
      .waitFor();
    await page.mouse.move(1_000, 5);
    await rows.first().getByText('+1 202 555 0111').waitFor();
    await page.getByLabel('Order', { exact: true }).selectOption('newest');
    await rows.first().getByText('+1 202 555 0143').waitFor();
    await page.getByLabel('Filter the calls').fill('0111');
    await page.getByText('1 of 2').waitFor();
    expect(await rows.allTextContents()).toEqual(['+1 202 555 0111']);
    await page.getByLabel('Filter the calls').fill('nobody says this');
    await page.getByText('No call has these words.').waitFor();
    await lively.phone.hangUp();
    await silent.phone.hangUp();
    await Promise.all([lively.report, silent.report]);
    expect((await askAsOperator(`${rig.url}/calls`)).status).toBe(200);
  });
});
