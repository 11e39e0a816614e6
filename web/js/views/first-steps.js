import { fill, h, setText } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { mayCall, onRole } from '../model/role.js';
import { routeTo } from '../router.js';

/** What is shown where no call goes on: who answers, and how a call gets here. @param {import('../status.js').DaemonStatus} status */
export function createFirstSteps(status) {
  const answers = h('p', { class: 'muted' });
  const address = h('code', { class: 'address' });
  const copied = h('span', { role: 'status', class: 'muted' });
  const copy = h(
    'button',
    { type: 'button', class: 'button small', 'aria-label': 'Copy the webhook’s address' },
    icon('copy'),
    'Copy',
  );
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(address.textContent ?? '');
      setText(copied, 'Copied.');
    } catch {
      // Browsers keep the clipboard from pages without HTTPS: then it is marked, to be copied by the keys.
      getSelection()?.selectAllChildren(address);
      setText(copied, 'Press Ctrl+C.');
    }
  });
  const local = h('p', { class: 'hint', hidden: true });
  const webhook = h(
    'li',
    { hidden: true },
    h('p', {}, 'Point a carrier’s number at'),
    h('p', { class: 'address-line' }, address, copy, copied),
    local,
  );
  const call = h(
    'li',
    {},
    h(
      'p',
      {},
      'Call the agent from this page: ',
      h('b', {}, 'Call the agent'),
      ', above; with each answer’s delay at the ',
      h('a', { href: routeTo('desk') }, 'test desk'),
      '.',
    ),
  );
  const showCall = () => {
    call.hidden = !mayCall(status.current);
  };
  onRole(showCall);
  const element = h(
    'div',
    { class: 'empty first-steps' },
    h('p', { class: 'empty-title' }, 'No calls at the moment.'),
    answers,
    h(
      'ul',
      {},
      call,
      h('li', {}, h('p', {}, 'Or from a terminal, without a telephone:'), h('code', {}, 'npm run call')),
      webhook,
    ),
  );
  status.watch(({ agents, webhook: url, webhookIsPublic }) => {
    setText(answers, agents[0]?.about ?? '');
    showCall();
    webhook.hidden = url === undefined;
    setText(address, url ?? '');
    local.hidden = webhookIsPublic;
    fill(local, 'Carriers reach it once PUBLIC_URL is set to where this daemon is on the internet.');
  });
  return element;
}
