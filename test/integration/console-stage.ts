import type { Locator, Page } from 'playwright-core';
import { openChromium, speech } from './browser-chromium.ts';
import type { ConsoleDay } from './console-day.ts';
import { OPERATOR_TOKEN } from './operator.ts';

/** Before whom the pages of the daemon pass, in every look, each in a tab of its own. */

export interface Scene {
  readonly name: string;
  /** Where it is. */
  readonly path: (day: ConsoleDay) => string;
  /** Nobody is signed in. */
  readonly stranger?: true;
  /** Somebody is who may look and do nothing. */
  readonly viewer?: true;
  /** At the daemon that nobody has called. */
  readonly empty?: true;
  /** A part of it that is meant to be scrolled to the side, by its class. */
  readonly sideways?: string;
  /** What is waited for, and done, until it can be seen. */
  readonly arrange: (page: Page) => Promise<void>;
}

/** Waits for the first of these. */
export const see = (selector: string) => (page: Page) => page.locator(selector).first().waitFor();
/** A call's pane with what was said in it. */
export async function conversation(page: Page): Promise<void> {
  const talk = page.getByRole('log', { name: 'Conversation' });
  // On a busy machine a caller may cut in before all of a sentence was said.
  await talk
    .getByText(/Which one|It is booked/)
    .first()
    .waitFor();
}
/** Presses the first button of this name. */
export const press = (name: string | RegExp) => (page: Page) =>
  page
    .getByRole('button', { name, ...(typeof name === 'string' ? { exact: true } : {}) })
    .first()
    .click();
const GREETING = 'Thank you for calling Lakeside Dental';
/** Calls with the telephone in this part of the page, and resolves when it was answered. */
async function callWith(phone: Locator): Promise<void> {
  await phone.getByRole('button', { name: 'Call', exact: true }).click();
  await phone.getByText(GREETING, { exact: false }).first().waitFor();
}
/** A call from the page that is nothing but the telephone. */
export const callFromPage = (page: Page) => callWith(page.locator('body'));
/** A call from the telephone in the console's corner. */
export async function callFromCorner(page: Page): Promise<void> {
  await page.locator('#open-phone').click();
  await callWith(page.locator('#phone-panel'));
}
/** A call from the test desk, until an answer was measured. */
export async function callFromDesk(page: Page): Promise<void> {
  await page.getByLabel('Who answers').waitFor();
  await page.getByRole('region', { name: 'Telephone' }).getByRole('button', { name: 'Call', exact: true }).click();
  await page
    .getByText(/^Answer \d+, (not )?within the target/)
    .first()
    .waitFor({ timeout: 60_000 });
}
/** The page of the call that goes on. */
export const live = ({ liveId }: ConsoleDay) => `/#/live/${liveId}`;

export interface Look {
  readonly name: string;
  readonly colorScheme: 'light' | 'dark';
  readonly viewport: { readonly width: number; readonly height: number };
}
export const LOOKS: readonly Look[] = [
  { name: '1440-light', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: '1440-dark', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { name: '390-light', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { name: '390-dark', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
];

/** Before whom scenes pass, each in a tab of its own. */
export interface Stage {
  /**
   * Has a scene in each of these looks before `see`, and closes its tab. It is loaded and arranged in the first; for the others the window and the theme change under
   * it. Rejects, with the scene's name, where it cannot be arranged.
   */
  show(scene: Scene, looks: readonly Look[], see: (page: Page, look: Look) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function openStage(day: ConsoleDay, emptyUrl: string): Promise<Stage> {
  const { browser, context, close } = await openChromium({
    microphone: speech(1_020, 4_000, 700, 9_000),
    token: OPERATOR_TOKEN,
  });
  const stranger = await browser.newContext();
  const viewer = await browser.newContext();
  await viewer.addInitScript({
    content: `sessionStorage.setItem('voicebridge.token', ${JSON.stringify(day.viewerToken)})`,
  });
  return {
    async show(scene, looks, see) {
      const page = await (scene.stranger ? stranger : scene.viewer ? viewer : context).newPage();
      page.setDefaultTimeout(30_000);
      try {
        for (const [index, look] of looks.entries()) {
          await page.setViewportSize(look.viewport);
          await page.emulateMedia({ colorScheme: look.colorScheme });
          if (index === 0) {
            await page.goto(`${scene.empty ? emptyUrl : day.url}${scene.path(day)}`);
            await scene.arrange(page);
          } else await page.evaluate(SETTLED);
          await see(page, look);
        }
      } catch (error) {
        throw new Error(`${scene.name}: ${String(error)}`, { cause: error });
      } finally {
        await page.context().setOffline(false);
        await page.close();
        await day.settled();
      }
    },
    close,
  };
}

/** Runs in the page, whose window or theme has just changed: what follows of that is drawn, and no colour is on its way to another. */
const SETTLED = `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))).then(() => {
  for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish();
})`;
