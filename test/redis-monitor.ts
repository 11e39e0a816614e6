import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** A command that Redis carried out: its name and arguments as they were, and whether a script asked for it. */
export interface Monitored {
  args: string[];
  byScript: boolean;
}

/** A line of MONITOR: `+1700000000.123456 [0 127.0.0.1:4711] "get" "key"`, with `lua` for the address where a script asked. */
const LINE = /^\+\d+\.\d+ \[\d+ (\S+)\] (.*)$/;

/**
 * Tells of every command that a Redis carries out, from the moment the promise is kept until the returned function is called
 * (https://redis.io/docs/latest/commands/monitor/). It reads the socket itself: to a client that expects a reply for each command the lines
 * that come together with MONITOR's own reply are answers to nothing, which on a busy server throws.
 *
 * @param url redis://host:port, without a password
 */
export const monitorRedis = async (url: string, tell: (one: Monitored) => void): Promise<() => void> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const lines = createInterface({ input: socket });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    lines.once('line', (line) => (line === '+OK' ? resolve() : reject(new Error(`MONITOR was refused: ${line}`))));
    lines.on('line', (line) => {
      const [, source, said] = LINE.exec(line) ?? [];
      if (said !== undefined) tell({ args: argumentsOf(said), byScript: source === 'lua' });
    });
    socket.write('MONITOR\r\n');
  });
  return () => {
    lines.close();
    socket.destroy();
  };
};

/** The quoted arguments of a line, whose bytes outside ASCII stay escaped. */
const argumentsOf = (said: string): string[] =>
  [...said.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, quoted = '']) => quoted.replace(/\\(["\\])/g, '$1'));
