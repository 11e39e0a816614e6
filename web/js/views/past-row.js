import { fill, h, setText } from '../lib/dom.js';
import { cost, duration, when } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { marked } from '../lib/mark.js';
import { carrierWords, isSimulated, partyWords, reasonWords, resultTone, resultWords } from '../model/words.js';
import { routeTo } from '../router.js';

const HIT_ROLES = { caller: 'Caller', agent: 'Agent', operator: 'Operator', summary: 'Summary' };

/** A call in the list of past ones. @param {any} first @param {string | null} words that were asked for */
export function createRow(first, words) {
  const { hit } = first;
  const place = new URLSearchParams(
    hit === undefined
      ? []
      : [
          ['event', hit.eventId],
          ['text', words ?? ''],
        ],
  );
  const link = h('a', { href: routeTo('calls', first.id, place), tabIndex: -1 });
  const found =
    hit === undefined
      ? undefined
      : h(
          'p',
          { class: 'hit' },
          h('span', { class: 'muted' }, `${Reflect.get(HIT_ROLES, hit.role)}: `),
          marked(hit.text, hit.marks),
        );
  const about = h('span', { class: 'muted about' });
  const began = h('td', { class: 'numeric', dataset: { label: 'Began' } });
  const took = h('td', { class: 'numeric right', dataset: { label: 'Duration' } });
  const turns = h('td', { class: 'numeric right', dataset: { label: 'Turns' } });
  const price = h('td', { class: 'numeric right', dataset: { label: 'Cost' } });
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const end = h('span');
  const element = h(
    'tr',
    {},
    h('td', { class: 'who-cell' }, link, about, found),
    began,
    took,
    turns,
    price,
    h('td', { class: 'end-cell', dataset: { label: 'Ended' } }, dot, end),
  );
  element.addEventListener('click', (event) => {
    if (!(event.target instanceof HTMLAnchorElement) && getSelection()?.isCollapsed !== false) link.click();
  });
  return {
    element,
    /** @param {any} record */
    update(record) {
      const outbound = record.direction === 'outbound';
      setText(link, partyWords(record));
      fill(
        about,
        [
          isSimulated(record.model) ? 'Simulated' : undefined,
          outbound ? 'Outbound' : 'Inbound',
          carrierWords(record.carrier ?? undefined),
          record.prompt,
        ]
          .filter(Boolean)
          .join(' · '),
        record.recording?.file || record.recording?.durationMs ? icon('record') : undefined,
      );
      setText(began, when(Date.parse(record.startedAt)));
      setText(took, record.durationMs === null ? '–' : duration(record.durationMs));
      setText(turns, String(record.turns ?? ''));
      setText(price, isSimulated(record.model) ? '–' : cost(record.cost, record.currency ?? 'USD') || '–');
      const going = record.endedAt === null;
      dot.dataset['tone'] = going ? 'warning' : resultTone(record.result);
      setText(end, going ? 'Going on' : reasonWords(record.reason ?? undefined));
      end.title = going ? '' : resultWords(record.result ?? undefined);
    },
  };
}
