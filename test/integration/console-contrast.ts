import type { Page } from 'playwright-core';

/**
 * How well the words and pictures of controls can be read, in each state that a pointer or the keyboard brings about. The states are forced by the
 * browser's own tools, all controls at once: https://chromedevtools.github.io/devtools-protocol/tot/CSS/#method-forcePseudoState
 */

/** What can be pressed, followed or filled in. */
const CONTROLS = 'button, a[href], input, select, summary';
const STATES: ReadonlyArray<readonly string[]> = [[], ['hover'], ['focus', 'focus-visible'], ['hover', 'active']];
/** Contrast that text must have at least, and pictures: WCAG 2.2, 1.4.3 and 1.4.11. */
const TEXT = 4.5;
const PICTURE = 3;
/** How often a page may draw controls anew while they are forced. */
const REDRAWN_MOST = 5;

export interface Faint {
  readonly control: string;
  readonly state: string;
  readonly ratio: number;
}

/** Every control of the page that cannot be read in some state. */
export async function faintControls(page: Page): Promise<Faint[]> {
  const tools = await page.context().newCDPSession(page);
  await tools.send('DOM.enable');
  await tools.send('CSS.enable');
  const { root } = await tools.send('DOM.getDocument', { depth: 0 });
  const faint: Faint[] = [];
  const force = async (forced: readonly string[]) => {
    for (let tries = 1; ; tries++) {
      const { nodeIds } = await tools.send('DOM.querySelectorAll', { nodeId: root.nodeId, selector: CONTROLS });
      // All are sent before the first is answered: a list has hundreds of controls.
      const answers = await Promise.allSettled(
        nodeIds.map((nodeId) => tools.send('CSS.forcePseudoState', { nodeId, forcedPseudoClasses: [...forced] })),
      );
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (failed === undefined) return;
      // What a live page has drawn anew in between is looked for again.
      if (tries === REDRAWN_MOST || !String(failed.reason).includes('Could not find node')) throw failed.reason;
    }
  };
  for (const forced of STATES) {
    await force(forced);
    const found = (await page.evaluate(`(${measure})(${JSON.stringify(CONTROLS)}, ${TEXT}, ${PICTURE})`)) as Omit<
      Faint,
      'state'
    >[];
    faint.push(...found.map((one) => ({ ...one, state: forced.join('+') || 'rest' })));
  }
  await force([]);
  await tools.detach();
  return faint;
}

/** Runs in the page. */
const measure = `function (selector, least, leastPicture) {
  // One that goes on for ever has no end to be brought to.
  for (const animation of document.getAnimations())
    if (animation.effect.getComputedTiming().endTime < Infinity) animation.finish();
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((part, i) => (i === 3 ? part / 255 : part));
  };
  const over = (front, back) => front.slice(0, 3).map((part, i) => part * front[3] + back[i] * (1 - front[3]));
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const control of document.querySelectorAll(selector)) {
    if (control.disabled || !control.checkVisibility({ visibilityProperty: true })) continue;
    const parts = [control, ...control.querySelectorAll('*')].filter(
      (part) =>
        part.tagName === 'svg' ||
        (part === control && 'value' in part && part.tagName !== 'BUTTON') ||
        // What a picture is called is not drawn.
        (part.localName !== 'title' && [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')),
    );
    for (const part of parts) {
      const back = behind(part.tagName === 'svg' ? part.parentElement : part);
      const front = over(rgba(getComputedStyle(part).color), back);
      const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio >= (part.tagName === 'svg' ? leastPicture : least)) continue;
      const name = control.getAttribute('aria-label') ?? control.textContent.trim().slice(0, 40) ?? control.tagName;
      faint.push({ control: name || control.name || control.className, ratio: Math.round(ratio * 100) / 100 });
    }
  }
  return faint;
}`;
