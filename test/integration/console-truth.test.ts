import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { Phone, silenceSource } from '../../src/simulator/phone/index.ts';
import { noChromium, shoot, speech } from './browser-chromium.ts';
import { DESK, openConsole, quietCaller, untilTrue } from './console-rig.ts';
import { startDaemonProcess } from './daemon-process.ts';
import { askAsOperator } from './operator.ts';
import { refusingApi } from './refusing-api.ts';
import { startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What the console says is so, and what it leaves out is not: in a real browser, before a whole daemon. */

const root = join(import.meta.dirname, '../..');
const WIDE = { viewport: { width: 1440, height: 900 } };

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}
const boxOf = async (part: Locator): Promise<Box> => {
  const box = await part.boundingBox();
  if (box === null) throw new Error('it is not on the page');
  return box;
};
const overlap = (a: Box, b: Box) =>
  Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y));

/** How often this text is seen: not by who has it read out alone. */
const seenTimes = (page: Page, text: string) =>
  page.evaluate(
    `(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      let times = 0;
      while (walker.nextNode())
        if (walker.currentNode.data.trim() === ${JSON.stringify(text)} &&
          walker.currentNode.parentElement.checkVisibility() && !walker.currentNode.parentElement.closest('.visually-hidden')) times++;
      return times;
    })()`,
  );

