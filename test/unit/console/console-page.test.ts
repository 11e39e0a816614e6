import { dirname, join, posix } from 'node:path';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { consolePages, readConsoleFiles } from '../../../src/console/console-page.ts';

const files = readConsoleFiles(new URL('../../../web/', import.meta.url));
const app = Fastify();
app.register(consolePages, { files });
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });
const source = (path: string) => files.get(path)?.body.toString() ?? '';
const modules = [...files.keys()].filter((path) => path.endsWith('.js'));

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
    expect((await get('/')).body).toBe(source('index.html'));
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
        .filter((imported) => !files.has(imported))
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
