import { describe, expect } from 'vitest';
import { openSocket } from '../../src/transport/socket.ts';
import { OPERATOR } from './operator.ts';
import { type Rig, startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** The OpenAPI document and the routes that the daemon really serves. */

interface Operation {
  readonly security: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly responses: Readonly<Record<string, unknown>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

async function documentOf(rig: Rig): Promise<Paths> {
  const { paths } = (await (await fetch(`${rig.url}/openapi.json`)).json()) as { paths: Paths };
  return paths;
}

/** The document's operations that need the admin token, as the server writes routes. */
const guardedIn = (paths: Paths) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security.length > 0 && security.every((way) => 'admin' in way))
      .map(([method]) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );

/** The routes that refuse whoever brings no token for that reason. */
async function guardedAt({ app, url }: Rig): Promise<string[]> {
  const guarded: string[] = [];
  for (const { method, url: path } of app.http.routes) {
    // A HEAD is its GET without the body, and has none to tell a refusal by.
    if (method === 'HEAD') continue;
    const answer = await fetch(url + path.replace(/:\w+/g, 'abc'), { method, signal: AbortSignal.timeout(5_000) });
    // A webhook that nothing proves is refused with 401, too, and for no want of a token.
    if (answer.status !== 401) await answer.body?.cancel();
    else if ((await answer.text()).includes('ADMIN_TOKEN_MISSING')) guarded.push(`${method} ${path}`);
  }
  return guarded;
}

describe('the OpenAPI document', () => {
  it('has every route that is for operators, and says so of no other', async ({ own }) => {
    const rig = own(await startRig());
    const guarded = await guardedAt(rig);
    expect(guarded).toContain('GET /events');
    expect(guarded).toContain('GET /records/:id/recording');
    expect(guardedIn(await documentOf(rig)).sort()).toEqual(guarded.sort());
  });

  it('has every WebSocket that is for operators', async ({ own }) => {
    const rig = own(await startRig());
    const paths = await documentOf(rig);
    const sockets = rig.app.http.upgrades.paths.map(({ path }) => path);
    expect(sockets).toContain('/events');
    for (const path of sockets) {
      const handlers = { text: () => {}, binary: () => {}, close: () => {} };
      const refused = await openSocket(rig.url.replace(/^http/, 'ws') + path, handlers, {
        maxMessageBytes: 1_024,
        pingIntervalMs: 0,
        connectTimeoutMs: 5_000,
      }).then(
        (socket) => void socket.close(1000, ''),
        (error: { status?: number }) => error,
      );
      const isGuarded = refused !== undefined && refused.status === 401;
      expect(paths[path]?.['get']?.responses['101'] !== undefined, path).toBe(isGuarded);
    }
  });

  it('says of what anybody may use that nobody needs a token', async ({ own }) => {
    const rig = own(await startRig({ settings: { METRICS_ACCESS: 'public', BROWSER_ACCESS: 'public' } }));
    const paths = await documentOf(rig);
    expect(paths['/metrics']?.['get']?.security).toEqual([{}, { admin: [] }]);
    expect(paths['/api/realtime/webrtc/bridge']?.['post']?.security).toEqual([{}, { admin: [] }]);
    expect(guardedIn(paths).sort()).toEqual((await guardedAt(rig)).sort());
  });

  it('names the refusals and the forms of what is streamed', async ({ own }) => {
    const rig = own(await startRig());
    const paths = await documentOf(rig);
    const events = paths['/events']?.['get'];
    expect(Object.keys(events?.responses ?? {})).toEqual(expect.arrayContaining(['101', '200', '401', '403', '503']));
    const answer = await fetch(`${rig.url}/records/none/recording`, { headers: OPERATOR });
    const recording = paths['/records/{id}/recording']?.['get'];
    expect(recording?.responses[answer.status]).toMatchObject({
      description: ((await answer.json()) as { error: { code: string } }).error.code,
    });
  });
});
