import { existsSync, statSync } from 'node:fs';
import { adminTokenFile } from '../http/admin-token.ts';
import { localUrl } from '../http/public-url.ts';
import { jsonObject } from '../transport/http.ts';
import { ask } from './ask.ts';
import { type Check, type Finding, fail, pass, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';

/** Who may see calls and operate them: which token it takes, and whether one is asked for everywhere. */

const ASK_MS = 3_000;

export function operatorChecks(deps: DoctorDeps): Check[] {
  return [{ name: 'operators', run: (signal) => operators(deps, signal) }];
}

async function operators(deps: DoctorDeps, signal: AbortSignal): Promise<Finding> {
  const { config } = deps;
  const asked = [localUrl(config.HOST, config.PORT), ...(config.PUBLIC_URL === undefined ? [] : [config.PUBLIC_URL])];
  const shut: string[] = [];
  const answers = await Promise.all(asked.map(async (url) => ({ url, answer: await withoutToken(deps, url, signal) })));
  for (const { url, answer } of answers) {
    if (answer === 'open')
      return fail(
        `${url}/calls is answered without a token: whoever finds that address sees calls and operates them`,
        'Restart the daemon with these settings; if it has them, a proxy adds the token to strangers’ requests: let it not.',
      );
    if (answer === 'shut') shut.push(url);
  }
  const { seen, readable } = tokenOf(deps);
  const open = [
    config.METRICS_ACCESS === 'public' ? 'anybody may read /metrics' : '',
    config.BROWSER_ACCESS === 'public' ? 'any page may call' : '',
  ].filter((what) => what !== '');
  const refused = shut.length === 0 ? '' : `; without it ${shut.join(' and ')} refuse`;
  const all = `${[`operators need ${seen}${refused}`, ...open].join('; ')}`;
  return readable
    ? warn(
        `${all}; others on this machine can read it`,
        'Remove the file and restart: a new one is made, for its owner alone.',
      )
    : pass(all);
}

/** What the token is, in words, and whether others than its owner can read it. */
function tokenOf({ config }: DoctorDeps): { readonly seen: string; readonly readable: boolean } {
  const count = config.ADMIN_TOKEN.length;
  if (count > 0) return { seen: count === 1 ? 'ADMIN_TOKEN' : `one of the ${count} of ADMIN_TOKEN`, readable: false };
  const file = adminTokenFile(config.DATA_DIR);
  if (!existsSync(file)) return { seen: `the token that the daemon will make in ${file}`, readable: false };
  const readable = process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0;
  return { seen: `the token in ${file}`, readable };
}

/** Asks for the list of calls without a token; undefined where no daemon answers. */
async function withoutToken(deps: DoctorDeps, url: string, signal: AbortSignal): Promise<'open' | 'shut' | undefined> {
  try {
    const answer = await ask(deps, { url: `${url}/calls?limit=1`, headers: {}, timeoutMs: ASK_MS, signal });
    const body = jsonObject(answer.body) as { calls?: unknown; error?: { code?: unknown } | null } | undefined;
    if (answer.status === 200 && Array.isArray(body?.calls)) return 'open';
    return String(body?.error?.code).startsWith('ADMIN_TOKEN_') ? 'shut' : undefined;
  } catch {
    // Whether anything answers there at all, the lines before this one have said.
    return undefined;
  }
}