describe('the console', () => {
  it('shows one’s own call wherever one is, with mute and hang-up, and covers nothing with the phone', async ({
    own,
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ transport: 'webrtc', settings: { DIAL_ALLOW: '+1' } }));
    const { page, overflow } = await openConsole(own, rig, { ...WIDE, microphone: speech(1_020, 1_000, 500, 5_000) });
    await page.locator('#open-phone').click();
    const panel = page.locator('#phone-panel');
    await panel.getByRole('button', { name: 'Call', exact: true }).click();
    await panel.getByText('In the call', { exact: true }).waitFor();
    await page.locator('.calls a').click();
    await page.getByText('The caller joined').waitFor();
    // What is tested stands beside the phone, and the line to write in is whole.
    for (const part of ['.waterfall', '.facts', '.composer', '.call-actions'])
      expect(overlap(await boxOf(panel), await boxOf(page.locator(part).first()))).toBe(0);
    const input = await boxOf(panel.getByRole('textbox', { name: 'Message to the agent' }));
    expect(input.y + input.height).toBeLessThanOrEqual(900);
    expect(input.x + input.width).toBeLessThanOrEqual(1_440);
    await shoot(page, 'console/phone-beside-light');
    // A page cannot be connected to a number: that is said before anybody types one.
    await page.getByRole('button', { name: 'Transfer' }).click();
    await page
      .getByRole('dialog')
      .getByText(/The caller is on a web page/)
      .waitFor();
    await page.getByRole('button', { name: 'Close' }).click();

    const pill = page.getByRole('group', { name: 'Your call' });
    await pill.getByText(/^0:\d\d$/).waitFor();
    await panel.getByRole('button', { name: 'Hide the phone' }).click();
    await page.getByRole('link', { name: 'Past calls' }).click();
    await page.getByRole('heading', { name: 'Past calls' }).waitFor();
    await pill.getByText(/^0:\d\d$/).waitFor();
    await shoot(page, 'console/own-call');
    await pill.getByRole('button', { name: 'Mute your microphone' }).click();
    await pill.getByRole('button', { name: 'Unmute your microphone' }).waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await pill.getByRole('button', { name: 'Hang up your call' }).waitFor();
    expect((await overflow())[0]).toBe(0);
    await pill.getByRole('button', { name: 'Show your call' }).click();
    await panel.getByRole('button', { name: 'Unmute microphone' }).waitFor();
    await panel.getByRole('button', { name: 'Hide the phone' }).click();
    // The keyboard is where the phone is opened from.
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Show your call');
    await page.keyboard.press('Enter');
    await panel.getByRole('button', { name: 'Unmute microphone' }).waitFor();
    await shoot(page, 'console/phone-below');
    await pill.getByRole('button', { name: 'Hang up your call' }).click();
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end.reason).toBe('caller-hangup');
    await pill.waitFor({ state: 'hidden' });
    await page.locator('#open-phone').waitFor();
  });

  it('tells of callers who are refused, why, and what changes it', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ settings: { MAX_CALLS: '1' } }));
    const { page } = await openConsole(own, rig);
    await page.locator('#health').getByText('Healthy').waitFor();
    const first = rig.call({ source: quietCaller(), hangUpAfterMs: 60_000 });
    await page.locator('.calls a').waitFor();
    await rig.call({ source: silenceSource(), from: '+12025550177' }).report;
    // Told at once, not at the next look.
    const note = page.getByRole('button', { name: '1 refused' });
    await note.waitFor({ timeout: 3_000 });
    await page.getByText(/^1 caller refused, the last just now: all places were taken\.$/).waitFor();
    await note.click();
    await page.getByText(/^All places were taken \(calls\): 1 caller, the last just now$/).waitFor();
    await page.getByText('MAX_CALLS says how many there are.').waitFor();
    await shoot(page, 'console/refused');
    first.phone.hangUp();
    await first.report;
  });

  it('says that a stand-in answers, that it costs nothing, and how the first call gets here', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(
      await startRig({ settings: { OPENAI_API_KEY: '', OPENAI_BASE_URL: '', OPENAI_TRANSCRIPTION_MODEL: '' } }),
    );
    const { page } = await openConsole(own, rig);
    await page.getByText(/EMBEDDED SIMULATED MODEL/).waitFor();
    await page.getByText('npm run call', { exact: true }).waitFor();
    await page.getByText(`${rig.url}/incoming-call`, { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Copy the webhook’s address' }).waitFor();
    expect(await seenTimes(page, 'Live')).toBe(1);
    expect(await page.getByText(/\bloop\b/).count()).toBe(0);
    await shoot(page, 'console/first-steps');

    const placed = rig.call({ source: quietCaller(), from: '+12025550143', hangUpAfterMs: 60_000 });
    await page
      .locator('.calls a')
      .getByText(/^Simulated · /)
      .waitFor();
    await page.locator('.calls a').click();
    await page.locator('.call-head').getByText('Simulated', { exact: true }).waitFor();
    // What the caller said is written down without a setting.
    await page
      .getByRole('log')
      .getByText(/^You said this, /)
      .first()
      .waitFor();
    // The delay of each answer stands beside it.
    await page
      .getByRole('log')
      .getByText(/^after \d+ ms$|^after \d\.\d\d s$/)
      .first()
      .waitFor();
    placed.phone.hangUp();
    await placed.report;
    // What is over is not green.
    await page.locator('.call-head').getByText('The caller hung up').waitFor();
    expect(await page.locator('.call-head .dot').getAttribute('data-tone')).toBe('neutral');
    await page.getByRole('link', { name: 'Open the record' }).click();
    await page.locator('.past-detail').getByText('Simulated, at no cost').first().waitFor();
    expect(await page.getByText(/gpt-realtime|\$/).count()).toBe(0);
  });

  it('says why callers’ words are missing, and what turns them on', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ settings: { OPENAI_TRANSCRIPTION_MODEL: 'off' } }));
    const { page } = await openConsole(own, rig);
    const placed = rig.call({ source: quietCaller(), hangUpAfterMs: 60_000 });
    await page.locator('.calls a').click();
    await page
      .getByRole('log')
      .getByText(/not written down\. OPENAI_TRANSCRIPTION_MODEL/)
      .waitFor();
    placed.phone.hangUp();
    await placed.report;
  });

  it('does not offer what cannot be done: it names the setting; prompts are chosen', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig());
    const { page } = await openConsole(own, rig);
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Place a call' }).click();
    await dialog.getByText('No number may be called: DIAL_ALLOW names none.').waitFor();
    await dialog.getByText(/^Set DIAL_ALLOW and start the daemon anew/).waitFor();
    expect(await dialog.getByRole('textbox').count()).toBe(0);
    await page.keyboard.press('Escape');
    const placed = rig.call({ source: quietCaller(), hangUpAfterMs: 60_000 });
    await page.locator('.calls a').click();
    await page.getByText('The caller joined').waitFor();
    await page.getByRole('button', { name: 'Transfer' }).click();
    await dialog.getByText('No number may be called: DIAL_ALLOW names none.').waitFor();
    await page.keyboard.press('Escape');
    // What the caller says cuts off keys, too: he has spoken by then.
    await page.getByText('You said this').first().waitFor();
    // A message covers nothing that is written in.
    await page.getByRole('button', { name: 'Digits' }).click();
    await dialog.getByLabel('Digits').fill('1');
    await page.keyboard.press('Enter');
    const toast = page.locator('.toast');
    await toast.waitFor();
    for (const part of ['.composer', '.call-actions'])
      expect(overlap(await boxOf(toast), await boxOf(page.locator(part)))).toBe(0);
    placed.phone.hangUp();
    await placed.report;

    const able = own(
      await startRig({
        settings: {
          DIAL_ALLOW: '+1202',
          OUTBOUND_FROM: '+12025550100',
          PUBLIC_URL: 'https://voice.example.com',
          TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
          TWILIO_AUTH_TOKEN: 'token-of-the-tests-account-0000000',
        },
      }),
    );
    const { page: other } = await openConsole(own, able);
    await other.getByRole('button', { name: 'Place a call' }).click();
    await other.getByRole('dialog').getByLabel('Prompt').selectOption('after-hours');
    // WhatsApp is spoken of where it is set up.
    expect(
      await other
        .getByRole('dialog')
        .getByText(/WhatsApp/)
        .count(),
    ).toBe(0);
  });

  it('shows a prompt that is broken, with its line, before a call needs it', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-prompts-'));
    own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
    cpSync(join(root, 'prompts'), folder, { recursive: true });
    const rig = own(await startRig({ settings: { PROMPTS_DIR: folder, ROUTES_FILE: join(folder, 'routes.yaml') } }));
    const { page } = await openConsole(own, rig);
    await page.locator('#health').getByText('Healthy').waitFor();
    writeFileSync(join(folder, 'after-hours.md'), '---\nvioce: marin\n---\nBe kind.\n');
    await page.locator('#health').getByText('Something is wrong').waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: /^\d problems?$/ }).click({ timeout: 20_000 });
    await page.getByText(/after-hours\.md:2: vioce: there is no such setting; did you mean voice\?/).waitFor();
    await shoot(page, 'console/problems');
  });

  it('shows a key that the model refuses from the start, with all of the server’s words but the key', async ({
    own,
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const api = own(await refusingApi());
    const rig = own(await startRig({ settings: { OPENAI_BASE_URL: api.url } }));
    const { page } = await openConsole(own, rig);
    await page.locator('#health').getByText('Model refuses calls: check key and credit').waitFor();
    await page.getByRole('button', { name: '1 problem' }).click({ timeout: 15_000 });
    await page.getByText(/Incorrect API key provided: \[redacted\]/).waitFor();
  });

  it('does not take a daemon that was killed for one that lives, and says afterwards what became of its calls', async ({
    own,
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-killed-'));
    own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
    const settings = { DATA_DIR: folder, RECORDING: 'wav', RECORDING_CONSENT: 'operator', RECORDINGS_MIN_FREE_MB: '0' };
    let daemon = await startDaemonProcess(settings);
    own({ close: () => daemon.kill('SIGKILL') });
    const phone = new Phone({ carrier: 'twilio', source: quietCaller(), hangUpAfterMs: 90_000 });
    const report = phone.placeCall({ webhookUrl: `${daemon.url}/incoming-call` });
    const { page } = await openConsole(own, daemon);
    await page.locator('.calls a').click();
    const head = page.locator('.call-head');
    await head.getByText('In progress').waitFor();
    await head.getByText('Recording', { exact: true }).waitFor();
    await daemon.kill('SIGKILL');
    await page.locator('#stream').getByText('Offline, retrying').waitFor();
    await head.getByText('Not known: no connection').waitFor();
    expect(await head.getByText('Recording', { exact: true }).isVisible()).toBe(false);
    const clock = page.locator('.call-time');
    const stood = await clock.textContent();
    await shoot(page, 'console/killed');
    await page.waitForTimeout(2_500);
    expect(await clock.textContent()).toBe(stood);
    expect(
      await page.evaluate(
        `[...document.querySelectorAll('.calls .fill')].map((one) => one.getBoundingClientRect().width)`,
      ),
    ).toEqual([0, 0]);
    const { port } = new URL(daemon.url);
    daemon = await startDaemonProcess({ ...settings, PORT: port });
    await head.getByText('The daemon stopped unexpectedly').waitFor({ timeout: 40_000 });
    expect(await head.getByText('Recording', { exact: true }).isVisible()).toBe(false);
    phone.hangUp();
    await report;
  });

  it('draws the delay of every turn of a long call, by the keyboard too, in colours of its own', async ({
    own,
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig());
    const { page } = await openConsole(own, rig);
    await page.evaluate(LONG_CALL);
    const bars = page.getByRole('list', { name: 'Answer delay of each turn' }).getByRole('button');
    expect(await bars.count()).toBe(220);
    await page.getByText('p50 800 ms · p95 1.35 s · longest 3.00 s · 220 turns, 23 of 1.00 s or more').waitFor();
    expect(await bars.first().getAttribute('aria-label')).toMatch(/^Turn 1 at 0:10: .*tool book took 300 ms/);
    await page.getByLabel('Order of the turns').selectOption('Slowest first');
    expect(await bars.first().getAttribute('aria-label')).toMatch(/^Turn 150 /);
    await bars.first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('globalThis.chosen')).toHaveLength(1);
    const colours = (await page.evaluate(`['detect', 'think', 'deliver', 'tool'].map((name) =>
      getComputedStyle(document.querySelector('#long .swatch.' + name)).backgroundColor)`)) as string[];
    const people = (await page.evaluate(`['caller', 'agent'].map((name) => {
      const probe = document.createElement('i');
      probe.style.color = 'var(--' + name + ')';
      document.body.append(probe);
      return getComputedStyle(probe).color;
    })`)) as string[];
    expect(new Set([...colours, ...people]).size).toBe(6);
    await shoot(page, 'console/waterfall');
  });

  it('leads from each bar of a long live call to its own line, or says that it is not there', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig());
    const { page } = await openConsole(own, rig);
    await page.evaluate(LONG_TALK);
    const pane = page.locator('#long-talk');
    const bars = pane.getByRole('list', { name: 'Answer delay of each turn' }).getByRole('button');
    expect(await bars.count()).toBe(220);
    const revealed = pane.locator('.entry.revealed');
    for (const turn of [1, 2, 110, 220]) {
      await bars.nth(turn - 1).click();
      await revealed
        .getByText(`Answer ${turn}.`, { exact: true })
        .or(revealed.getByText(`Question ${turn}?`, { exact: true }))
        .waitFor();
      expect(await revealed.count(), `turn ${turn}`).toBe(1);
    }
    await page.evaluate('globalThis.shorten()');
    await bars.first().click();
    await pane.getByText(/^The line at 0:1\d is not shown here\. Open the record$/).waitFor();
    expect(await pane.getByRole('link', { name: 'Open the record' }).last().getAttribute('href')).toBe('#/calls/long');
    // What is there is led to, and that something was missing is said no longer.
    await bars.last().click();
    await revealed.getByText(/^(Question|Answer) 220/).waitFor();
    await pane.getByText(/is not shown here/).waitFor({ state: 'hidden' });
  });

  it.for([
    ['beside', { width: 1_360, height: 860 }],
    ['stacked', { width: 820, height: 900 }],
    ['at 200 %', { width: 680, height: 430 }],
  ] as const)('lets a record scroll as a page, its parts %s', async ([, viewport], { own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ settings: { RECORDING: 'wav', RECORDING_CONSENT: 'operator' } }));
    const { page, overflow } = await openConsole(own, rig, { ...DESK, viewport });
    const placed = rig.call({ source: quietCaller(), hangUpAfterMs: 60_000 });
    await until(() => rig.of('turn')[0], 'a turn', 20_000);
    placed.phone.hangUp();
    await placed.report;
    const id = rig.of('call_started')[0]?.info.id;
    await untilTrue(async () => {
      const answer = await askAsOperator(`${rig.url}/records/${id}`);
      return answer.ok && ((await answer.json()) as { record: { endedAt: string | null } }).record.endedAt !== null;
    }, 'its record');
    await page.evaluate(`location.hash = '#/calls/${id}'`);
    await page.locator('.past-detail .bar').first().waitFor();
    // Nothing within the page scrolls by itself, and no column is narrower than its place.
    const scrolls = await page.evaluate(`[...document.querySelectorAll('.past-detail *')].filter((one) =>
      /auto|scroll/.test(getComputedStyle(one).overflowY) && one.scrollHeight > one.clientHeight + 1).map((one) => one.className)`);
    expect(scrolls).toEqual([]);
    expect((await overflow())[0]).toBe(0);
    const columns = await boxOf(page.locator('.call-columns'));
    const talk = await boxOf(page.locator('.talk'));
    const aside = await boxOf(page.locator('.call-aside'));
    if (viewport.width > 1_180) expect(talk.width + aside.width).toBeGreaterThan(columns.width - 20);
    else
      expect([talk.width, aside.width].map(Math.round)).toEqual([Math.round(columns.width), Math.round(columns.width)]);
    await shoot(page, `console/record-${viewport.width}`);
  });
});

