import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { describe, expect } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { hearsOut } from './agent-heard.ts';
import { noChromium, shoot } from './browser-chromium.ts';
import { DESK, openConsole, PHONE, quietCaller, redrawn, untilTrue } from './console-rig.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What the console shows of calls that are over: the overview, what a search found, saving and deleting. */

const ROUTES_FILE = join(import.meta.dirname, '../fixtures/routes.yaml');
const CALLER = '+12025550143';

/** A daemon that took one call, with an answer and a tool in it, and refused another meanwhile. */
async function oneCallAndOneRefused(
  own: <T extends { close(): Promise<void> }>(what: T) => T,
  settings: Record<string, string> = {},
): Promise<Rig> {
  const rig = own(
    await startRig({
      settings: { ROUTES_FILE, MAX_CALLS: '1', RATE_LIMIT_API: '0', CALLS_PER_SECOND: '0', ...settings },
      model: { voice: { tone: 620, ms: 600, dbfs: -15 } },
      scenario: {
        greeting: { text: 'Welcome to the practice', tone: 620, toneMs: 600 },
        turns: [
          { tools: [{ name: 'look_up_caller' }], afterTools: { text: 'I found your record.', tone: 620, toneMs: 800 } },
        ],
      },
    }),
  );
  const placed = rig.call({ source: silenceSource(), from: CALLER, hangUpAfterMs: 60_000 });
  const greeting = await hearsOut(placed.phone, 400);
  placed.phone.say(toneSource(1_020, { ms: 700, dbfs: -15 }));
  await untilTrue(async () => rig.of('turn').length > 0, 'an answer to be heard', 20_000);
  await hearsOut(placed.phone, greeting + 600);
  await rig.call({ source: quietCaller(), from: '+12025550166', hangUpAfterMs: 1_000 }).report.catch(() => undefined);
  placed.phone.hangUp();
  await placed.report;
  const overview = async () =>
    (await askAsOperator(`${rig.url}/records/overview`)).json() as Promise<{
      totals: { calls: number; active: number; refused: number; answers: { count: number } };
    }>;
  await untilTrue(async () => {
    const { totals } = await overview();
    return totals.calls === 1 && totals.active === 0 && totals.refused === 1 && totals.answers.count > 0;
  }, 'all to be stored');
  return rig;
}

