import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noChromium, type Opened, openChromium, speech } from './browser-chromium.ts';
import { Keys } from './console-keys.ts';
import { DESK, untilTrue } from './console-rig.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';

/** Routes, prompts that are called before they are saved, and the devices that they are called with, by somebody who has a keyboard and nothing else. */

const ROOT = join(import.meta.dirname, '../..');
const TEXT = '---\ndescription: For a test.\ngreeting: false\n---\nYou are a test.\n';

describe('routes, drafts and devices, by the keyboard alone', () => {
  if (noChromium !== undefined) {
    it('are seen to in a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  let folder: string;
  let rig: Rig;
  let browser: Opened;
  let keys: Keys;
  const file = (name: string) => join(folder, name);
  const told = (words: string) => rig.model.sessions.some(({ received }) => JSON.stringify(received).includes(words));
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-keys-'));
    cpSync(join(ROOT, 'tools'), file('tools'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/prompts'), file('prompts'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/routes.yaml'), file('routes.yaml'));
    writeFileSync(file('prompts/default.md'), TEXT);
    rig = await startRig({
      settings: { PROMPTS_DIR: file('prompts'), ROUTES_FILE: file('routes.yaml'), RATE_LIMIT_API: '0' },
    });
    browser = await openChromium({ ...DESK, token: OPERATOR_TOKEN, microphone: speech(1_020, 0, 1_000, 0) });
    browser.page.setDefaultTimeout(30_000);
    keys = new Keys(browser.page);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await rig?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('routes are found wrong while they are written, mended, compared, saved, and had back', async () => {
    const { page } = browser;
    const dialog = page.getByRole('dialog');
    const text = page.getByLabel('Text of the file');
    const routes = readFileSync(file('routes.yaml'), 'utf8');
    await page.goto(`${rig.url}/#/agents`);
    await page.locator('.agents-list a').first().waitFor();
    await keys.to(/^Try a number and a time/);
    await keys.use(/^Who is answered by which prompt/, 'ArrowDown');
    await page.getByText('This text is as it should be.').waitFor();
    await keys.isKept('the routes were opened');
    await keys.to('Text of the file');
    await keys.press('Control+Home');
    await keys.type('calers: {}\n');
    await page.locator('.agents-notes .problem', { hasText: 'calers' }).waitFor();
    await keys.isKept('a fault was found');
    await keys.press('Control+Home', 'Shift+End');
    await keys.type('# Seen to by the keyboard.');
    await page.getByText('This text is as it should be.').waitFor();
    await keys.use('Save …');
    await dialog.locator('.diff-line.new', { hasText: 'Seen to by the keyboard.' }).waitFor();
    await keys.use('Save');
    await dialog.waitFor({ state: 'detached' });
    const saved = `# Seen to by the keyboard.\n${routes}`;
    await until(() => readFileSync(file('routes.yaml'), 'utf8') === saved, 'the routes to be saved');
    await keys.isKept('the routes were saved');
    await keys.use('Earlier versions');
    await page.getByRole('button', { name: 'Compare' }).first().waitFor();
    await keys.use('Compare');
    await dialog.locator('.diff-line.gone').waitFor();
    await keys.use('Take it back');
    await expect.poll(() => text.inputValue()).toBe(routes);
    await keys.isKept('an earlier version was taken');
    await keys.use('Undo my changes', 'Shift+Tab');
    await expect.poll(() => text.inputValue()).toBe(saved);
    await keys.isKept('changes were undone');
  });

  it('a prompt is called as it is written, and hung up; its file has nothing of it', async () => {
    const { page } = browser;
    await keys.to(/^Who is answered by which prompt/, 'Shift+Tab');
    await keys.use(/^default/, 'ArrowUp');
    await page.getByRole('heading', { name: 'default' }).waitFor();
    await page.getByText('This text is as it should be.').waitFor();
    await keys.to('Text of the file');
    await keys.press('Control+End');
    await keys.type('You are a draft.\n');
    await keys.use('Call this draft');
    await until(() => told('You are a draft.'), 'the draft answers', 30_000);
    await page.locator('#phone-panel').getByText('In the call', { exact: true }).waitFor();
    await keys.isKept('the draft was called');
    await keys.use('Hang up');
    await page.locator('#phone-panel').getByText('The call has ended. You hung up.').waitFor();
    await keys.isKept('it was hung up');
    await keys.press('Escape');
    await page.locator('#phone-panel').waitFor({ state: 'hidden' });
    await keys.isKept('the phone was put away');
    expect(readFileSync(file('prompts/default.md'), 'utf8')).toBe(TEXT);
  });

  it('a draft is called at the test desk, with the devices that were tried and chosen', async () => {
    const { page } = browser;
    const telephone = page.getByRole('region', { name: 'Telephone' });
    await keys.to('Text of the file', 'Shift+Tab');
    await keys.use('To the test desk');
    await telephone.waitFor();
    await keys.isKept('the test desk was opened');
    expect(await page.getByLabel('Who answers').inputValue()).toBe('draft:default');
    await keys.use('Devices');
    await keys.to('Microphone');
    const microphones = page.getByLabel('Microphone', { exact: true });
    await keys.use('Try the microphone');
    const meter = page.getByRole('meter', { name: 'Level of the microphone' });
    await untilTrue(async () => Number(await meter.getAttribute('aria-valuenow')) > 30, 'a level', 30_000);
    await untilTrue(async () => (await microphones.locator('option').count()) > 1, 'devices with names', 30_000);
    await keys.isKept('the microphone was tried');
    await keys.to('Microphone', 'Shift+Tab');
    await keys.press('ArrowDown');
    await untilTrue(async () => (await microphones.inputValue()) !== '', 'another microphone');
    await keys.use('Stop trying');
    await page.getByRole('button', { name: 'Try the microphone' }).waitFor();
    await keys.isKept('trying was ended');
    await keys.to('Loudspeaker');
    await keys.use('Play a tone');
    await untilTrue(
      async () => (await page.getByRole('button', { name: 'Play a tone' }).getAttribute('aria-disabled')) !== 'true',
      'the tone to be played',
      30_000,
    );
    await keys.isKept('a tone was played');
    await keys.to('Cancel echo and noise, even out loudness');
    await keys.press(' ');
    expect(await page.getByLabel('Cancel echo and noise, even out loudness').isChecked()).toBe(false);

    const sessions = rig.model.sessions.length;
    await keys.use('Call', 'Shift+Tab');
    await telephone.getByText('In the call').waitFor();
    await until(() => rig.model.sessions.length > sessions, 'a session');
    await until(
      () => JSON.stringify(rig.model.sessions.at(-1)?.received).includes('You are a draft.'),
      'the draft answers',
    );
    expect((await keys.focused()).name).toBe('Hang up');
    await keys.press('Enter');
    await telephone.getByText('The call has ended. You hung up.').waitFor();
    await keys.isKept('it was hung up');
    expect(readFileSync(file('prompts/default.md'), 'utf8')).toBe(TEXT);
    expect(browser.faults).toEqual([]);
  });
});
