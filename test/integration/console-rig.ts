import type { Page } from 'playwright-core';
import { scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { type Opened, openChromium } from './browser-chromium.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import type { Rig } from './rig.ts';
import { WAIT_MS } from './waiting.ts';

/** The console in a browser of its own, as the tests of it open it. */

export const DESK = { viewport: { width: 1360, height: 860 } };
export const PHONE = { viewport: { width: 390, height: 844 } };

export type Own = <T extends { close(): Promise<void> }>(what: T) => T;

export interface OpenedConsole extends Opened {
  /** How much wider and higher the page is than the window, px. */
  overflow(): Promise<number[]>;
}

/** A browser at the console of this daemon, signed in unless told otherwise. */
export async function openConsole(
  own: Own,
  { url }: Pick<Rig, 'url'>,
  options: Parameters<typeof openChromium>[0] = DESK,
  path = '/',
): Promise<OpenedConsole> {
  const opened = own(await openChromium({ token: OPERATOR_TOKEN, ...options }));
  opened.page.setDefaultTimeout(WAIT_MS);
  await opened.page.goto(`${url}${path}`, { timeout: 30_000 });
  return { ...opened, overflow: () => overflowOf(opened.page) };
}

function overflowOf(page: Page): Promise<number[]> {
  return page.evaluate(`(() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    return [Math.max(0, scrollWidth - innerWidth), Math.max(0, scrollHeight - innerHeight)];
  })()`);
}

/** A caller who speaks once and then waits. */
export const quietCaller = () =>
  scriptSource([{ pauseMs: 2_000 }, toneSource(1_020, { ms: 700, dbfs: -15 }), { pauseMs: 60_000 }]);

/** Does what has the overview ask for its figures, and waits until they are drawn anew: until then those of before are seen, and a focus on one of them is lost. */
export async function redrawn(page: Page, act: () => Promise<unknown>): Promise<void> {
  await page.locator('.overview-content > *').evaluateAll((all) => {
    for (const one of all) one.setAttribute('data-before', '');
  });
  await act();
  await page.locator('.overview-content > :not([data-before])').first().waitFor();
}

export async function untilTrue(check: () => Promise<boolean>, what: string, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
