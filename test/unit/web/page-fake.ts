import { vi } from 'vitest';

/** As much of a page as its parts are made of: elements with children, attributes, listeners and the focus. */
export class FakeElement {
  children: Array<FakeElement | string> = [];
  readonly dataset: Record<string, string> = {};
  readonly style: Record<string, string> = {};
  readonly tag: string;
  // These are properties of a real element too, which `h` sets as such.
  id = '';
  className = '';
  hidden = false;
  disabled = false;
  readOnly = false;
  value = '';
  href = '';
  #attributes = new Map<string, string>();
  #listeners = new Map<string, Array<(event: unknown) => unknown>>();

  constructor(tag = 'div') {
    this.tag = tag;
  }
  append(...children: Array<FakeElement | string>) {
    this.children.push(...children);
  }
  replaceChildren(...children: Array<FakeElement | string>) {
    this.children = children;
  }
  readonly classList = {
    add: (name: string) => {
      this.className += ` ${name}`;
    },
  };
  setAttribute(name: string, value: string) {
    this.#attributes.set(name, value);
  }
  getAttribute(name: string) {
    return this.#attributes.get(name) ?? null;
  }
  removeAttribute(name: string) {
    this.#attributes.delete(name);
  }
  addEventListener(name: string, told: (event: unknown) => unknown) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), told]);
  }
  /** Resolves when all that it began is done. */
  async click() {
    for (const told of this.#listeners.get('click') ?? []) await told({ currentTarget: this });
  }
  focus() {
    page.activeElement = this;
  }
  get childElementCount() {
    return this.children.filter((child) => child instanceof FakeElement).length;
  }
  get textContent(): string {
    return this.children.map((child) => (typeof child === 'string' ? child : child.textContent)).join('');
  }
  set textContent(text: string) {
    this.children = [text];
  }
  /** All of a tag in it, in their order. */
  all(tag: string): FakeElement[] {
    return this.children.flatMap((child) =>
      typeof child === 'string' ? [] : [...(child.tag === tag ? [child] : []), ...child.all(tag)],
    );
  }
  /** The first of its buttons that says this. */
  button(words: string): FakeElement {
    const found = this.all('button').find(({ textContent }) => textContent === words);
    if (found === undefined) throw new Error(`no button says ${words}`);
    return found;
  }
}

/** What is left out of a real page is not asked for. */
export const page = {
  activeElement: undefined as FakeElement | undefined,
  createElement: (tag: string) => new FakeElement(tag),
  createElementNS: (_: string, tag: string) => new FakeElement(tag),
};

/** To be called before each test; `vi.unstubAllGlobals` takes it away. */
export function stubPage(): void {
  page.activeElement = undefined;
  vi.stubGlobal('document', page);
  vi.stubGlobal('Node', FakeElement);
}
