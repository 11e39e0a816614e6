import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noChromium, type Opened, openChromium } from './browser-chromium.ts';
import { Keys } from './console-keys.ts';
import { DESK } from './console-rig.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { type Rig, startRig } from './rig.ts';

/** What agents are made of, the setup and people, by somebody who has a keyboard and nothing else. */

const ROOT = join(import.meta.dirname, '../..');
const TEXT = '---\ndescription: For a test.\ngreeting: false\n---\nYou are a test.\n';

describe('agents, setup and people, by the keyboard alone', () => {
  if (noChromium !== undefined) {
    it('are seen to in a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  let folder: string;
  let rig: Rig;
  let browser: Opened;
  let keys: Keys;
  const file = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-keys-'));
    cpSync(join(ROOT, 'tools'), file('tools'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/prompts'), file('prompts'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/routes.yaml'), file('routes.yaml'));
    writeFileSync(file('prompts/default.md'), TEXT);
    rig = await startRig({
      settings: { PROMPTS_DIR: file('prompts'), ROUTES_FILE: file('routes.yaml'), RATE_LIMIT_API: '0' },
    });
    browser = await openChromium({ ...DESK, token: OPERATOR_TOKEN });
    browser.page.setDefaultTimeout(30_000);
    keys = new Keys(browser.page);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await rig?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('say who answers a number, and why', async () => {
    const { page } = browser;
    await page.goto(`${rig.url}/#/live`);
    await keys.use('Agents');
    await page.getByRole('button', { name: 'Who answers?' }).waitFor();
    await keys.isKept('the view was opened');
    await keys.to('Number that is dialled');
    await keys.type('+1 202 555 0101');
    await keys.press('Enter');
    await page.locator('.agents-why .tag', { hasText: 'takes the call' }).waitFor();
    await keys.isKept('the question was answered');
  });

  it('are edited, compared, saved, and had back as they were', async () => {
    const { page } = browser;
    const dialog = page.getByRole('dialog');
    await keys.to(/^Try a number and a time/);
    // Arrows go through the list of what agents are made of.
    await keys.use(/^default/, 'ArrowDown');
    await page.getByText('This text is as it should be.').waitFor();
    await keys.isKept('a prompt was opened');
    await keys.to('Text of the file');
    await keys.press('Control+End');
    await keys.type('Be brief.\n');
    await keys.use('Undo my changes');
    await expect.poll(() => page.getByLabel('Text of the file').inputValue()).toBe(TEXT);
    await keys.isKept('changes were undone');
    await keys.to('Text of the file', 'Shift+Tab');
    await keys.press('Control+End');
    await keys.type('Be brief.\n');
    await keys.use('Save …');
    await dialog.locator('.diff-line.new').waitFor();
    await keys.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect((await keys.focused()).name).toBe('Save …');
    expect(readFileSync(file('prompts/default.md'), 'utf8')).toBe(TEXT);
    await keys.press('Enter');
    await keys.use('Save');
    await page.getByText('Saved.').waitFor();
    expect(readFileSync(file('prompts/default.md'), 'utf8')).toBe(`${TEXT}Be brief.\n`);
    await keys.isKept('the file was saved');
    await keys.use('Earlier versions');
    await page.getByRole('button', { name: 'Compare' }).first().waitFor();
    await keys.use('Compare');
    await dialog.locator('.diff-line.gone').waitFor();
    await keys.use('Take it back');
    await expect.poll(() => page.getByLabel('Text of the file').inputValue()).toBe(TEXT);
    await keys.isKept('an earlier version was taken');
    await keys.use('Undo my changes', 'Shift+Tab');
  });

  it('have their tools tried', async () => {
    const { page } = browser;
    await page.goto(`${rig.url}/#/agents/tool%3Aend_call`);
    await page.getByRole('button', { name: 'Run it' }).waitFor();
    await keys.use('Run it');
    await page.getByText('It asked the line to hang up. Nothing was done.').waitFor();
    await keys.isKept('a tool was tried');
  });

  it('is set up, and looked at by the doctor', async () => {
    const { page } = browser;
    await keys.use('Setup', 'Shift+Tab');
    await page.getByText('Carriers cannot reach this daemon.').waitFor();
    await keys.use('Have the doctor look');
    await page.getByText(/\d+ well/).waitFor({ timeout: 90_000 });
    await keys.isKept('the doctor looked');
  }, 150_000);

  it('are given tokens and lose them, and what they did is found', async () => {
    const { page } = browser;
    const dialog = page.getByRole('dialog');
    await keys.use('People', 'Shift+Tab');
    await page.getByText('Nobody has a token of their own yet.').waitFor();
    await keys.use('Give somebody a token');
    await dialog.waitFor();
    await keys.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect((await keys.focused()).name).toBe('Give somebody a token');
    await keys.press('Enter');
    await keys.to('Name');
    await keys.type('Vera');
    await keys.to('Role');
    await keys.type('viewer');
    await keys.use('Make a token');
    const token = page.getByLabel('Token', { exact: true });
    await token.waitFor();
    expect(await token.inputValue()).toMatch(/^vbp_/);
    await keys.isKept('the token was made');
    await keys.press('Escape');
    await page.getByRole('rowheader', { name: 'Vera' }).waitFor();
    await keys.isKept('the token was put away');
    await keys.use('Find');
    const audit = page.getByRole('region', { name: 'What was done' });
    await audit.getByText('saveAgentFile').first().waitFor();
    // Questions change nothing, and are no deeds.
    expect(await audit.getByText('explainAnswer').count()).toBe(0);
    expect(await audit.getByText('checkAgentFile').count()).toBe(0);
    await keys.use('Revoke the token of Vera', 'Shift+Tab');
    await dialog.waitFor();
    await keys.use('Revoke');
    await page.getByText('The token of Vera was revoked.').waitFor();
    await keys.isKept('the token was revoked');
    expect(browser.faults).toEqual([]);
  });
});
