/**
 * `npm run shots`: a picture of each page of the daemon and of each of its states, as wide as a desk and as a phone, light and dark, in
 * test-results/shots. They are made of a daemon that a script has called. Words after it choose: `npm run shots -- overview 390`; `--readme` makes the
 * one picture that the README has.
 */

import { mkdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { noChromium } from './integration/browser-chromium.ts';
import { startConsoleDay, startEmptyDay } from './integration/console-day.ts';
import { SCENES } from './integration/console-scenes.ts';
import { LOOKS, openStage, type Scene, type Stage } from './integration/console-stage.ts';

const README = resolve(import.meta.dirname, '../docs/pictures/console.png');
/** How much of a call the README's picture has in its strip of levels, which begins when a page begins to look, ms. */
const STRIP_MS = 25_000;
/** How long a calm moment is waited for, ms. */
const CALM_MS = 90_000;
const FOLDER = resolve(import.meta.dirname, '../test-results/shots');

async function main(words: readonly string[]): Promise<number> {
  if (noChromium !== undefined) {
    process.stderr.write(`${noChromium}\n`);
    return 1;
  }
  if (words.includes('--readme')) return picture(README);
  const wanted = (name: string) => words.every((word) => name.includes(word));
  const looksOf = (scene: Scene) => LOOKS.filter((look) => wanted(`${scene.name}-${look.name}`));
  const chosen = SCENES.filter((scene) => looksOf(scene).length > 0);
  if (chosen.length === 0) {
    process.stderr.write(`no picture is called so; there are ${SCENES.map(({ name }) => name).join(', ')}\n`);
    return 2;
  }
  mkdirSync(FOLDER, { recursive: true });
  await onStage(async (stage) => {
    for (const scene of chosen)
      for (const looks of Map.groupBy(looksOf(scene), ({ viewport }) => viewport.width).values())
        await stage.show(scene, looks, async (page, look) => {
          const path = join(FOLDER, `${scene.name}-${look.name}.png`);
          await page.screenshot({ path, animations: 'disabled' });
          process.stdout.write(`${relative('.', path)}\n`);
        });
  });
  return 0;
}

/** Has a stage of a daemon that was called, and of one that was not. */
async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const [day, empty] = await Promise.all([startConsoleDay(), startEmptyDay()]);
  try {
    const stage = await openStage(day, empty.url);
    await work(stage).finally(() => stage.close());
  } finally {
    await Promise.all([day.close(), empty.close()]);
  }
}

/** The live call, after a while. */
async function picture(path: string): Promise<number> {
  mkdirSync(dirname(path), { recursive: true });
  const call = SCENES.filter(({ name }) => name === 'call');
  await onStage(async (stage) => {
    for (const scene of call)
      await stage.show(scene, LOOKS.slice(0, 1), async (page) => {
        await page.waitForTimeout(STRIP_MS);
        // What else the machine does belongs in no picture: a moment in which the daemon is on time, if there is one soon.
        const late = page.locator('#health .late', { hasText: /./ });
        await late.waitFor({ state: 'detached', timeout: CALM_MS }).catch(() => {});
        await page.screenshot({ path, animations: 'disabled' });
      });
  });
  process.stdout.write(`${relative('.', path)}\n`);
  return 0;
}

process.exit(await main(process.argv.slice(2)));
