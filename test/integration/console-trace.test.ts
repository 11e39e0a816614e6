import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { noChromium, shoot } from './browser-chromium.ts';
import { ADMIN, startCallsRig, THEIRS } from './calls-rig.ts';
import { DESK, openConsole, untilTrue } from './console-rig.ts';
import { until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What operators do with a call leaves a trace in it, with who did it: while the call goes on, and in its record. */

const ELSEWHERE = '+12025553333';

/** The lines of a conversation that are neither words nor tools, oldest first. */
const marksIn = (page: Page) => page.getByRole('log', { name: 'Conversation' }).locator('.mark-line').allTextContents();

describe('the console', () => {
  it('writes down what operators do, with who did it: words, digits, a transfer and a hang-up', async ({
    own,
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startCallsRig({ carrier: 'twilio', settings: { RATE_LIMIT_API: '0' } }));
    const { page, faults } = await openConsole(own, rig, { ...DESK, token: ADMIN });
    const dialog = page.getByRole('dialog');
    const head = page.locator('.call-head');
    const talk = page.getByRole('log', { name: 'Conversation' });
    /** Has the daemon call somebody, and opens that call. */
    const call = async (n: number) => {
      const { id } = (await rig.api('POST', '/calls', { to: THEIRS })).body;
      await until(() => rig.of('connected').length === n, 'both ends', 20_000);
      await page.evaluate(`location.hash = '#/live/${id}'`);
      await head.getByText('In progress').waitFor();
      return id as string;
    };

    const first = await call(1);
    await page.getByLabel('Line for the call').fill('We close in five minutes');
    await page.keyboard.press('Enter');
    await talk.getByText('admin had the agent say: “We close in five minutes”').waitFor();
    await page.getByRole('button', { name: 'Digits' }).click();
    await dialog.getByLabel('Digits').fill('42');
    await page.keyboard.press('Enter');
    await talk.getByText('admin had 2 digits played').waitFor();
    await page.getByRole('button', { name: 'Transfer' }).click();
    await dialog.getByLabel('Number').fill(ELSEWHERE);
    await page.keyboard.press('Enter');
    await talk.getByText('admin transferred the caller').waitFor();
    await until(() => rig.carrier.calls[0]?.dialled[0] === ELSEWHERE, 'the carrier connects him', 20_000);
    // It is over for the agent, and what is over is not green.
    await head.getByText('Transferred').waitFor();
    expect(await head.locator('.dot').getAttribute('data-tone')).toBe('neutral');
    await shoot(page, 'console/trace');

    const second = await call(2);
    await page.getByRole('button', { name: 'Hang up' }).click();
    await dialog.getByRole('button', { name: 'Hang up' }).click();
    await talk.getByText('admin hung up').waitFor();
    await head.getByText('Hung up by an operator').waitFor();
    expect(await head.locator('.dot').getAttribute('data-tone')).toBe('neutral');

    // Whoever reads the record later sees the same, in this order.
    for (const [id, lines] of [
      [
        first,
        [
          'admin had the agent say: “We close in five minutes”',
          'admin had 2 digits played',
          'admin transferred the caller',
        ],
      ],
      [second, ['admin hung up']],
    ] as const) {
      await untilTrue(
        async () => ((await rig.api('GET', `/records/${id}`)).body?.record?.endedAt ?? null) !== null,
        'the record to be whole',
      );
      await page.evaluate(`location.hash = '#/calls/${id}'`);
      await page.locator('.past-detail').getByText(lines[0]).waitFor();
      expect((await marksIn(page)).filter((line) => line.startsWith('admin'))).toEqual(lines);
    }
    expect(faults).toEqual([]);
  });
});
