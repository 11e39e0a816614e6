import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPERATOR } from './operator.ts';
import { type Rig, type RigOptions, startRig, until } from './rig.ts';

/** The whole daemon with a route to somebody's agent, and what one looks at after a phone call with it. */
export async function startAgentRig(agent: object, options: RigOptions = {}): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-routes-'));
  const routes = join(folder, 'routes.yaml');
  // JSON is YAML.
  writeFileSync(routes, JSON.stringify({ routes: [{ name: 'all', agent }] }));
  const rig = await startRig({ ...options, settings: { ROUTES_FILE: routes, ...options.settings } });
  return {
    ...rig,
    async close() {
      await rig.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The one record that there is, when it is closed. */
export async function onlyRecord(rig: Pick<Rig, 'url' | 'of'>): Promise<Record<string, unknown>> {
  const ended = await until(() => rig.of('call_started')[0], 'a call');
  const ask = async (path: string) => {
    const answer = await fetch(rig.url + path, { headers: OPERATOR });
    return answer.status === 200 ? ((await answer.json()) as Record<string, unknown>) : undefined;
  };
  for (let i = 0; ; i++) {
    const found = (await ask(`/records/${ended.info.id}`))?.['record'] as Record<string, unknown> | undefined;
    if (found?.['endedAt'] != null) {
      const list = (await ask('/records'))?.['records'] as unknown[] | undefined;
      if (list !== undefined && list.length !== 1) throw new Error(`there are ${list.length} records`);
      return found;
    }
    if (i > 100) throw new Error('the record is not closed');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
