import { afterEach, expect, it, vi } from 'vitest';
import { RoomServer } from '../../../src/transport/room-server.ts';

const KEY = { apiKey: 'APIkey', apiSecret: 'secret-of-32-characters-and-more' };

afterEach(() => vi.unstubAllGlobals());

it.each([
  ['any number of people', {}, {}],
  ['so many people', { most: 20 }, { maxParticipants: 20 }],
])('tells the server how long it keeps a room, empty and left, and lets in %s', async (_what, more, told) => {
  const sent: Array<{ url: string; body: unknown }> = [];
  vi.stubGlobal('fetch', async (url: URL, { body }: { body: string }) => {
    sent.push({ url: String(url), body: JSON.parse(body) });
    return Response.json({ sid: 'RM_1', name: 'r' });
  });
  const server = new RoomServer({ url: 'ws://127.0.0.1:7880', ...KEY });
  await server.create('r', { emptySeconds: 360, departureSeconds: 80, ...more });
  expect(sent).toEqual([
    {
      url: 'http://127.0.0.1:7880/twirp/livekit.RoomService/CreateRoom',
      body: { name: 'r', emptyTimeout: 360, departureTimeout: 80, ...told },
    },
  ]);
});
