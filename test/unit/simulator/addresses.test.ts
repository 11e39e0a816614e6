import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startRealtimeServer } from '../../../src/simulator/realtime/index.ts';
import { listenOn } from '../../../src/simulator/streams/http.ts';
import { GraphServer, type GraphServerOptions } from '../../../src/simulator/whatsapp/graph.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** Each of the far ends that listen, with how it is closed. */
const FAR_ENDS = {
  'a stand-in of a provider': async () => {
    const { port, close } = await listenOn(
      0,
      async () => ({ status: 200, body: {} }),
      (_request, stream) => void stream.end(),
    );
    return { port, close };
  },
  'the Realtime server': async () => {
    const { port, close } = await startRealtimeServer({ port: 0 });
    return { port, close };
  },
  'the Graph API': async () => {
    const behind = {} as GraphServerOptions['behind'];
    const graph = new GraphServer({ host: '127.0.0.1', port: 0, token: 't', clock: new FakeClock(), behind });
    await graph.up();
    return { port: Number(new URL(graph.url).port), close: () => graph.down() };
  },
};

/** The first line of what is answered to a request for something that is no address. */
async function answered(port: number, more: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET // HTTP/1.1\r\nhost: far-end\r\n${more}\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString().split('\r\n')[0] ?? '';
}

describe('what is no address is refused, and nothing ends by it:', () => {
  it.for(Object.keys(FAR_ENDS) as Array<keyof typeof FAR_ENDS>)('%s', async (name) => {
    const { port, close } = await FAR_ENDS[name]();
    try {
      expect(await answered(port, '')).toContain(' 400 ');
      if (name !== 'the Graph API')
        expect(
          await answered(
            port,
            'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
          ),
        ).toContain(' 400 ');
    } finally {
      await close();
    }
  });
});
