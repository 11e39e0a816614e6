import { parseXml, type XmlElement } from '../src/simulator/phone/xml.ts';

/**
 * JUnit's XML against what the schema of Ant's task says, which is what build servers were written for: which elements there are, their order, their attributes and
 * the types of those. Written from the schema itself, https://github.com/windyroad/JUnit-Schema (Apache License 2.0); of `skipped` it says nothing, and Jenkins reads its message.
 */

interface Rule {
  /** The children's names in their order, each with a space behind it. */
  readonly children: RegExp;
  readonly text?: true;
  /** By name, what its value must be; a name with ? may be left out. No others may be there. */
  readonly attributes: Readonly<Record<string, RegExp>>;
}

const TEXT = /^/;
/** `xs:token` of one character at least, as it is after its white space was collapsed. */
const TOKEN = /\S/;
const INT = /^[+-]?\d{1,10}$/;
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;
const MOMENT = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/;

const RULES: Readonly<Record<string, Rule>> = {
  testsuites: { children: /^(testsuite )*$/, attributes: {} },
  testsuite: {
    children: /^properties (testcase )*system-out system-err $/,
    attributes: {
      package: TOKEN,
      id: INT,
      name: TOKEN,
      timestamp: MOMENT,
      hostname: TOKEN,
      tests: INT,
      failures: INT,
      errors: INT,
      'skipped?': INT,
      time: DECIMAL,
    },
  },
  properties: { children: /^(property )*$/, attributes: {} },
  property: { children: /^$/, attributes: { name: TOKEN, value: TEXT } },
  testcase: {
    children: /^((skipped|error|failure) )?$/,
    attributes: { name: TOKEN, classname: TOKEN, time: DECIMAL },
  },
  failure: { children: /^$/, text: true, attributes: { type: TEXT, 'message?': TEXT } },
  error: { children: /^$/, text: true, attributes: { type: TEXT, 'message?': TEXT } },
  skipped: { children: /^$/, attributes: { 'message?': TEXT } },
  'system-out': { children: /^$/, text: true, attributes: {} },
  'system-err': { children: /^$/, text: true, attributes: {} },
};

/** What of it is not as the schema has it, in words; with a count that is not that of the elements, which no schema can say. Empty where nothing is. */
export function junitProblems(xml: string): string[] {
  const root = parseXml(xml);
  if (root.name !== 'testsuites') return [`the root is ${root.name}`];
  const problems = problemsOf(root);
  for (const suite of root.children) {
    const cases = suite.children.filter(({ name }) => name === 'testcase');
    const having = (name: string) => cases.filter(({ children }) => children[0]?.name === name).length;
    const counts = {
      tests: cases.length,
      failures: having('failure'),
      errors: having('error'),
      skipped: having('skipped'),
    };
    for (const [name, count] of Object.entries(counts))
      if (Number(suite.attributes.get(name)) !== count)
        problems.push(`${name} is ${suite.attributes.get(name)} of ${count}`);
    const names = cases.map(({ attributes }) => attributes.get('name'));
    if (new Set(names).size !== names.length) problems.push('two test cases have one name');
  }
  return problems;
}

function problemsOf(element: XmlElement): string[] {
  const { name } = element;
  const rule = RULES[name];
  if (rule === undefined) return [`there is no element ${name}`];
  const problems: string[] = [];
  for (const [written, type] of Object.entries(rule.attributes)) {
    const attribute = written.replace('?', '');
    const value = element.attributes.get(attribute);
    if (value === undefined) {
      if (attribute === written) problems.push(`${name} has no ${attribute}`);
    } else if (!type.test(value)) problems.push(`${name}'s ${attribute} is "${value}"`);
  }
  for (const attribute of element.attributes.keys())
    if (rule.attributes[attribute] === undefined && rule.attributes[`${attribute}?`] === undefined)
      problems.push(`${name} may have no ${attribute}`);
  const children = element.children.map((child) => `${child.name} `).join('');
  if (!rule.children.test(children)) problems.push(`${name} may not have ${children}`);
  if (rule.text === undefined && element.children.length === 0 && element.text.trim() !== '')
    problems.push(`${name} may have no text`);
  return [...problems, ...element.children.flatMap(problemsOf)];
}
