import { h } from './dom.js';

/** @typedef {import('./dom.js').Child} Child */
/** @typedef {{ name: string, class?: string }} Column */

/**
 * A table of named columns, the first of which says what a row is about. Where there is no room for them beside each other each row is a card, whose cells
 * say their column's name (styles/tables.css): nothing needs to be scrolled sideways. Roles are said, since browsers forget those of tables that are laid out otherwise.
 * @param {ReadonlyArray<Column>} columns
 * @param {Record<string, string>} named what it is called: `aria-label` or `aria-labelledby`
 */
export function createTable(columns, named) {
  const body = h('tbody', { role: 'rowgroup' });
  const heads = columns.map(({ name, class: of }) => h('th', { class: of, scope: 'col', role: 'columnheader' }, name));
  const element = h(
    'div',
    { class: 'table-box' },
    h(
      'table',
      { class: 'table', role: 'table', ...named },
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads)),
      body,
    ),
  );
  return {
    element,
    body,
    /**
     * @param {ReadonlyArray<Child>} cells in the order of the columns
     * @param {string} [kind] a class of the row
     */
    row: (cells, kind = '') =>
      h(
        'tr',
        { class: kind, role: 'row' },
        cells.map((cell, index) => {
          const { name = '', class: of } = columns[index] ?? {};
          return index === 0
            ? h('th', { class: of, scope: 'row', role: 'rowheader' }, cell)
            : h('td', { class: of, role: 'cell', dataset: { label: name } }, cell);
        }),
      ),
  };
}
