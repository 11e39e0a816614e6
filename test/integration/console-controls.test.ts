import type { Locator, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { noChromium } from './browser-chromium.ts';
import { faintControls } from './console-contrast.ts';
import { DESK, openConsole, quietCaller } from './console-rig.ts';
import { startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What can be pressed in the console, in every state. */

/** The colour of a button under the pointer. */
async function hoveredFill(page: Page, button: Locator): Promise<string> {
  await button.hover();
  const fill = await button.evaluate((element) => Reflect.get(globalThis, 'getComputedStyle')(element).backgroundColor);
  await page.mouse.move(0, 0);
  return fill;
}

describe('the console’s controls', () => {
  it.for(['light', 'dark'] as const)('can be read in every state, %s', async (colorScheme, { own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(
      await startRig({ settings: { RECORDING: 'wav', RECORDING_CONSENT: 'operator', RATE_LIMIT_API: '0' } }),
    );
    const { page } = await openConsole(own, rig, { ...DESK, colorScheme });
    const seen: string[] = [];
    const look = async (where: string) => {
      for (const { control, state, ratio } of await faintControls(page))
        seen.push(`${where}: ${control} (${state}): ${ratio}`);
    };
    await page.getByText('No calls at the moment.').waitFor();
    await look('no calls');
    const placed = rig.call({ source: quietCaller(), from: '+12025550143', hangUpAfterMs: 60_000 });
    await page.locator('.calls a').click();
    await page.getByText('The caller joined').waitFor();
    await look('a call');
    await page.getByRole('button', { name: 'Hang up' }).click();
    await page.getByRole('dialog').waitFor();
    await look('hanging up');
    // What is dangerous stays so under the pointer.
    const danger = page.getByRole('dialog').getByRole('button', { name: 'Hang up' });
    const plain = page.getByRole('dialog').getByRole('button', { name: 'Cancel' });
    expect(await hoveredFill(page, danger)).not.toBe(await hoveredFill(page, plain));
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Transfer' }).click();
    await page.getByRole('dialog').waitFor();
    await look('transferring');
    await page.keyboard.press('Escape');
    await page.locator('#open-phone').click();
    await page.locator('#phone-panel').getByRole('button', { name: 'Call', exact: true }).waitFor();
    await look('the phone');
    placed.phone.hangUp();
    await placed.report;
    await page.getByRole('link', { name: 'Open the record' }).click();
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    await look('a record');
    await page.getByRole('link', { name: 'Past calls' }).first().click();
    await page.locator('.records tbody tr').first().waitFor();
    await look('past calls');
    expect(seen).toEqual([]);
  });

  it.for(['light', 'dark'] as const)('can be read when somebody signs in, %s', async (colorScheme, { own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig());
    const { page } = await openConsole(own, rig, { ...DESK, colorScheme, token: '' });
    await page.getByRole('dialog').waitFor();
    expect(await faintControls(page)).toEqual([]);
  });
});
