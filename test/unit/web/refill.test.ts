import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { refill } from '../../../web/js/lib/refill.js';

/** As much of a page as has a focus. */
class FakeElement {
  children: FakeElement[] = [];
  readonly key: string | null;
  constructor(key: string | null = null) {
    this.key = key;
  }
  contains(one: FakeElement): boolean {
    return this === one || this.children.some((child) => child.contains(one));
  }
  getAttribute() {
    return this.key;
  }
  querySelectorAll() {
    return this.children.filter(({ key }) => key !== null);
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
