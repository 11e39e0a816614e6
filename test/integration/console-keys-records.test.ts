import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { hearsOut } from './agent-heard.ts';
import { noChromium, type Opened, openChromium } from './browser-chromium.ts';
import { Keys } from './console-keys.ts';
import { DESK, PHONE, redrawn, untilTrue } from './console-rig.ts';
import { askAsOperator, OPERATOR_TOKEN } from './operator.ts';
import { type Rig, startRig } from './rig.ts';

/** Calls that are over, by somebody who has a keyboard and nothing else: figures, search, recording, saving, deleting. */

const GREETING = 'Welcome to the practice';
const ANSWER = 'We open at nine.';
/** What a caller says. */
const WORD = toneSource(1_020, { ms: 700, dbfs: -15 });
const ROUTES_FILE = join(import.meta.dirname, '../fixtures/routes.yaml');

describe('calls that are over, by the keyboard alone', () => {
  if (noChromium !== undefined) {
    it('are seen to in a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  let rig: Rig;
  let browser: Opened;
  let keys: Keys;
  const total = async () =>
    (
      (await (await askAsOperator(`${rig.url}/records/overview`)).json()) as {
        totals: { calls: number; active: number };
      }
    ).totals;
  beforeAll(async () => {
    rig = await startRig({
      settings: {
        ...{ ROUTES_FILE, RATE_LIMIT_API: '0', CALLS_PER_SECOND: '0' },
        ...{ RECORDING: 'wav', RECORDING_CONSENT: 'operator', RECORDINGS_MIN_FREE_MB: '0' },
      },
      model: { voice: { tone: 620, ms: 600, dbfs: -15 } },
      scenario: {
        greeting: { text: GREETING, tone: 620, toneMs: 600 },
        turns: [
          { say: { text: ANSWER, tone: 620, toneMs: 800 } },
          { waitMs: 5_500, say: { text: 'I had to look.', tone: 620, toneMs: 8_000 } },
        ],
      },
    });
    const said = (words: string) =>
      rig.agentEvents('transcript').filter(({ text, final }) => final && text === words).length;
    for (const [n, from] of ['+12025550143', '+12025550166'].entries()) {
      const { phone, report } = rig.call({ source: silenceSource(), from, hangUpAfterMs: 200_000 });
      // Whoever speaks when a line was heard out cuts into nothing.
      let heard = 0;
      const heardOut = async (ms: number) => {
        heard = await hearsOut(phone, heard + ms);
      };
      const answered = async () => {
        const turns = rig.of('turn').length;
        phone.say(WORD);
        await untilTrue(async () => rig.of('turn').length > turns, 'an answer to be heard', 60_000);
      };
      await untilTrue(async () => said(GREETING) > n, 'the greeting’s words', 60_000);
      await heardOut(400);
      await answered();
      // Its words are known in whole when all of it was said.
      await untilTrue(async () => said(ANSWER) > n, 'the answer’s words', 60_000);
      // The second caller waits for another answer, and cuts into it.
      if (n === 1) {
        await heardOut(600);
        await answered();
        const cuts = rig.of('barge_in').length;
        phone.say(WORD);
        await untilTrue(async () => rig.of('barge_in').length > cuts, 'the caller to cut in', 60_000);
      }
      phone.hangUp();
      await report;
    }
    await untilTrue(
      async () => {
        const { calls, active } = await total();
        return calls === 2 && active === 0;
      },
      'both to be stored',
      60_000,
    );
    browser = await openChromium({ ...DESK, token: OPERATOR_TOKEN });
    browser.page.setDefaultTimeout(30_000);
    keys = new Keys(browser.page);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await rig?.close();
  });

  it('are come to from their figures', async () => {
    const { page } = browser;
    await page.goto(`${rig.url}/#/live`);
    await keys.use('Overview');
    await page.locator('.tile a').first().waitFor();
    await keys.isKept('the overview was opened');
    await redrawn(page, () => keys.use('7 days'));
    await page.locator('.segmented [aria-current]', { hasText: '7 days' }).waitFor();
    await keys.isKept('another time was chosen');
    // What leads to this page again is drawn anew, and the keyboard stays on it.
    await redrawn(page, () => keys.use('default'));
    await page.getByRole('button', { name: 'Prompt default: take this filter away' }).waitFor();
    await keys.isKept('a prompt alone was looked at');
    expect((await keys.focused()).name).toBe('default');
    await redrawn(page, () => keys.use('Prompt default: take this filter away', 'Shift+Tab'));
    await keys.isKept('its filter was taken away');
    await keys.use('2');
    await page.getByRole('heading', { name: 'Past calls' }).waitFor();
    await page.locator('.records tbody tr').nth(1).waitFor();
    await keys.isKept('the figure was followed');
  });

  it('are searched by their words, and opened at the hit', async () => {
    const { page } = browser;
    await page.goto(`${rig.url}/#/calls`);
    await page.locator('.records tbody tr').nth(1).waitFor();
    await keys.to('Words');
    await keys.type('nine');
    await page.locator('.records .hit').first().waitFor();
    await keys.isKept('words were looked for');
    await keys.to(/^\+1 202 555 01/);
    await keys.press('Enter');
    await page.locator('.entry.found mark').first().waitFor();
    await keys.isKept('a hit was opened');
  });

  it('are filtered by each thing that is known of them, and all are there again', async () => {
    const { page } = browser;
    const rows = page.locator('.records tbody tr');
    const none = page.getByText('No call matches this search.');
    /** The filter at work finds nothing; without it both calls are there, and one begins anew in the first field. */
    const leavesNone = async (what: string) => {
      await none.waitFor();
      await keys.isKept(`${what} was asked for`);
      await keys.use('Clear');
      await rows.nth(1).waitFor();
      expect((await keys.focused()).name, `after ${what} was taken away`).toBe('Words');
    };
    await page.goto(`${rig.url}/#/calls`);
    await rows.nth(1).waitFor();
    await keys.to('Number');
    await keys.type('0166');
    await untilTrue(async () => (await rows.count()) === 1, 'the call of that number');
    await keys.isKept('a number was asked for');
    await keys.use('Clear');
    await rows.nth(1).waitFor();
    // One of them is slow, and its caller cut in. What was there before is one call more: the page's own answer is waited for.
    for (const [field, chosen, query] of [
      ['Slowest answer', '5', 'slowMs=5000'],
      ['Interruptions', 'The', 'interrupted=true'],
    ] as const) {
      await keys.to(field);
      await Promise.all([
        page.waitForResponse((answer) => answer.url().includes('/records?') && answer.url().includes(query)),
        page.waitForURL((url) => url.hash.includes(query)),
        keys.type(chosen),
      ]);
      await untilTrue(async () => (await rows.count()) === 1, `the call with ${query}`);
      expect(await rows.first().textContent()).toContain('0166');
      await keys.isKept(`${query} was asked for`);
      await keys.use('Clear');
      await rows.nth(1).waitFor();
    }
    for (const [field, written] of [
      ['Result', 'Failed'],
      ['To', '01012020'],
      ['Prompt', 'nobody'],
      ['Tool', 'no_such_tool'],
      ['Cost', '1000'],
    ] as const) {
      await keys.to(field);
      await keys.type(written);
      await leavesNone(field);
    }

    // With a phone's width they are behind a button.
    await page.setViewportSize(PHONE.viewport);
    const open = () => page.getByRole('button', { name: 'More filters' }).getAttribute('aria-expanded');
    await keys.use('More filters');
    expect(await open()).toBe('true');
    await keys.isKept('the filters were opened');
    await keys.to('Tool');
    await keys.type('no_such_tool');
    await leavesNone('a tool, on a phone,');
    await keys.use('More filters');
    expect(await open()).toBe('false');
    await page.setViewportSize(DESK.viewport);
    await page.goto(`${rig.url}/#/calls?text=nine`);
    await rows.first().waitFor();
    await keys.to(/^\+1 202 555 01/);
    await keys.press('Enter');
    await page.locator('.entry.found mark').first().waitFor();
  });

  it('are heard, and gone through on the axis of time', async () => {
    const { page } = browser;
    const slider = page.getByRole('slider', { name: 'Position in the recording' });
    await slider.waitFor();
    await keys.to('Position in the recording');
    const at = async () => Number(await slider.getAttribute('aria-valuenow'));
    await keys.press('End');
    const end = await at();
    await keys.press('Home');
    expect(await at()).toBe(0);
    await keys.press('ArrowRight');
    expect(await at()).toBeGreaterThan(0);
    expect(end).toBeGreaterThanOrEqual(await at());
    await keys.use('Play', 'Shift+Tab');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    expect((await keys.focused()).name).toBe('Pause');
    await keys.press('Enter');
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  });

  it('are saved', async () => {
    const { page } = browser;
    const saved = async (name: string | RegExp, by?: string) => {
      const [download] = await Promise.all([page.waitForEvent('download'), keys.use(name, by)]);
      await keys.isKept(`${name} was saved`);
      return download.suggestedFilename();
    };
    expect(await saved('Download the recording')).toMatch(/\.wav$/);
    await page.goto(`${rig.url}/#/calls`);
    await page.locator('.records tbody tr').nth(1).waitFor();
    expect(await saved('Save as CSV')).toBe('calls.csv');
    expect(await saved('Save as JSON')).toBe('calls.json');
  });

  it('are deleted, once that was asked', async () => {
    const { page } = browser;
    const dialog = page.getByRole('dialog');
    await keys.to(/^\+1 202 555 0166/);
    await keys.press('Enter');
    await page.getByRole('heading', { name: '+1 202 555 0166' }).waitFor();
    await keys.use('Delete');
    await dialog.waitFor();
    expect((await keys.focused()).name, 'what is dangerous is not focused').toBe('Cancel');
    await keys.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect((await keys.focused()).name).toBe('Delete');
    await keys.press('Enter');
    await dialog.waitFor();
    await keys.to(/^Delete/);
    await keys.press('Enter');
    await page.getByRole('heading', { name: 'Past calls' }).waitFor();
    await untilTrue(async () => (await page.locator('.records tbody tr').count()) === 1, 'one call to be left');
    await keys.isKept('a call was deleted');
    expect((await total()).calls).toBe(1);
    expect(browser.faults).toEqual([]);
  });
});
