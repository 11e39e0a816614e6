import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeViolations } from './axe.ts';
import { noChromium } from './browser-chromium.ts';
import { faintControls } from './console-contrast.ts';
import { type ConsoleDay, startConsoleDay, startEmptyDay } from './console-day.ts';
import { SCENES } from './console-scenes.ts';
import { LOOKS, type Look, openStage, type Stage, see } from './console-stage.ts';
import type { Rig } from './rig.ts';

/** Every page and state that `npm run shots` makes pictures of, as axe finds it, whether its controls can be read in every state, and whether it and each of its parts fit the window. */

/** Pages are loaded in a narrow window, where less fits, and made wide under what is shown: the other tests of the console load them in a wide one. */
const NARROW_FIRST = LOOKS.toSorted((a, b) => a.viewport.width - b.viewport.width);

/** Widths at which nothing else is looked at than whether all fits: the smallest of phones, and where the layout changes; 720 px is also 1440 px with letters of twice the size. */
const BETWEEN = [320, 720, 820, 1_024].map(
  (width): Look => ({ name: `${width}`, colorScheme: 'dark', viewport: { width, height: 900 } }),
);

/** The width at which every control is looked at, px: none of them is folded away there. */
const WIDE_PX = 1_440;

/** Room of the console's head in a narrow window, px: messages begin below it. */
const HEAD_PX = 106;

/** Runs in the page: the parts of it that must be scrolled to the side to be seen whole. */
const SIDEWAYS = `[...document.querySelectorAll('*')]
  .filter((part) => /auto|scroll/.test(getComputedStyle(part).overflowX) && part.scrollWidth > part.clientWidth + 1)
  .map((part) => ({ part: part.className || part.localName, px: part.scrollWidth - part.clientWidth }))`;

/** Runs in the page: what is said or pressed in its head and lies over another such part. */
const COVERED = `(() => {
  const parts = [...document.querySelectorAll('.top :is(.note, .status-item, .own-call, .top-buttons > button, .brand)')]
    .map((part) => ({ name: part.getAttribute('aria-label') ?? part.textContent, box: part.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0);
  return parts.flatMap((a, i) => parts.slice(i + 1).flatMap((b) => {
    const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const tall = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    return wide > 1 && tall > 1 ? [a.name + ' and ' + b.name + ' overlap in the head by ' + Math.round(wide) + ' px'] : [];
  }));
})()`;

/** Runs in the page: what is pressed, or names what is, and whose words are cut off or need more than one line. */
const BROKEN_WORDS = `(() => {
  const said = [];
  for (const part of document.querySelectorAll('button:not(.row), a.button, .vb-caption, .tag, .segmented a')) {
    if (!part.checkVisibility()) continue;
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    const words = part.textContent.trim().slice(0, 40);
    while (walker.nextNode()) {
      if (walker.currentNode.parentElement.closest('.visually-hidden, svg') !== null) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      const tops = [...range.getClientRects()].filter(({ width }) => width > 0).map(({ top }) => top);
      if (tops.length > 0 && Math.max(...tops) - Math.min(...tops) > 12) said.push('"' + words + '" needs more than one line');
    }
    const { overflowX, textOverflow } = getComputedStyle(part);
    if (overflowX !== 'visible' && textOverflow !== 'ellipsis' && part.scrollWidth > part.clientWidth + 1)
      said.push('"' + words + '" is cut off');
  }
  return said;
})()`;

