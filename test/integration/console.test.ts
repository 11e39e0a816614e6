import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { hearsOut } from './agent-heard.ts';
import { noChromium, type Opened, openChromium, shoot } from './browser-chromium.ts';
import { askAsOperator, OPERATOR_TOKEN } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { WAIT_MS } from './waiting.ts';

/** The operators' console in a real browser, before a real daemon with real calls. */

const ROUTES_FILE = join(import.meta.dirname, '../fixtures/routes.yaml');
const TOKEN = 'admin-token-of-sixteen-and-more';
const CALLER = '+12025550143';
const GREETING = 'Welcome to the practice <img src=x onerror=alert(1)>';

const DESK = { viewport: { width: 1360, height: 860 } };
const PHONE = { viewport: { width: 390, height: 844 } };

/** Keeps a picture of the page. */
const picture = (page: Page, name: string) => shoot(page, `console/${name}`);

/** A caller who speaks once and then waits. */
const caller = () => scriptSource([{ pauseMs: 2_000 }, toneSource(1_020, { ms: 700, dbfs: -15 }), { pauseMs: 30_000 }]);

/** The width that a meter of the chosen call shows, 0 to 1. */
const meter = (page: Page, side: 'caller' | 'agent') =>
  page
    .locator(`.strip .fill.${side}`)
    .evaluate((bar: { style: { transform: string } }) =>
      Number(/scaleX\(([\d.]+)/.exec(bar.style.transform)?.[1] ?? 0),
    );

/** A browser of its own at the console of this daemon, signed in unless told otherwise. */
async function open(
  own: <T extends { close(): Promise<void> }>(what: T) => T,
  rig: Rig,
  size: typeof DESK,
  token: string | undefined = OPERATOR_TOKEN,
): Promise<Opened> {
  const opened = own(await openChromium({ ...size, token }));
  opened.page.setDefaultTimeout(WAIT_MS);
  await opened.page.goto(rig.url);
  return opened;
}

async function untilTrue(check: () => Promise<boolean>, what: string, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

describe('the console', () => {
  if (noChromium !== undefined) {
    it('works in a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  describe('signed in', () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({
        settings: {
          ROUTES_FILE,
          RECORDING: 'wav',
          RECORDING_CONSENT: 'operator',
          RECORDINGS_MIN_FREE_MB: '0',
          DIAL_ALLOW: '+1',
          // Many pages open here in a few seconds, all from one address.
          RATE_LIMIT_API: '0',
        },
        model: { voice: { tone: 620, ms: 600, dbfs: -15 } },
        scenario: {
          // Long enough to be seen, and cut into, also where the page or the daemon stands still for a while.
          greeting: { text: GREETING, tone: 620, toneMs: 4_000 },
          turns: [
            { tools: [{ name: 'look_up_caller' }], afterTools: { text: 'I found you.', tone: 620, toneMs: 800 } },
          ],
        },
      });
    });
    afterAll(() => rig.close());

    it('shows a call as it goes on, ends it, and finds it afterwards', async ({ own }) => {
      const { page, faults } = await open(own, rig, DESK);
      await page.getByText('No calls at the moment.').waitFor();
      await page.locator('#stream').getByText('Live', { exact: true }).waitFor();
      await page.locator('#health').getByText('Healthy').waitFor();

      const placed = rig.call({ source: silenceSource(), from: CALLER, hangUpAfterMs: 90_000 });
      // By the keyboard alone: the list takes one tab stop, Enter opens the call.
      const row = page.locator('.calls a');
      await row.waitFor();
      await row.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: '+1 202 555 0143' }).waitFor();

      // Levels move with both voices.
      await untilTrue(async () => (await meter(page, 'agent')) > 0.3, "the agent's level to rise");
      const talk = page.getByRole('log', { name: 'Conversation' });
      await talk.getByText(GREETING, { exact: true }).waitFor();
      await hearsOut(placed.phone, 3_000);
      placed.phone.say(toneSource(1_020, { ms: 1_500, dbfs: -15 }));
      await untilTrue(async () => (await meter(page, 'caller')) > 0.3, "the caller's level to rise");
      await untilTrue(async () => (await meter(page, 'caller')) < 0.1, "the caller's level to fall");

      // Tools with what they were given, and how long the answer took.
      const tool = talk.locator('.tool-card');
      await tool.getByText('look_up_caller').waitFor();
      await tool.getByText(/^done · /).waitFor();
      await tool.locator('summary').click();
      await tool.getByText('Arguments').waitFor();
      await talk.getByText('I found you.', { exact: true }).waitFor();
      await page.locator('.bar').first().waitFor();
      expect(await page.locator('.bar').first().getAttribute('aria-label')).toMatch(
        /Turn 1 at 0:\d\d: .*First audio heard after/,
      );
      await picture(page, 'live-light');
      await page.getByRole('button', { name: 'Use the dark theme' }).click();
      await picture(page, 'live-dark');

      // What the call's words try to do does not happen.
      expect(await page.locator('img').count()).toBe(0);
      // Nothing of the page leaves its box to the side, nor scrolls behind the panes.
      expect(await overflow(page)).toEqual([0, 0]);

      await page.getByLabel('Line for the call').fill('We close in five minutes');
      await page.keyboard.press('Enter');
      await page.getByText('The agent says it next.').waitFor();

      // A refusal is told in words, and the question stays.
      await page.getByRole('button', { name: 'Transfer' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Number').fill('+442079460000');
      await page.keyboard.press('Enter');
      await dialog.getByText(/This number may not be called/).waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });

      await page.getByRole('button', { name: 'Hang up' }).click();
      await dialog.getByText('Hang up this call?').waitFor();
      await picture(page, 'hang-up');
      await dialog.getByRole('button', { name: 'Hang up' }).click();
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end.reason).toBe('operator-hangup');
      await page.locator('.call-head').getByText('Hung up by an operator').waitFor();
      await placed.report;

      await findAfterwards(page);
      // The refused transfer is the one thing the browser itself speaks of.
      expect(faults.filter((text) => !/status of 403/.test(text))).toEqual([]);
    });

    it('shows interruptions, a line that breaks and comes back, and a recording that is gone', async ({ own }) => {
      const { page } = await open(own, rig, DESK);
      const placed = rig.call({
        source: silenceSource(),
        from: '+12025550177',
        interruptAtMs: 700,
        interruptWith: toneSource(1_020, { ms: 600, dbfs: -12 }),
      });
      await page.locator('.calls a').filter({ hasText: '+1 202 555 0177' }).click();
      const talk = page.getByRole('log', { name: 'Conversation' });
      await talk.getByText(/^The caller cut in after hearing \d\.\d s; the agent was cut off within \d+ ms$/).waitFor();
      await talk.getByText(/^Interrupted: the caller heard \d\.\d s of it$/).waitFor();
      placed.phone.stream?.breakLine();
      await talk.getByText('The caller’s line broke').waitFor();
      await talk.getByText('The caller is back on the line').waitFor();
      await page.locator('.call-head').getByText('In progress').waitFor();
      await picture(page, 'live-interrupted');
      placed.phone.hangUp();
      await placed.report;
      await page.getByRole('link', { name: 'Open the record' }).click();
      const slider = page.getByRole('slider', { name: 'Position in the recording' });
      await slider.waitFor();
      const id = page.url().split('/').at(-1);
      expect((await askAsOperator(`${rig.url}/records/${id}/recording`, { method: 'DELETE' })).status).toBe(204);
      await page.reload();
      await page.getByText(/^The recording is not there any more/).waitFor();
      await talk.getByText('The caller’s line broke').waitFor();
      expect(await slider.count()).toBe(0);
      // What is not closed in the records yet goes on.
      await untilTrue(async () => {
        const { record } = (await (await askAsOperator(`${rig.url}/records/${id}`)).json()) as {
          record: { endedAt: string | null };
        };
        return record.endedAt !== null;
      }, 'the record to be whole');
      expect((await askAsOperator(`${rig.url}/records/${id}`, { method: 'DELETE' })).status).toBe(204);
      await page.reload();
      await page.getByText('There is no record of this call.').waitFor();
    });

    it('fits a phone, in one column', async ({ own }) => {
      const { page, faults } = await open(own, rig, PHONE);
      const placed = rig.call({ source: caller(), from: CALLER, hangUpAfterMs: 40_000 });
      await until(() => rig.of('first_agent_audio').length > 0, 'the agent to speak');
      await page.reload();
      // It came in the middle of the call: what happened before is read from the records.
      await page.locator('.calls a:not(.over)').first().click();
      await page.getByText('The caller joined').waitFor();
      expect(await page.locator('.list-pane').isVisible()).toBe(false);
      expect((await overflow(page))[0]).toBe(0);
      await picture(page, 'phone-live');
      await page.getByRole('link', { name: 'All live calls' }).click();
      await page.locator('.list-pane').waitFor();
      await page.getByRole('link', { name: 'Past calls' }).click();
      await page.locator('.records tbody tr').first().waitFor();
      expect((await overflow(page))[0]).toBe(0);
      await picture(page, 'phone-past');
      placed.phone.hangUp();
      await placed.report;
      expect(faults).toEqual([]);
    });

    it('says when the line to the daemon is gone, and comes back', async ({ own }) => {
      const { page } = await open(own, rig, DESK);
      const stream = page.locator('#stream');
      await stream.getByText('Live', { exact: true }).waitFor();
      await page.context().setOffline(true);
      await stream.getByText('Offline, retrying').waitFor();
      await page
        .getByRole('alert')
        .getByText(/connection to the daemon is gone/)
        .waitFor();
      const placed = rig.call({ source: caller(), from: '+12025550199', hangUpAfterMs: 40_000 });
      await until(() => rig.app.calls.size > 0, 'a call while the page is away');
      await page.context().setOffline(false);
      await stream.getByText('Live', { exact: true }).waitFor();
      // What happened meanwhile is told after the fact.
      await page.locator('.calls a:not(.over)').getByText('+1 202 555 0199').waitFor();
      expect(await page.getByRole('alert').count()).toBe(0);
      placed.phone.hangUp();
      await placed.report;
    });

    it('lets nothing run that is not its own', async ({ own }) => {
      const { page, faults } = await open(own, rig, DESK);
      const refused = await page.evaluate(`new Promise((resolve) => {
        const refused = [];
        addEventListener('securitypolicyviolation', ({ effectiveDirective }) => refused.push(effectiveDirective));
        const script = document.createElement('script');
        try { script.textContent = 'globalThis.pwned = 1'; document.head.append(script); } catch { refused.push('thrown'); }
        try { document.body.insertAdjacentHTML('beforeend', '<b id=pwned></b>'); } catch { refused.push('thrown'); }
        fetch('http://192.0.2.1/').catch(() => {});
        setTimeout(() => resolve({ refused, ran: 'pwned' in globalThis }), 300);
      })`);
      expect(refused).toMatchObject({ ran: false });
      expect((refused as { refused: string[] }).refused).toEqual(
        expect.arrayContaining(['require-trusted-types-for', 'connect-src']),
      );
      expect(faults.length).toBeGreaterThan(0);
    });

    /** The call that was just ended, in the list of past calls, with its words and its recording. */
    async function findAfterwards(page: Page): Promise<void> {
      await page.getByRole('link', { name: 'Past calls' }).click();
      const rows = page.locator('.records tbody tr');
      // Records are written a moment later.
      await untilTrue(async () => {
        await page.getByRole('searchbox', { name: 'Words' }).fill('practice');
        await page.waitForTimeout(500);
        const found = (await rows.count()) === 1 && (await rows.getByText('Hung up by an operator').count()) === 1;
        if (!found) await page.getByRole('button', { name: 'Clear' }).click();
        return found;
      }, 'the call to be found by its words');
      await picture(page, 'past-dark');
      await page.getByRole('searchbox', { name: 'Words' }).fill('zebra');
      await page.getByText('No call matches this search.').waitFor();
      await page.getByRole('button', { name: 'Clear' }).click();
      await rows.first().getByRole('link').focus();
      await page.keyboard.press('Enter');
      await page.getByText('Completed: Hung up by an operator').waitFor();
      await page.getByRole('log', { name: 'Conversation' }).getByText(GREETING, { exact: true }).waitFor();

      // The recording: its picture, played and moved by the keyboard, with the conversation beside it.
      const slider = page.getByRole('slider', { name: 'Position in the recording' });
      await slider.waitFor();
      await slider.focus();
      await page.keyboard.press('Space');
      await page.getByRole('button', { name: 'Pause' }).waitFor();
      await untilTrue(async () => Number(await slider.getAttribute('aria-valuenow')) >= 5, 'the recording to play on');
      await page.keyboard.press('Space');
      await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
      await page.keyboard.press('End');
      expect(await slider.getAttribute('aria-valuenow')).toBe('100');
      // A line of the conversation leads to where it was said.
      await page.getByText('I found you.', { exact: true }).click();
      const at = Number(await slider.getAttribute('aria-valuenow'));
      expect(at).toBeGreaterThan(20);
      expect(at).toBeLessThan(95);
      expect(await page.locator('.entry[aria-current="true"]').textContent()).toContain('I found you.');
      await picture(page, 'record-dark');
      await page.getByRole('button', { name: 'Use the light theme' }).click();
      await picture(page, 'record-light');
    }
  });

  it('asks for the token, keeps it for the tab, and forgets it', async ({ own }) => {
    const rig = own(await startRig({ settings: { ADMIN_TOKEN: TOKEN } }));
    const { page, faults } = await open(own, rig, DESK, '');
    const field = page.getByLabel('Token', { exact: true });
    await page
      .getByRole('dialog')
      .getByText(/An admin token is needed/)
      .waitFor();
    await picture(page, 'sign-in');
    await page.keyboard.press('Escape');
    expect(await field.isVisible()).toBe(true);
    await field.fill('not the token');
    await page.keyboard.press('Enter');
    await page.getByText('This token is not accepted.').waitFor();
    await field.fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.locator('#stream').getByText('Live', { exact: true }).waitFor();
    await page.reload();
    await page.locator('#stream').getByText('Live', { exact: true }).waitFor();
    // The phone has its place, which stays while views change and gives the focus back.
    await page.locator('#open-phone').click();
    await page.locator('#phone-panel').getByRole('button', { name: 'Call', exact: true }).waitFor();
    await page.evaluate("location.hash = '#/calls'");
    await page.getByRole('heading', { name: 'Past calls' }).waitFor();
    await picture(page, 'phone-panel');
    await page.keyboard.press('Escape');
    expect(await page.locator('#phone-panel').isVisible()).toBe(false);
    expect(await page.evaluate('document.activeElement.id')).toBe('open-phone');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page
      .getByRole('dialog')
      .getByText(/An admin token is needed/)
      .waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(faults.filter((text) => !/status of 401/.test(text))).toEqual([]);
  });
});

/** How much wider and higher the page is than the window, px. */
function overflow(page: Page): Promise<number[]> {
  return page.evaluate(`(() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    return [Math.max(0, scrollWidth - innerWidth), Math.max(0, scrollHeight - innerHeight)];
  })()`);
}