/** Puts a waterfall of a call with 220 turns into the page: each takes 800 ms, every tenth 1350 ms, one 3 s; the first has a tool. */
const LONG_CALL = `(async () => {
  const { createWaterfall } = await import('/console/js/views/waterfall.js');
  const { newCall } = await import('/console/js/model/call-state.js');
  globalThis.chosen = [];
  const call = newCall('long');
  for (let index = 0; index < 220; index++) {
    const at = 10_000 + index * 5_000;
    const ms = index === 149 ? 3_000 : index % 10 === 5 ? 1_350 : 800;
    call.turns.push({ index, callerStoppedMs: at, detectedMs: at + 300, firstAudioMs: at + ms - 100, heardMs: at + ms });
  }
  call.tools.push({ name: 'book', fromMs: 10_350, ms: 300 });
  const waterfall = createWaterfall({ choose: (ms) => globalThis.chosen.push(ms) });
  waterfall.element.id = 'long';
  document.querySelector('main').replaceChildren(waterfall.element);
  waterfall.update(call);
})()`;

/** Puts the pane of a live call with 220 turns into the page, by its events alone; `shorten()` keeps its last ten lines. */
const LONG_TALK = `(async () => {
  const { createCallPane } = await import('/console/js/views/call-pane.js');
  const { applyEvent, newCall } = await import('/console/js/model/call-state.js');
  const make = (options) => {
    const call = newCall('long', { startedAt: 1_000_000, ...options });
    let seq = 0;
    const tell = (offsetMs, type, data) => applyEvent(call, { seq: seq++, at: 1_000_000 + offsetMs, offsetMs, type, data });
    tell(0, 'call_started', { direction: 'inbound', info: {} });
    tell(100, 'connected', { audioPath: '' });
    for (let index = 0; index < 220; index++) {
      const at = 10_000 + index * 5_000;
      const [asks, answers] = ['q' + index, 'a' + index];
      tell(at - 1_500, 'agent.speech_started', { itemId: asks });
      tell(at, 'agent.transcript', { role: 'caller', itemId: asks, text: 'Question ' + (index + 1) + '?', final: true });
      tell(at + 700, 'agent.audio_started', { itemId: answers });
      tell(at + 800, 'agent.transcript', { role: 'agent', itemId: answers, text: 'Answer ' + (index + 1) + '.', final: true });
      tell(at + 900, 'turn', { index, callerStoppedMs: at, detectedMs: at + 300, firstAudioMs: at + 700, heardMs: at + 800 });
    }
    return call;
  };
  const pane = createCallPane({ api: { token: null }, now: () => 2_200_000, isThere: () => true, status: { current: undefined } });
  pane.element.id = 'long-talk';
  document.querySelector('main').replaceChildren(pane.element);
  pane.update(make(), false);
  globalThis.shorten = () => {
    const call = make({ maxEntries: 10 });
    call.rev += 1;
    pane.update(call, false);
  };
})()`;
