import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { noChromium } from './browser-chromium.ts';
import { type Own, openConsole } from './console-rig.ts';
import { startDaemonProcess } from './daemon-process.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What whoever starts the daemon for the first time is told by it, on the terminal and by the page that this names. */

/** A daemon with these settings and no others, and all that it says once it listens. */
async function started(own: Own, settings: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-first-'));
  own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
  const daemon = await startDaemonProcess({ DATA_DIR: folder, ...settings });
  own({ close: () => daemon.kill('SIGKILL') });
  await until(() => daemon.output().includes('Point a carrier at:'), 'all of it to be said');
  return { ...daemon, folder, said: daemon.output() };
}

describe('the first start', () => {
  it('says which model answers, where the console is and with which token, and how a call gets here', async ({
    own,
    skip,
  }) => {
    const { url, folder, said } = await started(own, { ADMIN_TOKEN: '' });
    expect(said).toMatch(/^voicebridge listens on http:/m);
    expect(said).toMatch(/EMBEDDED SIMULATED MODEL/);
    expect(said).toContain(`npm run call -- --webhook ${url}/incoming-call`);
    expect(said).toContain('set PUBLIC_URL to the address carriers can reach');
    const [, page = '', file = ''] = /^Console: +(\S+) with the token in (\S+)$/m.exec(said) ?? [];
    expect([page, file]).toEqual([`${url}/`, join(folder, 'admin-token')]);
    const token = readFileSync(file, 'utf8').trim();
    expect(said).not.toContain(token);

    skip(noChromium !== undefined, noChromium);
    const { page: seen } = await openConsole(own, { url: page.slice(0, -1) }, { token: '' });
    await seen.getByLabel('Token', { exact: true }).fill(token);
    await seen.keyboard.press('Enter');
    await seen.locator('#stream').getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
    // The page says what the terminal did.
    await seen.getByText(/EMBEDDED SIMULATED MODEL/).waitFor();
    await seen.getByText('npm run call', { exact: true }).waitFor();
    await seen.getByText(`${url}/incoming-call`, { exact: true }).waitFor();
  });

  it('names the settings that have the token and the address where there are any', async ({ own }) => {
    const { url, said } = await started(own, { PUBLIC_URL: 'https://voice.example.com' });
    expect(said).toMatch(new RegExp(`^Console: +${url}/ with ADMIN_TOKEN$`, 'm'));
    expect(said).toMatch(/^Point a carrier at: +https:\/\/voice\.example\.com\/incoming-call$/m);
    expect(said).not.toContain(OPERATOR_TOKEN);
  });
});
