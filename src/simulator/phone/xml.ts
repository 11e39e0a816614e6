/**
 * A strict reader of the small part of XML 1.0 that call instructions use: elements, attributes, text, comments, CDATA and the five
 * predefined entities (https://www.w3.org/TR/xml/). No document type, no processing instructions but the declaration, no namespaces:
 * carriers take none of these either. Whatever is wrong is said with its line and column.
 */

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The text directly inside, joined and trimmed. */
  readonly text: string;
  /** Where the element begins, counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** A document that is not what it must be. `line` and `column` count from 1. */
export class XmlError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(`${message} (line ${line}, column ${column})`);
    this.name = 'XmlError';
    this.line = line;
    this.column = column;
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const NAME = /[A-Za-z_][\w.:-]*/y;
const SPACE = /[ \t\r\n]*/y;
/** Elements inside elements; instructions need four. */
const MAX_DEPTH = 32;

/** Reads a document and returns its root. Throws an XmlError. */
export function parseXml(document: string): XmlElement {
  return new Reader(document).document();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.startsWith('\uFEFF') ? text.slice(1) : text;
  }

  document(): XmlElement {
    if (/^<\?xml\s/.test(this.#text)) this.#skipPast('?>', 'the XML declaration does not end');
    this.#misc();
    if (!this.#starts('<')) this.#fail(this.#ended() ? 'the document is empty' : 'text before the root element');
    const root = this.#element(0);
    this.#misc();
    if (!this.#ended()) this.#fail('something follows the root element');
    return root;
  }

  #element(depth: number): XmlElement {
    const begin = this.#at;
    const { line, column } = this.#position(begin);
    if (depth > MAX_DEPTH) this.#fail('elements are nested too deeply');
    this.#at++;
    const name = this.#match(NAME, 'an element name is expected after "<"');
    const attributes = this.#attributes(name);
    if (this.#starts('/>')) {
      this.#at += 2;
      return { name, attributes, children: [], text: '', line, column };
    }
    this.#at++;
    const children: XmlElement[] = [];
    let text = '';
    for (;;) {
      if (this.#ended()) this.#fail(`<${name}> is not closed`, begin);
      if (this.#starts('</')) break;
      if (this.#starts('<!--')) this.#comment();
      else if (this.#starts('<![CDATA[')) text += this.#cdata();
      else if (this.#starts('<!') || this.#starts('<?'))
        this.#fail('declarations and instructions are not allowed here');
      else if (this.#starts('<')) children.push(this.#element(depth + 1));
      else text += this.#characters();
    }
    const closing = this.#at;
    this.#at += 2;
    const closed = this.#match(NAME, 'an element name is expected after "</"');
    if (closed !== name) this.#fail(`<${name}> is closed by </${closed}>`, closing);
    this.#match(SPACE, '');
    if (!this.#starts('>')) this.#fail(`">" is expected to end </${name}`);
    this.#at++;
    return { name, attributes, children, text: text.trim(), line, column };
  }

  #attributes(element: string): Map<string, string> {
    const attributes = new Map<string, string>();
    for (;;) {
      const spaces = this.#match(SPACE, '').length;
      if (this.#starts('/>') || this.#starts('>')) return attributes;
      if (this.#ended()) this.#fail(`<${element} does not end`);
      if (spaces === 0) this.#fail(`a space is expected before an attribute of <${element}>`);
      const begin = this.#at;
      const name = this.#match(NAME, `an attribute name, ">" or "/>" is expected in <${element}>`);
      this.#match(SPACE, '');
      if (!this.#starts('=')) this.#fail(`attribute ${name} has no value`);
      this.#at++;
      this.#match(SPACE, '');
      const quote = this.#text[this.#at];
      if (quote !== '"' && quote !== "'") this.#fail(`the value of attribute ${name} is not in quotes`);
      const end = this.#text.indexOf(quote!, this.#at + 1);
      if (end < 0) this.#fail(`the value of attribute ${name} does not end`);
      const raw = this.#text.slice(this.#at + 1, end);
      if (raw.includes('<')) this.#fail(`"<" in the value of attribute ${name}; write &lt;`);
      if (attributes.has(name)) this.#fail(`attribute ${name} is given twice`, begin);
      attributes.set(name, this.#unescape(raw, this.#at + 1));
      this.#at = end + 1;
    }
  }

  #characters(): string {
    const begin = this.#at;
    const end = this.#text.indexOf('<', begin);
    this.#at = end < 0 ? this.#text.length : end;
    return this.#unescape(this.#text.slice(begin, this.#at), begin);
  }

  #cdata(): string {
    const begin = this.#at + '<![CDATA['.length;
    this.#skipPast(']]>', 'a CDATA section does not end');
    return this.#text.slice(begin, this.#at - 3);
  }

  #comment(): void {
    this.#at += 4;
    this.#skipPast('-->', 'a comment does not end');
  }

  /** Space and comments around the root. */
  #misc(): void {
    for (;;) {
      this.#match(SPACE, '');
      if (!this.#starts('<!--')) break;
      this.#comment();
    }
    if (this.#starts('<!')) this.#fail('a document type is not allowed');
    if (this.#starts('<?')) this.#fail('the XML declaration must be the very first thing');
  }

  #unescape(raw: string, at: number): string {
    if (!raw.includes('&')) return raw;
    return raw.replace(/&([^;&\s]*;?)/g, (all: string, body: string, offset: number) => {
      if (!body.endsWith(';')) this.#fail('"&" that begins no entity; write &amp;', at + offset);
      const name = body.slice(0, -1);
      const known = ENTITIES[name];
      if (known !== undefined) return known;
      const code = /^#x[0-9a-fA-F]+$/.test(name)
        ? Number.parseInt(name.slice(2), 16)
        : /^#[0-9]+$/.test(name)
          ? Number(name.slice(1))
          : Number.NaN;
      // XML 1.0 section 2.2: no other control characters, no halves of surrogate pairs.
      const allowed =
        code === 9 ||
        code === 10 ||
        code === 13 ||
        (code >= 0x20 && code <= 0xd7ff) ||
        (code >= 0xe000 && code <= 0x10_ffff);
      if (!allowed) this.#fail(`unknown entity ${all}`, at + offset);
      return String.fromCodePoint(code);
    });
  }

  #skipPast(mark: string, message: string): void {
    const end = this.#text.indexOf(mark, this.#at);
    if (end < 0) this.#fail(message);
    this.#at = end + mark.length;
  }

  #match(pattern: RegExp, message: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) this.#fail(message);
    this.#at += found!.length;
    return found!;
  }

  #starts(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #ended(): boolean {
    return this.#at >= this.#text.length;
  }

  #position(at: number): { line: number; column: number } {
    const before = this.#text.slice(0, at);
    return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') };
  }

  #fail(message: string, at: number = this.#at): never {
    const { line, column } = this.#position(at);
    throw new XmlError(message, line, column);
  }
}
