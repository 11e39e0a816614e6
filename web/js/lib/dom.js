/** Making and updating elements. Data only ever becomes text nodes and attribute values, never markup. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, unknown>} Props
 */

/**
 * Makes an element. Props: `class`, `on<event>` listeners, `dataset`, properties by their own name, anything with a dash, and `role`, as
 * attribute; false, null and undefined leave a prop out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'class') element.className = String(value);
    else if (name === 'dataset') Object.assign(element.dataset, value);
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name.includes('-') || name === 'role' || !(name in element)) element.setAttribute(name, String(value));
    else Reflect.set(element, name, value);
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Array<Child | Child[]>} children
 */
function append(element, children) {
  for (const child of children.flat()) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Puts other children into an element.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * Sets an element's text where it differs: what did not change is neither laid out nor read out again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | undefined} value
 */
export function setAttribute(element, name, value) {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** @type {WeakMap<Element, Map<string, { element: HTMLElement, update(item: any): void }>>} */
const rows = new WeakMap();

/**
 * Makes the children of `parent` those of `items`, in order, reusing the element of each key: focus, selection and scrolling stay, one changed item touches one element,
 * and of those whose order changed as few are moved as can be: one that goes to the end moves alone, and not all others before it.
 * @template T
 * @param {Element} parent holds nothing else
 * @param {Iterable<T>} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => { element: HTMLElement, update(item: T): void }} create
 */
export function keyed(parent, items, keyOf, create) {
  const known = rows.get(parent) ?? new Map();
  rows.set(parent, known);
  const gone = new Set(known.keys());
  /** @type {HTMLElement[]} */
  const wanted = [];
  for (const item of items) {
    const key = keyOf(item);
    let row = known.get(key);
    if (row === undefined) {
      row = create(item);
      known.set(key, row);
    }
    gone.delete(key);
    row.update(item);
    wanted.push(row.element);
  }
  for (const key of gone) {
    known.get(key)?.element.remove();
    known.delete(key);
  }
  place(parent, wanted);
}

/**
 * Puts these elements, which are or become the parent's only children, in this order.
 * @param {Element} parent
 * @param {ReadonlyArray<Element>} wanted
 */
function place(parent, wanted) {
  /** @type {Map<Element, number>} */
  const at = new Map();
  for (let child = parent.firstElementChild; child !== null; child = child.nextElementSibling) at.set(child, at.size);
  const places = wanted.map((element) => at.get(element) ?? -1);
  if (at.size === wanted.length && places.every((one, index) => one === index)) return;
  const stays = rising(places);
  /** @type {Element | null} */
  let next = null;
  for (let index = wanted.length - 1; index >= 0; index--) {
    const element = /** @type {Element} */ (wanted[index]);
    if (!stays.has(index)) parent.insertBefore(element, next);
    next = element;
  }
}

/**
 * Which of these numbers, by their index, are the most that rise from one to the next; those below 0 are none. https://en.wikipedia.org/wiki/Longest_increasing_subsequence
 * @param {ReadonlyArray<number>} numbers
 */
export function rising(numbers) {
  /** By length: the index of the smallest number with which so many rise. @type {number[]} */
  const ends = [];
  /** The index before each one in its run. @type {number[]} */
  const before = [];
  const of = (/** @type {number | undefined} */ index) => numbers[index ?? -1] ?? -1;
  numbers.forEach((number, index) => {
    if (number < 0) return;
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (of(ends[middle]) < number) low = middle + 1;
      else high = middle;
    }
    before[index] = ends[low - 1] ?? -1;
    ends[low] = index;
  });
  /** @type {Set<number>} */
  const found = new Set();
  for (let index = ends.at(-1) ?? -1; index >= 0; index = before[index] ?? -1) found.add(index);
  return found;
}
