import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** A person at the console who has a keyboard and nothing else. What is focused must be seen, and the focus never be lost. */

/** What has the focus. */
interface Focused {
  /** As a screen reader would say it, or near enough. */
  readonly name: string;
  readonly tag: string;
  /** Nothing has it. */
  readonly lost: boolean;
  /** Whether one can see that it is there. */
  readonly seen: boolean;
}

/** Runs in the page. What is focused by the page itself, to be read out, needs no ring: it is no stop of the tab key. */
const FOCUSED = `(() => {
  const e = document.activeElement ?? document.body;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const ringed = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || e.tabIndex < 0;
  const label = e.getAttribute('aria-label') ?? (e.labels?.length ? e.labels[0].textContent : e.textContent);
  return {
    name: (label ?? '').replace(/\\s+/g, ' ').trim(),
    tag: e.tagName.toLowerCase(),
    lost: e === document.body,
    seen: ringed && box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
})()`;

/** Stops of the tab key that are gone past in search of one. */
const MOST = 160;

export class Keys {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Presses a key, or several after each other. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#page.keyboard.press(key);
  }

  type(text: string): Promise<void> {
    return this.#page.keyboard.type(text);
  }

  focused(): Promise<Focused> {
    return this.#page.evaluate<Focused>(FOCUSED);
  }

  /** Goes to what has this name, by the tab key alone or by another; all that is passed can be seen. */
  async to(name: string | RegExp, by = 'Tab'): Promise<void> {
    const is = (text: string) => (typeof name === 'string' ? text === name : name.test(text));
    const passed: string[] = [];
    for (let n = 0; n < MOST; n++) {
      const now = await this.focused();
      // Behind the last stop of a page comes the browser's own head, and then the first one.
      if (!now.lost) expect(now.seen, `"${now.name}" (${now.tag}) is focused and cannot be seen`).toBe(true);
      if (!now.lost && is(now.name)) return;
      passed.push(now.name.slice(0, 30));
      await this.press(by);
    }
    throw new Error(`the keyboard comes to no "${name}", only to: ${[...new Set(passed)].join(' | ')}`);
  }

  /** Goes there and presses Enter. */
  async use(name: string | RegExp, by?: string): Promise<void> {
    await this.to(name, by);
    await this.press('Enter');
  }

  /** The focus comes to be somewhere in sight: after something closed, or went away. A page draws once before what it took away has the focus no longer. */
  async isKept(after: string): Promise<void> {
    await expect
      .poll(() => this.focused(), { message: `the focus is lost, or cannot be seen, after ${after}` })
      .toMatchObject({ lost: false, seen: true });
  }
}
