import type { Page } from 'playwright-core';
import {
  callFromCorner,
  callFromDesk,
  callFromPage,
  conversation,
  live,
  press,
  type Scene,
  see,
} from './console-stage.ts';
import { STATES } from './console-states.ts';

/** Every page of the daemon and every state of them that is worth a look: for pictures, and for what looks at pages for those who cannot see them. */

const dialogAfter = (button: string) => async (page: Page) => {
  await conversation(page);
  await press(button)(page);
  await page.getByRole('dialog').waitFor();
};
const PAGES: readonly Scene[] = [
  { name: 'first-run', path: () => '/', empty: true, arrange: see('.list-pane') },
  { name: 'sign-in', path: () => '/', stranger: true, arrange: see('dialog') },
  { name: 'live', path: () => '/#/live', arrange: see('.calls a') },
  { name: 'call', path: live, arrange: conversation },
  { name: 'call-hang-up', path: live, arrange: dialogAfter('Hang up') },
  { name: 'call-digits', path: live, arrange: dialogAfter('Digits') },
  {
    name: 'call-listening',
    path: live,
    async arrange(page) {
      await press('Listen in')(page);
      await page.getByText('You hear both sides. Nobody hears you.').waitFor();
    },
  },
  { name: 'call-transfer', path: live, arrange: dialogAfter('Transfer') },
  { name: 'past', path: () => '/#/calls', arrange: see('.records tbody tr') },
  {
    name: 'past-found',
    path: () => '/#/calls',
    async arrange(page) {
      await page.getByRole('searchbox', { name: 'Words' }).fill('check-up');
      await page.locator('.records .hit').first().waitFor();
    },
  },
  {
    name: 'record',
    path: ({ pastId }) => `/#/calls/${pastId}`,
    async arrange(page) {
      await conversation(page);
      await page.getByRole('slider', { name: 'Position in the recording' }).waitFor();
    },
  },
  {
    name: 'record-error',
    path: ({ brokenId }) => `/#/calls/${brokenId}`,
    arrange: (page) => page.getByText('rate_limit_exceeded', { exact: false }).first().waitFor(),
  },
  {
    name: 'record-delete',
    path: ({ pastId }) => `/#/calls/${pastId}`,
    async arrange(page) {
      await conversation(page);
      await press('Delete')(page);
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'overview', path: () => '/#/overview', arrange: see('.chart a') },
  {
    name: 'refused',
    path: () => '/#/overview',
    async arrange(page) {
      await page.getByRole('link', { name: /All places were taken/ }).click();
      await page.getByText('+1 202 555 0166').waitFor();
    },
  },
  {
    name: 'agents-who',
    path: () => '/#/agents',
    async arrange(page) {
      await page.getByLabel('Number that is dialled').fill('+1 202 555 0101');
      await press('Who answers?')(page);
      await page.locator('.agents-why .tag', { hasText: 'takes the call' }).waitFor();
    },
  },
  {
    name: 'agents-prompt',
    path: () => `/#/agents/${encodeURIComponent('prompts/default.md')}`,
    arrange: (page) => page.getByText('This text is as it should be.').waitFor(),
  },
  {
    name: 'agents-difference',
    path: () => `/#/agents/${encodeURIComponent('prompts/default.md')}`,
    async arrange(page) {
      await page.getByText('This text is as it should be.').waitFor();
      const text = page.getByLabel('Text of the file');
      await text.fill(`${await text.inputValue()}Be brief.\n`);
      await press('Save …')(page);
      await page.locator('.diff-line.new').first().waitFor();
    },
  },
  {
    name: 'agents-tool',
    path: () => '/#/agents/tool%3Aend_call',
    async arrange(page) {
      await press('Run it')(page);
      await page.getByText('Nothing was done.', { exact: false }).waitFor();
    },
  },
  { name: 'setup', path: () => '/#/setup', arrange: see('.setup-list') },
  {
    name: 'setup-doctor',
    path: () => '/#/setup',
    async arrange(page) {
      await press('Have the doctor look')(page);
      await page.getByText(/\d+ well/).waitFor({ timeout: 60_000 });
    },
  },
  {
    name: 'people',
    path: () => '/#/people',
    arrange: (page) => page.getByText('Grace Hopper').first().waitFor(),
  },
  {
    name: 'people-token',
    path: () => '/#/people',
    async arrange(page) {
      await press('Give somebody a token')(page);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'tests',
    path: () => '/console/tests.html',
    arrange: (page) => page.getByText('The front desk').first().waitFor(),
  },
  {
    name: 'tests-run',
    path: ({ runId }) => `/console/tests.html#run=${runId}`,
    arrange: see('[aria-label="Cases"] button'),
  },
  {
    name: 'tests-case',
    path: ({ runId, caseId }) => `/console/tests.html#run=${runId}&case=${caseId}`,
    arrange: (page) => page.getByRole('slider').first().waitFor(),
  },
  {
    name: 'phone',
    path: () => '/console/phone.html',
    arrange: (page) => page.getByRole('button', { name: 'Call', exact: true }).waitFor(),
  },
  { name: 'phone-call', path: () => '/console/phone.html?raw=1', arrange: callFromPage },
  {
    name: 'phone-in-console',
    path: () => '/#/live',
    async arrange(page) {
      await see('.calls a')(page);
      await page.locator('#open-phone').click();
      await page.locator('#phone-panel').getByRole('button', { name: 'Call', exact: true }).waitFor();
    },
  },
  { name: 'phone-in-console-call', path: () => '/#/overview', arrange: callFromCorner },
  {
    name: 'desk',
    path: () => '/#/desk?agent=prompt%3Adefault',
    async arrange(page) {
      await page.getByLabel('Who answers').waitFor();
      for (const part of ['Keypad', 'Devices']) await page.getByText(part, { exact: true }).click();
    },
  },
  { name: 'desk-call', path: () => '/#/desk?agent=prompt%3Adefault', arrange: callFromDesk },
  {
    name: 'daemon-away',
    path: live,
    async arrange(page) {
      await conversation(page);
      // To the page a daemon that was killed is one that cannot be reached.
      await page.context().setOffline(true);
      // In a narrow window the list, which says it too, makes room for the call.
      await page.getByText('Not known: no connection').filter({ visible: true }).first().waitFor();
      await page.getByText('Daemon unreachable').waitFor();
    },
  },
  {
    name: 'room',
    path: () => '/console/livekit.html',
    arrange: (page) => page.getByRole('button', { name: 'Join' }).waitFor(),
  },
];

export const SCENES: readonly Scene[] = [...PAGES, ...STATES];
