import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { refill } from '../../../web/js/lib/refill.js';

/** As much of a page as has a focus. */
class FakeElement {
  children: FakeElement[] = [];
  readonly key: string | null;
  readonly href: string | null;
  constructor(key: string | null = null, href: string | null = null) {
    this.key = key;
    this.href = href;
  }
  contains(one: FakeElement): boolean {
    return this === one || this.children.some((child) => child.contains(one));
  }
  getAttribute(name: string) {
    return name === 'data-key' ? this.key : this.href;
  }
  querySelectorAll() {
    return this.children.filter(({ key, href }) => (key ?? href) !== null);
  }
  replaceChildren() {
    if (this.children.some((child) => child.contains(page.activeElement))) page.activeElement = body;
    this.children = [];
  }
  append(child: FakeElement) {
    this.children.push(child);
  }
  focus() {
    page.activeElement = this;
  }
}
const body = new FakeElement();
const page = { activeElement: body };

beforeEach(() => {
  page.activeElement = body;
  vi.stubGlobal('document', page);
  vi.stubGlobal('Node', FakeElement);
});
afterEach(() => void vi.unstubAllGlobals());

it('gives the focus back to what is made anew, and to nothing else', () => {
  const list = new FakeElement();
  const put = (...keys: string[]) => refill(list as never, ...(keys.map((key) => new FakeElement(key)) as never[]));
  put('a', 'b');
  expect(page.activeElement).toBe(body);
  list.children[1]?.focus();
  put('c', 'a', 'b');
  expect(page.activeElement).toBe(list.children[2]);
  put('a');
  expect(page.activeElement).toBe(body);
});

it('knows links by where they lead', () => {
  const list = new FakeElement();
  const put = (...places: string[]) =>
    refill(list as never, ...(places.map((place) => new FakeElement(null, place)) as never[]));
  put('#/calls?reason=a', '#/calls?reason=b');
  list.children[0]?.focus();
  put('#/calls?reason=c', '#/calls?reason=a');
  expect(page.activeElement).toBe(list.children[1]);
});
