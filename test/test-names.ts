/**
 * The tests of a source file by their full names, "describe > describe > test", as they are written: a title that is made of cases has its
 * places still (`%s`, `$name`, `${name}`). Read from the source, so that nothing has to be run to know what there is.
 */

export interface TestName {
  readonly full: string;
  /** Whether its title, or that of a suite around it, has places for values. */
  readonly made: boolean;
}

type Token = { readonly kind: 'word' | 'string' | 'sign'; readonly text: string };

const WORD = /[\w$]/;
/** What a slash begins a regular expression after; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[([{,;:=!&|?+\-*%<>~^}]|=>|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield))$/;

/** Cuts a source into words, strings and signs; comments, regular expressions and what stands in templates' places are passed over. */
function* tokens(source: string): Generator<Token> {
  let last = '';
  for (let i = 0; i < source.length; ) {
    const { end, token, kind } = scan(source, i, last);
    if (token !== undefined) yield token;
    if (kind !== undefined) last = kind;
    i = end;
  }
}

/** What begins at `i`: where it ends, what it is for who looks at what follows, and the token, where it is one. */
function scan(source: string, i: number, last: string): { end: number; token?: Token; kind?: string } {
  const char = source[i]!;
  if (/\s/.test(char)) return { end: i + 1 };
  if (source.startsWith('//', i)) return { end: endOf(source, '\n', i) };
  if (source.startsWith('/*', i)) return { end: endOf(source, '*/', i + 2) };
  if (char === "'" || char === '"' || char === '`') {
    const end = endOfString(source, i);
    const text = source
      .slice(i + 1, end - 1)
      .replace(/\\(?:\r?\n|(.))/gs, (_, one: string | undefined) => (one === 'n' ? '\n' : (one ?? '')));
    return { end, token: { kind: 'string', text }, kind: 'string' };
  }
  if (char === '/' && BEFORE_REGEX.test(last)) return { end: endOfRegex(source, i), kind: 'regex' };
  if (WORD.test(char)) {
    const text = /^[\w$]+/.exec(source.slice(i, i + 200))![0];
    return { end: i + text.length, token: { kind: 'word', text }, kind: text };
  }
  const text = source.startsWith('=>', i) ? '=>' : char;
  return { end: i + text.length, token: { kind: 'sign', text }, kind: text };
}

function endOf(source: string, what: string, from: number): number {
  const at = source.indexOf(what, from);
  return at < 0 ? source.length : at + what.length;
}

function endOfString(source: string, from: number): number {
  const quote = source[from]!;
  for (let i = from + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === quote) return i + 1;
    else if (quote === '`' && source.startsWith('${', i)) i = endOfPlace(source, i + 2) - 1;
  }
  return source.length;
}

/** Behind the brace that ends a template's place: anything of the language may stand in it. */
function endOfPlace(source: string, from: number): number {
  let depth = 1;
  let last = '{';
  for (let i = from; i < source.length; ) {
    const { end, kind } = scan(source, i, last);
    if (kind === '{') depth++;
    else if (kind === '}' && --depth === 0) return end;
    if (kind !== undefined) last = kind;
    i = end;
  }
  return source.length;
}

function endOfRegex(source: string, from: number): number {
  let inClass = false;
  for (let i = from + 1; i < source.length; i++) {
    const char = source[i]!;
    if (char === '\\') i++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '\n') return i;
    else if (char === '/' && !inClass) return i + 1;
  }
  return source.length;
}

const SUITES = new Set(['describe', 'suite']);
const TESTS = new Set(['it', 'test']);
const MADE = /%[sdifjop#]|\$[\w{]/;

interface Read {
  readonly names: readonly TestName[];
  readonly strings: ReadonlySet<string>;
}

/** What was read of a source already: a table names many tests of one file. */
const known = new Map<string, Read>();

function read(source: string): Read {
  const before = known.get(source);
  if (before !== undefined) return before;
  const all = [...tokens(source)];
  const strings = new Set(all.flatMap(({ kind, text }) => (kind === 'string' ? [text] : [])));
  const now = { names: namesOf(all), strings };
  known.set(source, now);
  return now;
}

/** All tests that a source declares, those of skipped suites too: whether they run is not what this is about. */
export const testNames = (source: string): readonly TestName[] => read(source).names;

function namesOf(all: readonly Token[]): TestName[] {
  const found: TestName[] = [];
  /** Suites that are open, each with the depth of parentheses that it is closed at. */
  const suites: Array<{ readonly title: string; readonly depth: number }> = [];
  let depth = 0;
  for (let i = 0; i < all.length; i++) {
    const { kind, text } = all[i]!;
    if (kind === 'sign' && text === '(') depth++;
    if (kind === 'sign' && text === ')') {
      depth--;
      while (suites.length > 0 && depth < suites.at(-1)!.depth) suites.pop();
    }
    const suite = kind === 'word' && SUITES.has(text);
    if ((!suite && !(kind === 'word' && TESTS.has(text))) || all[i - 1]?.text === '.') continue;
    const open = titleAt(all, i + 1);
    const title = open === undefined ? undefined : all[open + 1];
    if (open === undefined || title?.kind !== 'string') continue;
    if (suite) suites.push({ title: title.text, depth: depth + 1 });
    else {
      const full = [...suites.map((one) => one.title), title.text].join(' > ');
      found.push({ full, made: MADE.test(full) });
    }
    // The parenthesis that the title stands in is counted here, since the loop goes on behind it.
    i = open + 1;
    depth++;
  }
  return found;
}

/** The parenthesis that a title stands in, behind `it`, `it.skipIf(...)`, `it.each([...])`, or a generic's types; undefined where there is none. */
function titleAt(all: readonly Token[], from: number): number | undefined {
  let i = from;
  for (;;) {
    const text = all[i]?.kind === 'sign' ? all[i]!.text : undefined;
    if (text === '.') i += 2;
    else if (text === '(' && (all[i + 1]?.kind === 'string' || !isCalledAgain(all, i))) return i;
    else if (text === '(') i = behind(all, i, '(', ')');
    else if (text === '<') i = behind(all, i, '<', '>');
    else return undefined;
  }
}

/** Whether a call's result is called: `it.each([...])(`. */
const isCalledAgain = (all: readonly Token[], open: number) => all[behind(all, open, '(', ')')]?.text === '(';

function behind(all: readonly Token[], from: number, opening: string, closing: string): number {
  let depth = 0;
  for (let i = from; i < all.length; i++) {
    if (all[i]!.kind !== 'sign') continue;
    if (all[i]!.text === opening) depth++;
    else if (all[i]!.text === closing && --depth === 0) return i + 1;
  }
  return all.length;
}

/**
 * Whether a source has the test. Where a title has places, what is named for them must stand in the source as a string: a case that was taken out
 * or renamed is not there any more.
 */
export function hasTest(source: string, full: string): boolean {
  const { names, strings } = read(source);
  if (names.some((name) => name.full === full)) return true;
  return names.some((name) => {
    if (!name.made) return false;
    const pattern = name.full
      .split(/%[sdifjop#]|\$\{[^}]*\}|\$[\w.]+/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('(.+?)');
    const match = new RegExp(`^${pattern}$`, 's').exec(full);
    return match?.slice(1).every((value) => strings.has(value)) ?? false;
  });
}
