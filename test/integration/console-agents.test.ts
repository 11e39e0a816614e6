import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { axeViolations } from './axe.ts';
import { noChromium, shoot } from './browser-chromium.ts';
import { Keys } from './console-keys.ts';
import { DESK, openConsole, PHONE } from './console-rig.ts';
import { type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Agents are built, and the daemon is set up, in the console of a real browser. */

const ROOT = join(import.meta.dirname, '../..');
const TEXT = '---\ndescription: For a test.\ngreeting: false\n---\nYou are a test.\n';

describe('the console', () => {
  if (noChromium !== undefined) {
    it('builds agents in a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  let folder: string;
  let rig: Rig;
  const file = (name: string) => join(folder, name);
  const prompt = () => readFileSync(file('prompts/default.md'), 'utf8');
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-agents-'));
    cpSync(join(ROOT, 'tools'), file('tools'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/prompts'), file('prompts'), { recursive: true });
    cpSync(join(ROOT, 'test/fixtures/routes.yaml'), file('routes.yaml'));
    writeFileSync(file('prompts/default.md'), TEXT);
    rig = await startRig({
      settings: { PROMPTS_DIR: file('prompts'), ROUTES_FILE: file('routes.yaml') },
    });
  });
  afterAll(async () => {
    await rig.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows who answers and why, and a fault in a file where it is', async ({ own }) => {
    writeFileSync(file('prompts/wrong.md'), '---\ngreting: false\n---\nHello.\n');
    const { page, faults } = await openConsole(own, rig, DESK, '/#/agents');
    await page.getByLabel('Number that is dialled').fill('+1 202 555 0101');
    await page.getByRole('button', { name: 'Who answers?' }).click();
    await page.locator('.agents-why .tag', { hasText: 'takes the call' }).waitFor();
    await page.getByText(/1 thing is wrong in the files/).waitFor();
    expect(await page.locator('.agents-list a', { hasText: 'wrong' }).locator('.tag').textContent()).toBe('wrong');
    rmSync(file('prompts/wrong.md'));
    expect(faults).toEqual([]);
  });

  it('checks a prompt while it is written, saves what differs by the keyboard alone, and gives an earlier one back', async ({
    own,
  }) => {
    const { page, faults } = await openConsole(own, rig, DESK, `/#/agents/${encodeURIComponent('prompts/default.md')}`);
    const text = page.getByLabel('Text of the file');
    await page.getByText('This text is as it should be.').waitFor();
    await text.fill(TEXT.replace('greeting', 'greting'));
    await page.locator('.agents-notes .problem', { hasText: 'greeting' }).waitFor();
    await page.getByRole('button', { name: 'Save …' }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.locator('.form-problem', { hasText: 'wrong' }).waitFor();
    expect(prompt()).toBe(TEXT);
    await page.keyboard.press('Escape');

    await text.fill(`${TEXT}Be brief.\n`);
    await text.focus();
    await new Keys(page).use('Save …');
    await page.locator('.diff-line.new', { hasText: 'Be brief.' }).waitFor();
    expect(await page.locator('.diff-line.gone').count()).toBe(0);
    await page.keyboard.press('Enter');
    await page.getByText('Saved.').waitFor();
    expect(prompt()).toBe(`${TEXT}Be brief.\n`);

    await page.getByText('Earlier versions').click();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('.diff-line.gone', { hasText: 'Be brief.' }).waitFor();
    await page.getByRole('button', { name: 'Take it back' }).click();
    expect(await text.inputValue()).toBe(TEXT);
    await page.getByRole('button', { name: 'Save …' }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await until(() => prompt() === TEXT, 'the first text is there again');
    // What was refused is in the browser's own list, as everything is that is refused.
    expect(faults.filter((fault) => !fault.includes('422'))).toEqual([]);
  });

  it('takes a file whose lines end as Windows has them for edited only when it was, and leaves those ends to it', async ({
    own,
  }) => {
    const kept = TEXT.replaceAll('\n', '\r\n');
    writeFileSync(file('prompts/windows.md'), kept);
    const { page } = await openConsole(own, rig, DESK, `/#/agents/${encodeURIComponent('prompts/windows.md')}`);
    const [text, save] = [page.getByLabel('Text of the file'), page.getByRole('button', { name: 'Save …' })];
    await page.getByText('This text is as it should be.').waitFor();
    expect(await save.isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Undo my changes' }).isDisabled()).toBe(true);
    expect(await page.getByRole('link', { name: 'To the test desk' }).getAttribute('href')).toMatch(/agent=prompt%3A/);
    await text.fill(`${TEXT}Be brief.\n`);
    await save.click();
    await page.locator('.diff-line.new', { hasText: 'Be brief.' }).waitFor();
    expect(await page.locator('.diff-line:is(.new, .gone)').count()).toBe(1);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved.').waitFor();
    expect(readFileSync(file('prompts/windows.md'), 'utf8')).toBe(`${kept}Be brief.\r\n`);
    expect(await save.isDisabled()).toBe(true);
    await page.getByText('Earlier versions').click();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('.diff-line.gone', { hasText: 'Be brief.' }).waitFor();
    expect(await page.locator('.diff-line:is(.new, .gone)').count()).toBe(1);
    await page.getByRole('button', { name: 'Take it back' }).click();
    await save.click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await until(() => readFileSync(file('prompts/windows.md'), 'utf8') === kept, 'the first text is there again');
    rmSync(file('prompts/windows.md'));
  });

  it('calls a prompt that is in no file', async ({ own }) => {
    const { page } = await openConsole(
      own,
      rig,
      { ...DESK, microphone: new Int16Array(48_000) },
      `/#/agents/${encodeURIComponent('prompts/default.md')}`,
    );
    await page.getByText('This text is as it should be.').waitFor();
    await page.getByLabel('Text of the file').fill(TEXT.replace('are a test', 'are an unsaved draft'));
    await page.getByRole('button', { name: 'Call this draft' }).click();
    await until(
      () => rig.model.sessions.some(({ received }) => JSON.stringify(received).includes('an unsaved draft')),
      'the draft answers',
      20_000,
    );
    expect(prompt()).toBe(TEXT);
  });

  it('tries a tool without anything coming of it', async ({ own }) => {
    const { page, faults } = await openConsole(own, rig, DESK, '/#/agents/tool%3Aend_call');
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.getByText('It asked the line to hang up. Nothing was done.').waitFor();
    await page.locator('pre', { hasText: '"ended": true' }).waitFor();
    expect(faults).toEqual([]);
  });

  it('says what is still to be done, and has the doctor look', async ({ own }) => {
    const { page, faults } = await openConsole(own, rig, DESK, '/#/setup');
    await page.getByText('Carriers cannot reach this daemon.').waitFor();
    await page.getByRole('button', { name: 'Have the doctor look' }).click();
    await page.locator('.setup-results li', { hasText: 'disk' }).waitFor();
    await page.getByText(/\d+ well/).waitFor({ timeout: 60_000 });
    expect(faults).toEqual([]);
  }, 90_000);

  it.for([
    ['light', DESK],
    ['dark', DESK],
    ['light', PHONE],
    ['dark', PHONE],
  ] as const)('has nothing wrong for axe, in %s at %j', async ([colorScheme, size], { own }) => {
    const width = size.viewport.width;
    const { page, overflow } = await openConsole(own, rig, { ...size, colorScheme });
    for (const [name, path] of [
      ['agents', '/#/agents'],
      ['prompt', `/#/agents/${encodeURIComponent('prompts/default.md')}`],
      ['tool', '/#/agents/tool%3Abook_appointment'],
      ['setup', '/#/setup'],
    ] as const) {
      await page.goto(`${rig.url}${path}`);
      await page.locator(name === 'setup' ? '.setup-list' : '.agents-editor').waitFor();
      expect(await axeViolations(page), name).toEqual([]);
      expect((await overflow())[0], `${name} is wider than ${width}`).toBe(0);
      await shoot(page, `console/${name}-${width}-${colorScheme}`);
    }
  });
});
