import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { axeViolations } from './axe.ts';
import { noChromium, type Opened, openChromium, shoot, speech } from './browser-chromium.ts';
import { DESK, PHONE, untilTrue } from './console-rig.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';

/** The test desk of the console: a real browser calls an agent and sees its own call, from the choice of the agent to the last answer's delay. */

const ROOT = join(import.meta.dirname, '../..');
const TEXT = '---\ndescription: For a test.\ngreeting: "Hello there."\n---\nYou are the first.\n';
/** What is said into the microphone: a word of 900 ms every 4 s. */
const WORD = speech(440, 1_500, 900, 1_600);

describe('the test desk', () => {
  if (noChromium !== undefined) {
    it('calls from a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  let folder: string;
  let rig: Rig;
  let browser: Opened;
  let page: Page;
  const file = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-desk-'));
    cpSync(join(ROOT, 'tools'), file('tools'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/prompts'), file('prompts'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/routes.yaml'), file('routes.yaml'));
    writeFileSync(file('prompts/default.md'), TEXT);
    writeFileSync(file('prompts/second.md'), TEXT.replace('first', 'second'));
    rig = await startRig({
      settings: { PROMPTS_DIR: file('prompts'), ROUTES_FILE: file('routes.yaml'), RATE_LIMIT_API: '0' },
    });
    browser = await openChromium({ ...DESK, token: OPERATOR_TOKEN, microphone: WORD });
    page = browser.page;
    // Whatever is waited for comes soon, on a machine that has time.
    page.setDefaultTimeout(30_000);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await rig?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  afterEach(() => expect(browser.faults.splice(0)).toEqual([]));

  const open = (path: string) => page.goto(`${rig.url}${path}`).then(() => page.reload());
  const told = (words: string) => rig.model.sessions.some(({ received }) => JSON.stringify(received).includes(words));
  const telephone = () => page.getByRole('region', { name: 'Telephone' });
  const call = () => telephone().getByRole('button', { name: 'Call', exact: true }).click();
  const hangUp = async () => {
    await telephone().getByRole('button', { name: 'Hang up' }).click();
    await telephone().getByText('The call has ended. You hung up.').waitFor();
  };

  it('calls the prompt that is chosen and shows the very call with each answer as it comes', async () => {
    await open('/#/desk');
    await page.getByLabel('Who answers').selectOption('prompt:second');
    await page.getByLabel('Voice', { exact: true }).fill('cedar');
    await call();
    await telephone().getByText('In the call').waitFor();
    await until(() => told('You are the second.') && told('cedar'), 'the chosen prompt and voice');
    expect(told('You are the first.')).toBe(false);
    const log = page.getByRole('log', { name: 'Conversation' });
    await log.getByText('The caller joined').waitFor();
    // The answer's delay, of what it was made, and the same turn in the waterfall.
    const delays = page.getByRole('region', { name: 'This answer' });
    await delays.getByText(/^Answer \d+, (not )?within the target of/).waitFor();
    await delays.getByText('First model audio').waitFor();
    await page.getByRole('list', { name: 'Answer delay of each turn' }).getByRole('button').first().waitFor();
    expect(await delays.locator('.desk-figure').textContent()).toMatch(/^[\d.]+ (ms|s)$/);
    const time = telephone().getByRole('timer');
    const before = await time.textContent();
    await untilTrue(async () => (await time.textContent()) !== before, 'the time to go on');
    await shoot(page, 'console/desk-call');
    // Keys, as a telephone has them.
    await page.getByText('Keypad', { exact: true }).click();
    await telephone().getByRole('button', { name: '5', exact: true }).click();
    await page.keyboard.press('#');
    await until(() => rig.of('caller').filter(({ event }) => event.type === 'dtmf').length === 2, 'the keys');
    await telephone().getByText('5#', { exact: true }).waitFor();
    await page.getByLabel('Message to the agent').fill('Are you there?');
    await page.keyboard.press('Enter');
    await log.getByText('Are you there?').waitFor();
    await telephone().getByRole('button', { name: 'Mute microphone' }).click();
    await telephone().getByRole('button', { name: 'Unmute microphone' }).waitFor();
    await hangUp();
    await page.getByRole('link', { name: 'Open the record' }).waitFor();
    await page
      .getByRole('region', { name: 'Calls of this sitting' })
      .getByRole('link', { name: 'second, cedar' })
      .waitFor();
  });

  it('calls what is being written, and goes on while one looks elsewhere', async () => {
    await open(`/#/agents/${encodeURIComponent('prompts/default.md')}`);
    await page.getByText('This text is as it should be.').waitFor();
    await page.getByLabel('Text of the file').fill(TEXT.replace('the first', 'not saved yet'));
    await page.getByRole('link', { name: 'To the test desk' }).click();
    expect(await page.getByLabel('Who answers').inputValue()).toBe('draft:default');
    await call();
    await until(() => told('You are not saved yet.'), 'the draft answers', 20_000);
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('button', { name: 'Show your call' }).click();
    await telephone().getByText('In the call').waitFor();
    expect(new URL(page.url()).hash).toBe('#/desk');
    await hangUp();
  });

  it('calls nobody in place of whom its address names, however soon that is asked for', async () => {
    const told = Promise.withResolvers<void>();
    await page.route(/\/agents$/, async (route) => {
      await told.promise;
      await route.continue();
    });
    const [sessions, placed] = [rig.model.sessions.length, rig.of('call_started').length];
    await page.goto(`${rig.url}/#/desk?agent=prompt%3Asecond`).then(() => page.reload());
    await call();
    // What there is to choose among is not known yet.
    expect(await page.getByLabel('Who answers').locator('option').allTextContents()).toEqual(['As the routes say']);
    told.resolve();
    await telephone().getByText('In the call').waitFor();
    expect(rig.of('call_started').slice(placed)).toMatchObject([{ info: { prompt: 'second' } }]);
    await until(() => rig.model.sessions.length > sessions, 'a session');
    await page.unroute(/\/agents$/);
    await hangUp();
    // Nor in place of one that there is not, once that is known.
    const before = rig.of('call_started').length;
    await open('/#/desk?agent=prompt%3Anobody');
    await call();
    await page.getByText('There is no nobody: choose who answers.').waitFor();
    expect(rig.of('call_started')).toHaveLength(before);
  });

  it('lets another microphone be chosen and shows how loud it is, before anybody is called', async () => {
    await open('/#/desk');
    await page.getByText('Devices', { exact: true }).click();
    await page.getByRole('button', { name: 'Try the microphone' }).click();
    const meter = page.getByRole('meter', { name: 'Level of the microphone' });
    await untilTrue(async () => Number(await meter.getAttribute('aria-valuenow')) > 30, 'a level');
    const microphones = page.getByLabel('Microphone', { exact: true });
    await untilTrue(async () => (await microphones.locator('option').count()) > 1, 'devices with names');
    await microphones.selectOption({ index: 1 });
    await page.getByRole('button', { name: 'Stop trying' }).click();
    await page.getByRole('button', { name: 'Play a tone' }).click();
    await page.reload();
    await page.getByText('Devices', { exact: true }).click();
    // Without the page's leave a browser tells no names of devices; with it the choice is the one that was made.
    await page.getByRole('button', { name: 'Try the microphone' }).click();
    await untilTrue(async () => (await microphones.inputValue()) !== '', 'the choice to be kept');
  });

  it('says what a kind of agent lacks, and calls nobody', async () => {
    await open('/#/desk');
    await page.getByLabel('Who answers').selectOption('kind:vapi');
    await call();
    await page.getByText('Say which one: assistant_id is needed.').waitFor();
    await page.getByLabel('assistant_id').fill('a-1');
    await call();
    await telephone()
      .getByText(/VAPI_API_KEY is not set/)
      .waitFor();
    // The browser tells of every answer that is none.
    expect(browser.faults.splice(0)).toEqual([expect.stringContaining('422')]);
  });

  it.each([
    ['light', DESK],
    ['dark', DESK],
    ['light', PHONE],
    ['dark', PHONE],
  ] as const)('has nothing wrong for axe, in %s at %j', async (colorScheme, { viewport }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await open('/#/desk');
    await page.getByLabel('Who answers').waitFor();
    for (const part of ['Keypad', 'Devices']) await page.getByText(part, { exact: true }).click();
    expect(await axeViolations(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    await shoot(page, `console/desk-${viewport.width}-${colorScheme}`);
  });
});
