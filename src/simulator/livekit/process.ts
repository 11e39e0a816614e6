/**
 * The process in which people are in rooms: their library keeps threads and memory of every room, which no measurement of the daemon is to see.
 * Started by `People`, asked over IPC, and over when that is.
 */

import { errorMessage } from '../../errors.ts';
import { loadRoomLibrary } from '../../transport/room.ts';
import { METHODS, type PersonControls, type Reply, type Request } from './messages.ts';
import { RoomPerson } from './room-person.ts';

const people = new Map<number, PersonControls>();
const send = (reply: Reply) => void process.send?.(reply);
const lib = await loadRoomLibrary();

async function answer(request: Request): Promise<unknown> {
  const { person: id } = request;
  if ('make' in request) {
    people.set(id, new RoomPerson(lib, request.make, (event) => send({ person: id, event })));
    return undefined;
  }
  const person = people.get(id);
  const { method, args } = request;
  if (person === undefined || !METHODS.includes(method)) throw new Error(`no ${method} of ${id}`);
  return (person[method] as (...all: readonly unknown[]) => Promise<unknown>)(...args);
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => send({ call: request.call, value }),
    (error: unknown) => send({ call: request.call, error: errorMessage(error) }),
  );
});
// The library throws where nobody waits for it (a handle that it drops twice, on a busy machine). The others go on, and what became of this one they hear or do not hear.
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => process.stderr.write(`people in rooms: ${errorMessage(error)}\n`));
process.on('disconnect', () => process.exit());
send({ ready: true });