describe('the console, of calls that are over', () => {
  it('says what they come to, and leads from each figure to its calls', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = await oneCallAndOneRefused(own);
    const { page, faults, overflow } = await openConsole(own, rig, DESK, '/#/overview');
    const tile = (name: string) => page.locator('.tile').filter({ has: page.getByText(name, { exact: true }) });
    await tile('Calls').getByRole('link', { name: '1', exact: true }).waitFor();
    await tile('Refused').getByRole('link', { name: '1', exact: true }).waitFor();
    expect(await tile('Answer, p50').locator('.tile-value').textContent()).toMatch(/^\d+ ms$|^\d\.\d\d s$/);
    expect(await page.locator('.chart a').count()).toBeGreaterThan(0);
    // The column of these calls stands on the ground of its picture, and inside it.
    const calls = page.getByRole('group', { name: /^Calls by/ });
    const [column, picture] = [await calls.locator('.column').first().boundingBox(), await calls.boundingBox()];
    expect(column!.y + column!.height).toBeCloseTo(picture!.y + picture!.height, 0);
    expect(column!.x + column!.width).toBeLessThanOrEqual(picture!.x + picture!.width);
    await shoot(page, 'console/overview-light');
    expect((await overflow())[0]).toBe(0);

    // Who was refused, and why.
    const why = page.getByRole('region', { name: 'Why callers were refused' });
    await why.getByText('All places were taken').waitFor();
    await why.getByRole('link', { name: /All places were taken/ }).click();
    const refused = page.getByRole('region', { name: 'Refused callers' });
    await refused.getByText('+1 202 555 0166').waitFor();
    await refused.getByText('Twilio').waitFor();
    await redrawn(page, () => refused.getByRole('link', { name: 'Close' }).click());

    /** By the keyboard: the figure leads to the one call of it, of which more may be looked at, and back. */
    const leadsToItsCall = (link: Locator, look = async () => {}) =>
      redrawn(page, async () => {
        await link.focus();
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'Past calls' }).waitFor();
        await page.locator('.records tbody tr').waitFor();
        expect(await page.locator('.records tbody tr').count()).toBe(1);
        await look();
        await page.goBack();
      });

    // Each percentile leads to the calls that were as slow, as the tile and as the picture have it.
    const answers = page.getByRole('group', { name: /^How long answers took/ }).getByRole('link');
    expect(await answers.count()).toBe(1);
    for (const link of [tile('Answer, p50').getByRole('link'), tile('Answer, p95').getByRole('link'), answers]) {
      await leadsToItsCall(link, async () => {
        expect(await page.getByLabel('Slowest answer').inputValue()).not.toBe('');
        await page.getByRole('button', { name: 'As the overview counts: take this filter away' }).waitFor();
      });
      await tile('Answer, p50').waitFor();
    }

    // Tokens by hour, and of each prompt, lead to the calls that took them.
    const tokens = page.getByRole('group', { name: /^Tokens by/ }).getByRole('link');
    expect(await tokens.count()).toBe(1);
    expect(await tokens.getAttribute('aria-label')).toMatch(/: \S+ tokens in, \S+ out$/);
    const ofPrompt = page.getByRole('region', { name: 'Prompts' }).getByTitle(/ in, of them .* cached, .* out$/);
    for (const link of [tokens, ofPrompt]) {
      await leadsToItsCall(link);
      await tile('Tokens').waitFor();
    }

    // By the keyboard: the figure of a prompt leads to the list of its calls of that time, and back.
    const prompts = page.getByRole('region', { name: 'Prompts' });
    const row = prompts.getByRole('row').nth(1);
    await row.getByRole('link', { name: '1', exact: true }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Past calls' }).waitFor();
    await page.locator('.records tbody tr').waitFor();
    expect(await page.getByLabel('Prompt').inputValue()).not.toBe('');
    await page.getByRole('button', { name: /^From .*: take this filter away$/ }).click();
    await page.goBack();
    await row.waitFor();
    await page.getByRole('link', { name: '7 days' }).click();
    await untilTrue(
      async () => (await page.locator('.segmented [aria-current]').textContent()) === '7 days',
      'the week to be shown',
    );
    await tile('Calls').getByRole('link', { name: '1', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Use the dark theme' }).click();
    await shoot(page, 'console/overview-dark');

    // An hour in which everybody was refused leads to those who were.
    await page.route(/\/records\/overview\?/, async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      for (const slot of body.slots) slot.calls = 0;
      await route.fulfill({ response, json: body });
    });
    await page.goto(`${rig.url}/#/overview?period=day`);
    const hour = page.getByRole('group', { name: 'Calls by hour' }).getByRole('link', { name: /1 refused$/ });
    await hour.focus();
    await page.keyboard.press('Enter');
    const ofHour = page.getByRole('region', { name: /^Refused callers from / });
    await ofHour.getByText('+1 202 555 0166').waitFor();
    await ofHour.getByRole('link', { name: 'Close' }).click();
    await ofHour.waitFor({ state: 'hidden' });
    expect(faults).toEqual([]);
  });

  it('shows where a search hit and opens there, saves what was found, and deletes', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = await oneCallAndOneRefused(own);
    const { page, faults } = await openConsole(own, rig, DESK, '/#/calls');
    const rows = page.locator('.records tbody tr');
    await rows.first().waitFor();
    await page.getByRole('searchbox', { name: 'Words' }).fill('recor foun');
    await rows.locator('.hit').waitFor();
    expect(await rows.locator('.hit').textContent()).toBe('Agent: I found your record.');
    expect(await rows.locator('.hit mark').allTextContents()).toEqual(['found', 'record']);
    await shoot(page, 'console/past-hit');

    const downloaded = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as CSV' }).click();
    const file = await downloaded;
    expect(file.suggestedFilename()).toBe('calls.csv');
    const lines = (await readFile(await file.path(), 'utf8')).trimEnd().split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(`,${CALLER},`);

    // By the keyboard: to the line that was found.
    await rows.first().getByRole('link').focus();
    await page.keyboard.press('Enter');
    const found = page.locator('.entry.found');
    await found.waitFor();
    expect(await found.locator('mark').allTextContents()).toEqual(['found', 'record']);
    expect(await found.evaluate((element) => element.getBoundingClientRect().top > 0)).toBe(true);
    await shoot(page, 'console/record-found');

    const id = new URL(page.url()).hash.split('/')[2]?.split('?')[0];
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Delete this call for good?').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect((await askAsOperator(`${rig.url}/records/${id}`)).status).toBe(200);
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No call matches this search.').waitFor();
    expect((await askAsOperator(`${rig.url}/records/${id}`)).status).toBe(404);
    expect(faults).toEqual([]);
  });

  it('finds them by prompt, tool, delay, interruption, failure and cost, and fits a phone', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = await oneCallAndOneRefused(own);
    const { page, overflow, faults } = await openConsole(own, rig, DESK, '/#/calls?tool=look_up_caller');
    const rows = page.locator('.records tbody tr');
    const none = page.getByText('No call matches this search.');
    await rows.first().waitFor();
    expect(await page.getByLabel('Tool').inputValue()).toBe('look_up_caller');
    await page.getByLabel('Tool').fill('nothing');
    await none.waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await rows.first().waitFor();
    await page.getByLabel('Interruptions').selectOption('true');
    await none.waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await rows.first().waitFor();
    await page.getByLabel('Result').selectOption('failed');
    await none.waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Cost').fill('1000000');
    await none.waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Slowest answer').selectOption('5000');
    await none.waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await rows.first().waitFor();
    await page.setViewportSize(PHONE.viewport);
    await page.getByRole('button', { name: 'More filters' }).click();
    await page.getByLabel('Tool').waitFor();
    expect((await overflow())[0]).toBe(0);
    await shoot(page, 'console/phone-past-filters');
    await page.goto(`${rig.url}/#/overview`);
    await page.locator('.tile').first().waitFor();
    expect((await overflow())[0]).toBe(0);
    await shoot(page, 'console/phone-overview');
    expect(faults).toEqual([]);
  });

  it('shows a recording with its time axis, and closer by mouse and keys', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = await oneCallAndOneRefused(own, {
      RECORDING: 'wav',
      RECORDING_CONSENT: 'operator',
      RECORDINGS_MIN_FREE_MB: '0',
    });
    const { page, faults, overflow } = await openConsole(own, rig, DESK, '/#/calls');
    await page.locator('.records tbody tr a').first().click();
    const slider = page.getByRole('slider', { name: 'Position in the recording' });
    await slider.waitFor();
    expect(await page.locator('.axis-ticks span').first().textContent()).toBe('0:00');
    const wide = async () => (await slider.boundingBox())?.width ?? 0;
    const before = await wide();
    const ticks = await page.locator('.axis-ticks span').count();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    expect(await wide()).toBeCloseTo(2 * before, 0);
    expect(await page.locator('.axis-ticks span').count()).toBeGreaterThanOrEqual(ticks);
    await slider.focus();
    await page.keyboard.press('+');
    expect(await wide()).toBeCloseTo(4 * before, 0);
    // The place that plays stays in sight.
    await page.keyboard.press('End');
    expect(await page.locator('.wave-main').evaluate((pane) => pane.scrollLeft > 0)).toBe(true);
    expect((await overflow())[0]).toBe(0);
    await page.keyboard.press('0');
    expect(await wide()).toBeCloseTo(before, 0);
    await shoot(page, 'console/recording-view');
    expect(faults).toEqual([]);
  });
});