describe('every page', () => {
  if (noChromium !== undefined) {
    it('is looked at in a real browser', ({ skip }) => skip(noChromium));
    return;
  }
  let day: ConsoleDay;
  let empty: Rig;
  let stage: Stage;
  beforeAll(async () => {
    [day, empty] = await Promise.all([startConsoleDay(), startEmptyDay()]);
    stage = await openStage(day, empty.url);
  }, 180_000);
  afterAll(() => Promise.all([stage?.close(), day?.close(), empty?.close()]));

  it.for(SCENES)(
    'has nothing wrong for axe, controls that can be read, and is no wider than the window: $name',
    async (scene) => {
      const wrong: string[] = [];
      const widths = new Set<number>();
      await stage.show(scene, [...NARROW_FIRST, ...BETWEEN], async (page, look) => {
        const { name, viewport } = look;
        const { width } = viewport;
        const isSeen = widths.has(width);
        widths.add(width);
        for (const violation of BETWEEN.includes(look) ? [] : await axeViolations(page, isSeen ? 'colours' : 'all'))
          wrong.push(`${name}: ${violation}`);
        if (width === WIDE_PX)
          for (const { control, state, ratio } of await faintControls(page))
            wrong.push(`${name}: ${control} (${state}) has a contrast of ${ratio}`);
        const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        if (Number(wider) > 0) wrong.push(`${name}: ${wider} px wider than the window`);
        for (const { part, px } of await page.evaluate<Array<{ part: string; px: number }>>(SIDEWAYS))
          if (part !== scene.sideways) wrong.push(`${name}: ${part} scrolls sideways by ${px} px`);
        for (const words of await page.evaluate<string[]>(COVERED)) wrong.push(`${name}: ${words}`);
        for (const words of await page.evaluate<string[]>(BROKEN_WORDS)) wrong.push(`${name}: ${words}`);
        const head = await page.evaluate("document.querySelector('.top')?.getBoundingClientRect().height ?? 0");
        if (Number(head) > HEAD_PX) wrong.push(`${name}: the head takes ${head} px`);
      });
      expect(wrong).toEqual([]);
    },
  );

  const PHONE = NARROW_FIRST.slice(0, 1);

  it('has every view within reach of who has a phone, and says which one is shown', async () => {
    const scene = { name: 'views', path: () => '/#/live', arrange: see('.calls a') };
    await stage.show(scene, PHONE, async (page) => {
      const views = page.getByRole('navigation', { name: 'Views' });
      const more = views.locator('button');
      expect(await more.textContent()).toBe('More views');
      for (const name of ['Agents', 'Test desk', 'Setup', 'People', 'Tests']) {
        await more.click();
        const link = views.getByRole('link', { name, exact: true });
        const box = await link.boundingBox();
        expect(box?.x).toBeGreaterThanOrEqual(0);
        expect(box!.x + box!.width).toBeLessThanOrEqual(390);
        await link.click();
        if (name === 'Tests') await page.waitForURL(/tests\.html/);
        else await more.getByText(name).waitFor();
        expect(await link.isVisible()).toBe(false);
      }
    });
  });

  it('shows the part of an agent that was chosen in place of the list, on a phone, and leads back; the keyboard comes along', async () => {
    const scene = { name: 'agents', path: () => '/#/agents', arrange: see('.agents-list a') };
    await stage.show(scene, PHONE, async (page) => {
      const list = page.locator('.agents-list');
      const focused = () => page.evaluate<string>('document.activeElement.textContent');
      await list.getByRole('link', { name: 'end_call' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'end_call' }).waitFor();
      expect(await list.isVisible()).toBe(false);
      await expect.poll(focused).toBe('All agents');
      await page.keyboard.press('Enter');
      await list.waitFor();
      await expect.poll(focused).toBe('Try a number and a time');
    });
  });

  it('has an axis with its times below every recording, also of a test, as wide as it comes to be', async () => {
    for (const name of ['record', 'tests-case']) {
      const scene = SCENES.find((one) => one.name === name)!;
      await stage.show(scene, NARROW_FIRST, async (page, look) => {
        await expect
          .poll(() => page.locator('.axis-ticks span').count(), { message: `${name} ${look.name}` })
          .toBeGreaterThan(1);
      });
    }
  });

  it('has what is done with a recording in one line, on a phone too', async () => {
    const scene = SCENES.find(({ name }) => name === 'record')!;
    await stage.show(scene, PHONE, async (page) => {
      const middles = await page.evaluate<
        number[]
      >(`[...document.querySelectorAll('.player-controls > :not(:empty)')].map((one) => {
        const { top, height } = one.getBoundingClientRect();
        return Math.round(top + height / 2);
      })`);
      expect(middles.length).toBeGreaterThan(4);
      expect(Math.max(...middles) - Math.min(...middles)).toBeLessThanOrEqual(2);
    });
  });
});
