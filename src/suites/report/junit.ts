import { gateText } from '../gates.ts';
import type { CaseSummary, RunReport } from './types.ts';

/**
 * A run as JUnit's XML, in the form that Ant's task writes and that build servers read: one test case a call, and one for the gates. Failed cases are
 * failures, invalid ones errors, and what was not executed is skipped. Schema: https://github.com/windyroad/JUnit-Schema
 */

/** Characters that XML 1.0 has no room for, whatever they are escaped as, and others that nobody reads. https://www.w3.org/TR/xml/#charsets */
const NO_XML = /(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/gu;

const escaped = (text: string) =>
  text
    .toWellFormed()
    .replace(NO_XML, '\ufffd')
    .replace(/[&<>"'\n\t]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const seconds = (value: number) => (value / 1000).toFixed(3);

export function junitXml(report: RunReport, hostname = 'localhost'): string {
  const gates = report.gates.filter(({ state }) => state !== 'kept');
  const { counts } = report;
  const failures = counts.failed + gates.filter(({ state }) => state === 'broken').length;
  const errors = counts.invalid + gates.filter(({ state }) => state === 'undecided').length;
  const tests = report.cases.length + report.gates.length;
  const time = seconds(report.cases.reduce((sum, { durationMs }) => sum + durationMs, 0));
  const suite = [
    'id="0"',
    `package="${escaped(report.suiteFile)}"`,
    `name="${escaped(report.suite)}"`,
    // Without a zone, as the schema wants it: UTC.
    `timestamp="${report.startedAt.slice(0, 19)}"`,
    `hostname="${escaped(hostname)}"`,
    `tests="${tests}"`,
    `failures="${failures}"`,
    `errors="${errors}"`,
    `skipped="${counts['not-executed']}"`,
    `time="${time}"`,
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite ${suite.join(' ')}>`,
    '    <properties>',
    ...Object.entries({ run: report.id, state: report.state, 'suite.sha256': report.suiteHash }).map(
      ([name, value]) => `      <property name="${name}" value="${escaped(value)}"/>`,
    ),
    '    </properties>',
    ...report.cases.flatMap((one) => testCase(report, one)),
    ...report.gates.flatMap((gate) => {
      const name = `<testcase name="gate ${gate.figure}" classname="${escaped(report.suite)}" time="0"`;
      if (gate.state === 'kept') return [`    ${name}/>`];
      const kind = gate.state === 'broken' ? 'failure' : 'error';
      return [`    ${name}>`, `      <${kind} type="gate" message="${escaped(gateText(gate))}"/>`, '    </testcase>'];
    }),
    `    <system-out>${escaped(report.notes.join('\n'))}</system-out>`,
    '    <system-err></system-err>',
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

const ELEMENTS = { failed: 'failure', invalid: 'error' } as const;

function testCase({ suite }: RunReport, { id, name, state, reasons, durationMs }: CaseSummary): string[] {
  const begin = `    <testcase name="${escaped(id === name ? id : `${id}: ${name}`)}" classname="${escaped(suite)}" time="${seconds(durationMs)}"`;
  if (state === 'passed') return [`${begin}/>`];
  const text = escaped(reasons.join('\n'));
  const message = escaped(reasons[0] ?? state);
  if (state === 'not-executed') return [`${begin}>`, `      <skipped message="${message}"/>`, '    </testcase>'];
  const element = ELEMENTS[state];
  return [
    `${begin}>`,
    `      <${element} type="${state}" message="${message}">${text}</${element}>`,
    '    </testcase>',
  ];
}
