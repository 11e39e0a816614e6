import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A way to the model that loses and delays packets, where the kernel has no `netem`: an HTTP proxy that puts a relay of its own in place of the
 * media address in each SDP answer. Everything else passes as it is.
 */

export interface WayOptions {
  /** Of each hundred packets, either way, so many are lost. */
  readonly lossPercent: number;
  /** Each packet waits from 0 to twice this, ms; none overtakes another, as in a queue. */
  readonly jitterMs: number;
  readonly seed?: number;
}

export interface LossyWay {
  /** Stands for the model's base URL. */
  readonly url: string;
  set(options: WayOptions): void;
  /** Packets that came, and that were lost. */
  readonly packets: { readonly seen: number; readonly lost: number };
  close(): void;
}

/** mulberry32: the same seed gives the same losses in the same order. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Starts it before the model at `modelUrl` (http://127.0.0.1:PORT/v1). */
export async function lossyWay(modelUrl: string, first: WayOptions): Promise<LossyWay> {
  const model = new URL(modelUrl);
  let options = first;
  let chance = random(first.seed ?? 1);
  const packets = { seen: 0, lost: 0 };
  const sockets: UdpSocket[] = [];
  let closed = false;

  /** One direction: how packets leave it. */
  const direction = () => {
    let last = 0;
    return (send: () => void) => {
      packets.seen++;
      if (chance() * 100 < options.lossPercent) {
        packets.lost++;
        return;
      }
      if (options.jitterMs === 0) return send();
      const now = performance.now();
      last = Math.max(last, now + chance() * 2 * options.jitterMs);
      setTimeout(() => closed || send(), last - now);
    };
  };

  const relay = async (host: string, port: number): Promise<number> => {
    const near = createSocket('udp4');
    const far = createSocket('udp4');
    sockets.push(near, far);
    let back: { port: number; address: string } | undefined;
    const up = direction();
    const down = direction();
    near.on('message', (message, from) => {
      back = from;
      up(() => far.send(message, port, host));
    });
    far.on('message', (message) =>
      down(() => {
        if (back !== undefined) near.send(message, back.port, back.address);
      }),
    );
    for (const socket of [near, far]) {
      socket.on('error', () => {});
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    }
    return near.address().port;
  };

  /** The answer with our address in place of each candidate's. */
  const throughRelay = async (sdp: string): Promise<string> => {
    const lines = sdp.split('\r\n');
    const out: string[] = [];
    for (const line of lines) {
      const candidate = /^(a=candidate:\S+ \d udp \d+) (127\.0\.0\.1) (\d+) (typ host.*)$/i.exec(line);
      if (candidate !== null)
        out.push(`${candidate[1]} 127.0.0.1 ${await relay(candidate[2]!, Number(candidate[3]))} ${candidate[4]}`);
      else if (!line.startsWith('a=candidate:')) out.push(line);
    }
    return out.join('\r\n');
  };

  const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const part of message) parts.push(part as Buffer);
    return Buffer.concat(parts);
  };
  const server = createServer((incoming, response) => {
    void (async () => {
      const body = await bodyOf(incoming);
      const headers = { ...incoming.headers, host: model.host, 'content-length': String(body.length) };
      const forward = request(
        { host: model.hostname, port: model.port, method: incoming.method, path: incoming.url, headers },
        async (answer) => {
          const told = await bodyOf(answer);
          const isSdp = (answer.headers['content-type'] ?? '').startsWith('application/sdp');
          const text = isSdp ? Buffer.from(await throughRelay(told.toString())) : told;
          // In one piece now, however it came.
          const { 'transfer-encoding': _, ...kept } = answer.headers;
          response.writeHead(answer.statusCode ?? 502, { ...kept, 'content-length': String(text.length) });
          response.end(text);
        },
      );
      forward.on('error', () => response.destroy());
      forward.end(body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${model.pathname}`,
    set(next) {
      options = next;
      chance = random(next.seed ?? 1);
      packets.seen = 0;
      packets.lost = 0;
    },
    packets,
    close() {
      closed = true;
      server.closeAllConnections();
      server.close();
      for (const socket of sockets) socket.close();
    },
  };
}
