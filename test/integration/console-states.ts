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

/** States that a page comes to when somebody does something in it, or when there is nothing yet. */

const text = (words: string | RegExp) => (page: Page) => page.getByText(words).first().waitFor();
/** Has the operator's voice go to whom a button says, in the call that is beside the one of other scenes. */
const speaking = (button: string, until: string) => async (page: Page) => {
  await page.locator('.calls a', { hasText: '0164' }).click();
  await press('Listen in')(page);
  await press(button)(page);
  await page.getByText(until).waitFor({ timeout: 60_000 });
};

/** Who is given a token, one each time: pages are arranged at each width, and no two people have one name. */
const people = ['Barbara Liskov', 'Katherine Johnson', 'Annie Easley', 'Mary Jackson'].values();

export const STATES: readonly Scene[] = [
  {
    name: 'sign-in-refused',
    path: () => '/',
    stranger: true,
    async arrange(page) {
      await page.getByLabel('Token').fill('no-such-token');
      await press('Sign in')(page);
      await page.locator('.form-problem', { hasText: /./ }).waitFor();
    },
  },
  {
    name: 'sign-out-asked',
    path: () => '/#/agents/routes',
    async arrange(page) {
      await page.getByText('This text is as it should be.').waitFor();
      const field = page.getByLabel('Text of the file');
      await field.fill(`# Mine.\n${await field.inputValue()}`);
      await press(/^Sign out/)(page);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'views',
    path: () => '/#/live',
    async arrange(page) {
      await see('.calls a')(page);
      const more = page.getByRole('navigation', { name: 'Views' }).locator('button');
      if (await more.isVisible()) await more.click();
    },
  },
  {
    name: 'call-viewer',
    path: live,
    viewer: true,
    async arrange(page) {
      await conversation(page);
      await page.locator('body[data-role="viewer"]').waitFor();
    },
  },
  { name: 'call-unknown', path: () => '/#/live/nobody', arrange: text('This call is not going on (any more).') },
  {
    name: 'live-refusals',
    path: () => '/#/live',
    async arrange(page) {
      await press(/^\d+ refused$/)(page);
      await page.getByRole('dialog', { name: 'Callers who were refused' }).waitFor();
    },
  },
  {
    name: 'live-filtered',
    path: () => '/#/live',
    async arrange(page) {
      await see('.calls a')(page);
      await page.getByLabel('Filter the calls').fill('nobody says this');
      await page.getByText('No call has these words.').waitFor();
    },
  },
  {
    name: 'live-place',
    path: () => '/#/live',
    async arrange(page) {
      await press('Place a call')(page);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'call-tool',
    path: live,
    async arrange(page) {
      await conversation(page);
      await page.locator('.tool-card summary').first().click();
    },
  },
  {
    name: 'call-whispering',
    path: () => '/#/live',
    arrange: speaking('Whisper to the agent', 'The agent hears you, the caller does not.'),
  },
  {
    name: 'call-taken-over',
    path: () => '/#/live',
    arrange: speaking('Speak with the caller', 'The caller hears you.'),
  },
  {
    name: 'call-ended',
    path: () => '/#/live',
    async arrange(page) {
      await callFromCorner(page);
      await page.locator('#phone-panel').getByRole('button', { name: 'Hang up' }).click();
      await page.locator('#open-phone').click();
      await page.locator('.calls a.over').first().click();
      await page.getByRole('link', { name: 'Open the record' }).waitFor();
    },
  },
  { name: 'past-empty', path: () => '/#/calls', empty: true, arrange: text('No calls are recorded yet.') },
  {
    name: 'past-none',
    path: () => '/#/calls?text=nobody-said-this',
    arrange: text('No call matches this search.'),
  },
  {
    name: 'past-filters',
    path: () => '/#/calls?result=failed&reason=caller-hangup',
    async arrange(page) {
      const more = page.getByRole('button', { name: 'More filters' });
      if (await more.isVisible()) await more.click();
      await page.getByLabel('Tool').waitFor();
    },
  },
  {
    name: 'record-zoomed',
    path: ({ pastId }) => `/#/calls/${pastId}`,
    sideways: 'wave-main',
    async arrange(page) {
      await conversation(page);
      await press('Zoom in')(page);
    },
  },
  { name: 'record-unknown', path: () => '/#/calls/nobody', arrange: text('There is no record of this call.') },
  { name: 'overview-empty', path: () => '/#/overview', empty: true, arrange: see('.tile') },
  {
    name: 'agents-wrong',
    path: () => `/#/agents/${encodeURIComponent('prompts/default.md')}`,
    async arrange(page) {
      await page.getByText('This text is as it should be.').waitFor();
      await page
        .getByLabel('Text of the file')
        .fill('---\nvoice: nobody\ntools: [no_such_tool]\n---\nYou are {{nobody}}.\n');
      await page.locator('.agents-notes .problem').first().waitFor();
    },
  },
  {
    name: 'agents-versions',
    path: () => `/#/agents/${encodeURIComponent('prompts/after-hours.md')}`,
    async arrange(page) {
      await page.getByText('This text is as it should be.').waitFor();
      const field = page.getByLabel('Text of the file');
      await field.fill(`${await field.inputValue()}Be brief.\n`);
      await press('Save …')(page);
      await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByText('Saved.').waitFor();
      await page.getByText('Earlier versions').click();
      await page.getByRole('button', { name: 'Compare' }).first().waitFor();
    },
  },
  { name: 'agents-new', path: () => '/#/agents/new', arrange: see('textarea') },
  { name: 'agents-routes', path: () => '/#/agents/routes', arrange: text('This text is as it should be.') },
  {
    name: 'agents-tool-wrong',
    path: () => '/#/agents/tool%3Aend_call',
    async arrange(page) {
      await page.getByLabel(/^Arguments/).fill('{ "reason": ');
      await press('Run it')(page);
      await page.getByText('The arguments are no JSON', { exact: false }).waitFor();
    },
  },
  { name: 'setup-empty', path: () => '/#/setup', empty: true, arrange: see('.setup-list') },
  { name: 'people-empty', path: () => '/#/people', empty: true, arrange: text('Nobody has a token') },
  {
    name: 'people-made',
    path: () => '/#/people',
    async arrange(page) {
      await press('Give somebody a token')(page);
      await page
        .getByRole('dialog')
        .getByLabel('Name')
        .fill(people.next().value ?? 'Nobody more');
      await press('Make a token')(page);
      await page.getByLabel('Token', { exact: true }).waitFor();
    },
  },
  {
    name: 'people-revoke',
    path: () => '/#/people',
    async arrange(page) {
      await press('Revoke the token of Grace Hopper')(page);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'people-none',
    path: () => '/#/people',
    async arrange(page) {
      await page.getByText('Grace Hopper').first().waitFor();
      await page.getByLabel('Done to').fill('nothing-of-that-name');
      await press('Find')(page);
      await page.getByText('Nothing was done that this finds.').waitFor();
    },
  },
  { name: 'tests-sign-in', path: () => '/console/tests.html', stranger: true, arrange: see('dialog') },
  { name: 'tests-empty', path: () => '/console/tests.html', empty: true, arrange: see('.tests-suite') },
  {
    name: 'phone-sign-in',
    path: () => '/console/phone.html',
    stranger: true,
    async arrange(page) {
      await press('Call')(page);
      await page.getByLabel('Admin token').waitFor();
    },
  },
  {
    name: 'phone-over',
    path: () => '/console/phone.html?raw=1',
    async arrange(page) {
      await callFromPage(page);
      await press('Hang up')(page);
      await page.getByText('You hung up.', { exact: false }).waitFor();
    },
  },
  {
    name: 'desk-lacking',
    path: () => '/#/desk?agent=kind%3Avapi',
    async arrange(page) {
      await page.getByLabel('assistant_id').waitFor();
      await page.getByRole('region', { name: 'Telephone' }).getByRole('button', { name: 'Call', exact: true }).click();
      await page.getByText('Say which one: assistant_id is needed.').waitFor();
    },
  },
  {
    name: 'room-refused',
    path: () => '/console/livekit.html',
    async arrange(page) {
      await press('Join')(page);
      await page.getByText('The room could not be joined', { exact: false }).first().waitFor();
    },
  },
  {
    name: 'desk-over',
    path: () => '/#/desk?agent=prompt%3Adefault',
    async arrange(page) {
      await callFromDesk(page);
      await page.getByRole('region', { name: 'Telephone' }).getByRole('button', { name: 'Hang up' }).click();
      await page.getByRole('link', { name: 'Open the record' }).waitFor();
    },
  },
];
