import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { noChromium, type Opened, openChromium, speech } from './browser-chromium.ts';
import { Keys } from './console-keys.ts';
import { DESK } from './console-rig.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { type Placed, type Rig, startRig, until } from './rig.ts';

/** Calls that go on, and one's own at the test desk, by somebody who has a keyboard and nothing else. */

describe('calls, by the keyboard alone', () => {
  if (noChromium !== undefined) {
    it('are seen to in a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  let rig: Rig;
  let browser: Opened;
  let keys: Keys;
  const placed: Placed[] = [];
  beforeAll(async () => {
    rig = await startRig({
      settings: { RATE_LIMIT_API: '0', DIAL_ALLOW: '+1' },
      model: { voice: { tone: 620, ms: 900, dbfs: -15 } },
    });
    const word = [{ pauseMs: 2_500 }, toneSource(1_020, { ms: 600, dbfs: -15 })];
    const talking = scriptSource(word, { endless: true });
    placed.push(rig.call({ source: silenceSource(), from: '+12025550111', hangUpAfterMs: 900_000 }));
    await until(() => rig.of('connected')[0], 'the first call', 60_000);
    placed.push(rig.call({ source: talking, from: '+12025550143', hangUpAfterMs: 900_000 }));
    await until(() => rig.of('connected')[1], 'the second call', 60_000);
    browser = await openChromium({ ...DESK, token: OPERATOR_TOKEN, microphone: speech(1_500, 0, 1_000, 0) });
    browser.page.setDefaultTimeout(30_000);
    keys = new Keys(browser.page);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    for (const { phone } of placed) phone.hangUp();
    await Promise.all(placed.map(({ report }) => report));
    await rig?.close();
  });

  const operators = () => rig.of('operator').map(({ event }) => event.type);

  it('are put in order, filtered and chosen', async () => {
    const { page } = browser;
    await page.goto(`${rig.url}/#/live`);
    const rows = page.locator('.calls .call-party');
    await rows.nth(1).waitFor();
    await keys.to('Order');
    await keys.press('ArrowDown');
    await rows.first().getByText('+1 202 555 0143').waitFor();
    await keys.to('Filter the calls', 'Shift+Tab');
    await keys.type('0111');
    await page.getByText('1 of 2').waitFor();
    await keys.press('Control+a', 'Delete');
    await rows.nth(1).waitFor();
    // One stop of the tab key for all of them; arrows go on.
    await keys.to(/^\+1 202 555 01/);
    await keys.press('Home');
    expect((await keys.focused()).name).toContain('+1 202 555 0143');
    await keys.press('ArrowDown');
    expect((await keys.focused()).name).toContain('+1 202 555 0111');
    await keys.press('Home', 'Enter');
    await page.getByRole('heading', { name: '+1 202 555 0143' }).waitFor();
    await keys.isKept('a call was chosen');
  });

  it('are listened to, whispered to, taken over and handed back', async () => {
    const { page } = browser;
    await keys.use('Listen in');
    await page.getByText('You hear both sides. Nobody hears you.').waitFor();
    await keys.isKept('listening began');
    await keys.use('Whisper to the agent');
    await page.getByText('The agent hears you, the caller does not.').waitFor();
    await keys.isKept('whispering began');
    await keys.use('Speak with the caller');
    await page.getByText('The caller hears you. The agent is silent and listens.').waitFor();
    await keys.isKept('the call was taken over');
    await keys.use('Listen only');
    await page.getByText('You hear both sides. Nobody hears you.').waitFor();
    await keys.isKept('the call was handed back');
    expect(operators()).toEqual([
      ...['listen_started', 'whisper_started', 'whisper_ended', 'takeover_started', 'takeover_ended'],
    ]);
    await keys.to('What to do with the line');
    await keys.press('ArrowDown');
    await keys.to('Line for the call');
    await keys.type('be brief');
    await keys.press('Enter');
    await page.getByText('Told to the agent alone. It heeds it with what it says next.').waitFor();
    await keys.isKept('a line was sent');
  });

  it('get digits, and are hung up: Escape puts a question away, and the focus is back', async () => {
    const { page } = browser;
    const dialog = page.getByRole('dialog');
    await keys.use('Digits', 'Shift+Tab');
    await dialog.waitFor();
    await keys.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect((await keys.focused()).name).toBe('Digits');
    await keys.press('Enter');
    await dialog.waitFor();
    await keys.to('Digits');
    await keys.type('12#');
    await keys.press('Enter');
    await page.getByText('The digits were sent.').waitFor();
    await keys.isKept('digits were sent');
    await keys.use('Hang up');
    await dialog.waitFor();
    expect((await keys.focused()).name, 'what is dangerous is not focused').toBe('Cancel');
    await keys.use('Hang up');
    await page.getByText('Hung up by an operator').first().waitFor();
    await keys.isKept('the call was hung up');
    await keys.use('Open the record');
    await page.getByRole('heading', { name: '+1 202 555 0143' }).waitFor();
    await keys.isKept('the record was opened');
  });

  it('are made at the test desk: agent, voice, keys, mute, hang-up', async () => {
    const { page } = browser;
    await page.goto(`${rig.url}/#/desk`);
    await page.locator('#desk-agent option[value="prompt:default"]').waitFor({ state: 'attached' });
    await keys.to('Who answers');
    await keys.type('default');
    expect(await page.getByLabel('Who answers').inputValue()).toBe('prompt:default');
    await keys.to('Voice');
    await keys.type('cedar');
    await keys.use('Call');
    await page.getByText('In the call').waitFor();
    // The button that was pressed is gone; the one in its place has the focus.
    expect((await keys.focused()).name).toBe('Hang up');
    await keys.use('Keypad');
    await keys.to('1');
    await keys.press('ArrowDown', 'Enter', '#');
    await page.getByText('4#', { exact: true }).waitFor();
    await keys.use('Mute microphone', 'Shift+Tab');
    await page.getByRole('button', { name: 'Unmute microphone' }).waitFor();
    expect((await keys.focused()).name).toBe('Unmute microphone');
    await keys.to('Message to the agent');
    await keys.type('Hello');
    await keys.press('Enter');
    await page.getByRole('log', { name: 'Conversation' }).getByText('Hello').waitFor();
    await keys.use('Hang up', 'Shift+Tab');
    await page.getByText('The call has ended. You hung up.').waitFor();
    expect((await keys.focused()).name).toBe('Call');
    expect(browser.faults).toEqual([]);
  });
});
