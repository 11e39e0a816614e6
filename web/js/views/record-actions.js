import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { may } from '../model/role.js';
import { go } from '../router.js';
import { openDialog } from './dialogs.js';
import { announce, notify } from './notices.js';
import { saveBlob } from './save.js';

/** @typedef {import('../api.js').Api} Api */

/**
 * What can be done with a record: saved by whoever may read it, and removed for good by an admin once its call is over.
 * @param {Api} api
 * @param {any} record
 * @param {any[]} events
 * @param {() => string} back where the list is
 */
export function recordActions(api, record, events, back) {
  const save = h('button', { type: 'button', class: 'button' }, icon('download'), 'Save as JSON');
  save.addEventListener('click', () => {
    const json = JSON.stringify({ record, events }, null, 2);
    saveBlob(new Blob([json], { type: 'application/json' }), `call-${record.id}.json`);
  });
  if (record.endedAt === null) return [save];
  const why = may('admin')
    ? undefined
    : h('span', { class: 'muted acts', id: 'delete-why' }, 'Only an admin may delete.');
  const remove = h(
    'button',
    { type: 'button', class: 'button acts', disabled: why !== undefined, 'aria-describedby': why?.id },
    'Delete',
  );
  remove.addEventListener('click', () => {
    openDialog({
      title: 'Delete this call for good?',
      text: 'All that was said and done in it, its recording, and what else is held of it are removed. This cannot be undone.',
      action: 'Delete',
      busy: 'Deleting …',
      danger: true,
      async submit() {
        await api.fetch(`records/${encodeURIComponent(record.id)}`, { method: 'DELETE' });
        go(back(), { replace: true });
        notify('The call was deleted.');
        announce('The call was deleted.');
      },
    });
  });
  return why === undefined ? [save, remove] : [save, remove, why];
}
