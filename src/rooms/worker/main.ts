import { systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { errorMessage } from '../../errors.ts';
import { machineNow } from '../../process/machine-clock.ts';
import { openParent, openPipe } from '../../process/parent.ts';
import { loadRooms } from '../../transport/room-session.ts';
import { Host } from './host.ts';

/** A worker: a process that holds rooms. It serves once the library is loaded, and ends with the daemon. */

/** What it says beside its rooms: the library went wrong in a way that nobody waits for. The daemon gives it no more rooms. */
export interface Fault {
  readonly fault: string;
}

let host: Host | undefined;

const parent = openParent({
  told: () => {},
  gone: () => {
    void (host?.close() ?? Promise.resolve()).then(() => process.exit(0));
  },
});

const fault = (error: unknown) => parent.say({ fault: errorMessage(error) } satisfies Fault);
process.on('unhandledRejection', fault);
process.on('uncaughtException', fault);

try {
  const library = await loadRooms();
  const pipe = openPipe(0);
  const ticker = new Ticker(systemClock);
  const serving = new Host({
    library,
    clock: systemClock,
    machineNow,
    ticker,
    write: (bytes) => pipe.write(bytes),
    waiting: () => pipe.writableLength,
    afterInput: (fn) => void setImmediate(fn),
  });
  host = serving;
  pipe.on('error', () => {});
  pipe.on('data', (bytes: Buffer) => serving.read(bytes));
  parent.ready();
} catch (error) {
  await parent.failed(error);
  process.exit(1);
}
