import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

/** What axe-core finds wrong with a page as it stands, by WCAG 2.2 A and AA. https://github.com/dequelabs/axe-core */

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Those of its rules that look at colours: all others are about what the page is, which stays when its theme changes. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/** One line a violation: the rule, and the first elements that break it. `what`: of a page that was looked at whole, and has other colours now, these alone. */
export async function axeViolations(page: Page, what: 'all' | 'colours' = 'all'): Promise<string[]> {
  // The devtools put it into the page, which its Content-Security-Policy would not let a script do.
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(SOURCE);
  const runOnly = what === 'all' ? { type: 'tag', values: TAGS } : { type: 'rule', values: OF_COLOURS };
  return page.evaluate(`(async () => {
    const { violations } = await axe.run(document, { runOnly: ${JSON.stringify(runOnly)}, resultTypes: ['violations'] });
    return violations.map(({ id, help, nodes }) =>
      id + ': ' + help + ' at ' + nodes.slice(0, 3).map(({ target }) => target.join(' ')).join(', '));
  })()`);
}
