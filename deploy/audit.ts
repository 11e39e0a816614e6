import { spawnSync } from 'node:child_process';

/**
 * `npm run audit`: known weaknesses of the packages that run in production. Exit status 1 for a high or critical one. A registry that does not
 * answer such questions (many mirrors do not) proves nothing either way: exit status 77, which is neither, so that a build can go on and cannot take
 * it for an audit.
 */

export type Severity = 'info' | 'low' | 'moderate' | 'high' | 'critical';

/** What `npm audit --json` prints, as far as it is read here. */
interface AuditReport {
  readonly error?: unknown;
  readonly metadata?: { readonly vulnerabilities?: Readonly<Partial<Record<Severity, number>>> };
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: Severity; readonly range?: string }>>;
}

/** As with tests that cannot be made here. */
const NOT_AUDITED = 77;

export interface Verdict {
  readonly status: 0 | 1 | typeof NOT_AUDITED;
  readonly lines: readonly string[];
}

/** Judges the printed report. */
export function judge(printed: string): Verdict {
  let report: AuditReport = {};
  try {
    report = JSON.parse(printed) as AuditReport;
  } catch {
    // Whatever it printed instead, it is no report.
  }
  const counts = report.metadata?.vulnerabilities;
  if (counts === undefined || report.error !== undefined) {
    return {
      status: NOT_AUDITED,
      lines: ['WARNING: not audited: the registry does not answer about known weaknesses'],
    };
  }
  const found = Object.entries(report.vulnerabilities ?? {}).map(
    ([name, { severity, range = '' }]) => `${severity}: ${name} ${range}`,
  );
  const grave = (counts.high ?? 0) + (counts.critical ?? 0);
  const summary = `audit: ${found.length} weak packages, ${grave} of them high or critical`;
  return { status: grave > 0 ? 1 : 0, lines: [...found, summary] };
}

if (import.meta.main) {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8', timeout: 120_000 });
  const { status, lines } = judge(stdout ?? '');
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = status;
}
