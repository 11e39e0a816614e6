import { dirname, join, posix } from 'node:path';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { consolePages, readConsoleFiles, readModule } from '../../../src/console/console-page.ts';

const files = readConsoleFiles(new URL('../../../web/', import.meta.url));
const app = Fastify();
app.register(consolePages, { files });
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });
const source = (path: string) => files.get(path)?.body.toString() ?? '';
/** Of a package, and served where rooms are on. */
const ROOM_CLIENT = 'lib/livekit-client.js';
const modules = [...files.keys()].filter((path) => path.endsWith('.js'));

/** What a module imports at once, and what that does. */
function importedBy(path: string, found = new Set<string>()): Set<string> {
  for (const [, name = ''] of source(path).matchAll(/^(?:import|export)[^;]*?from '([^']+)'/gm)) {
    const next = posix.join(dirname(path), name);
    if (found.has(next)) continue;
    found.add(next);
    importedBy(next, found);
  }
  return found;
}

describe('the console’s files', () => {
  it('are served with their types, a strict policy, and an address that tells versions apart', async () => {
    const page = await get('/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(page.headers).toMatchObject({
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    const types = await Promise.all(
      ['js/main.js', 'styles/base.css', 'icon.svg'].map((path) => get(`/console/${path}`)),
    );
    expect(types.map((answer) => answer.headers['content-type'])).toEqual([
      'text/javascript; charset=utf-8',
      'text/css; charset=utf-8',
      'image/svg+xml',
    ]);
    expect(new Set(types.map((answer) => answer.headers['etag'])).size).toBe(3);
  });

  it('tell the page how the carriers are written', async () => {
    const other = Fastify();
    other.register(consolePages, { files, carriers: { example: 'The "Example" & Co' } });
    const { body, headers } = await other.inject('/');
    expect(body).toContain('content="{&#34;example&#34;:&#34;The \\&#34;Example\\&#34; &#38; Co&#34;}"');
    expect(headers['etag']).not.toBe((await get('/')).headers['etag']);
    expect((await get('/')).body).toContain('name="carriers" content="{}"');
  });

  it('let a page connect where it is told to, and no other page, and its library is one of them', async () => {
    const other = Fastify();
    const module = readModule('livekit-client', 'livekit-client.esm.mjs');
    other.register(consolePages, {
      files: new Map([...files, [ROOM_CLIENT, module]]),
      connects: { 'livekit.html': ['wss://rooms.example', 'https://rooms.example'] },
    });
    const policies = await Promise.all(
      ['/console/livekit.html', '/console/phone.html', '/'].map(async (url) =>
        String((await other.inject(url)).headers['content-security-policy']),
      ),
    );
    expect(policies.map((policy) => /connect-src ([^;]+)/.exec(policy)?.[1])).toEqual([
      "'self' wss://rooms.example https://rooms.example",
      "'self'",
      "'self'",
    ]);
    const client = await other.inject(`/console/${ROOM_CLIENT}`);
    expect(client.headers['content-type']).toBe('text/javascript; charset=utf-8');
    // Whole in itself: what it would import is nowhere here.
    expect([/\bexport\{[^}]*,Room,/.test(client.body), /^import\b/m.test(client.body)]).toEqual([true, false]);
  });

  it('are named by their version in each page, all that its modules import among them, and kept for good', async () => {
    for (const [url, folder, entry] of [
      ['/', 'console/', 'js/main.js'],
      ['/console/tests.html', '', 'js/tests/page.js'],
      ['/console/phone.html', '', 'phone/page.js'],
    ] as const) {
      const { body } = await get(url);
      const named = [...body.matchAll(/<(?:link|script)[^>]* (?:href|src)="([^"]+)"/g)].map(([, to = '']) => to);
      const version = /v\/[0-9a-f]{16}\//.exec(body)?.[0] ?? '';
      expect(named.filter((to) => !to.startsWith(`${folder}${version}`))).toEqual([]);
      const paths = named.map((to) => to.slice(`${folder}${version}`.length));
      const needed = [...importedBy(entry)].filter((path) => files.has(path));
      expect(needed.length).toBeGreaterThan(3);
      expect(paths).toEqual(expect.arrayContaining([entry, ...needed]));
      expect(new Set(paths).size).toBe(paths.length);
      for (const to of [...named.slice(0, 3), ...named.slice(-3)]) {
        const { statusCode, headers, body: text } = await get(new URL(to, `http://daemon${url}`).pathname);
        expect([statusCode, headers['cache-control']], to).toEqual([200, 'public, max-age=31536000, immutable']);
        expect(text).toBe(source(to.slice(`${folder}${version}`.length)));
      }
    }
  });

  it('have another version as soon as one of them is another; of a version that is not theirs nothing is kept', async () => {
    const versionIn = (body: string) => /v\/([0-9a-f]{16})\//.exec(body)?.[1] ?? '';
    const other = Fastify();
    other.register(consolePages, { files: new Map([...files, ['js/more.js', files.get('js/theme.js')!]]) });
    const [mine, theirs] = [versionIn((await get('/')).body), versionIn((await other.inject('/')).body)];
    expect([mine === theirs, mine.length, theirs.length]).toEqual([false, 16, 16]);
    const answer = await get(`/console/v/${theirs}/js/main.js`);
    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([200, 'no-cache']);
    for (const path of [`v/${mine}/phone.html`, `v/${mine}/nothing.js`, `v/${mine}`, `v/${mine}/v/${mine}/js/main.js`])
      expect((await get(`/console/${path}`)).statusCode, path).toBe(404);
  });

  it('are not sent again to who has them', async () => {
    const { etag } = (await get('/console/js/main.js')).headers;
    for (const known of [`${etag}`, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await get('/console/js/main.js', { 'if-none-match': known });
      expect([answer.statusCode, answer.body, answer.headers['etag']], known).toEqual([304, '', etag]);
    }
    expect((await get('/console/js/main.js', { 'if-none-match': '"other"' })).statusCode).toBe(200);
    const head = await app.inject({ method: 'HEAD', url: '/' });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });

  it('are all there is: no other file, by whatever path', async () => {
    for (const path of [
      'tsconfig.json',
      'nothing.js',
      '',
      '../package.json',
      '%2e%2e/package.json',
      '..%2fsrc%2fapp.ts',
      '/etc/passwd',
      'js/%00',
    ])
      expect((await get(`/console/${path}`)).statusCode, path).toBe(404);
  });

  it('refer only to files that exist', () => {
    const referred = [...source('index.html').matchAll(/(?:href|src)="console\/([^"]+)"/g)].map(
      ([, path = '']) => path,
    );
    expect(referred.length).toBeGreaterThan(5);
    expect(referred.filter((path) => !files.has(path))).toEqual([]);
    const broken = modules.flatMap((path) =>
      [...source(path).matchAll(/^(?:import|export)[^;]*?from '([^']+)'/gm)]
        .map(([, name = '']) => posix.join(dirname(path), name))
        .filter((imported) => !files.has(imported) && imported !== ROOM_CLIENT)
        .map((imported) => `${path} imports ${imported}`),
    );
    expect(broken).toEqual([]);
  });

  it('make no markup of data, and have nothing inline', () => {
    expect(modules.length).toBeGreaterThan(20);
    const dangerous =
      /\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|eval|new Function)\b/;
    expect(modules.filter((path) => dangerous.test(source(path)))).toEqual([]);
    expect(source('index.html')).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
  });

  it('fail loudly where the page is missing', () => {
    expect(() => readConsoleFiles(new URL(`file://${join(import.meta.dirname, 'nowhere/')}`))).toThrow();
  });
});
