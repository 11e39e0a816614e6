import { errorMessage } from '../errors.ts';
import { machineNow } from '../process/machine-clock.ts';
import { type Asking, type Form, isOurs, METHODS, type MemoryPort, type Telling } from './ipc-wire.ts';
import type { ProcessMemory } from './memory.ts';

type Method = (...args: unknown[]) => Promise<unknown>;
type Ask = Extract<Asking, { readonly memory: 'ask' }>;

/**
 * Holds the memory of the process at the other end of `port`, for as long as that lives: what it leases ends by itself when it dies, as with any memory.
 * What has been waiting here for too long, because this process was busy, is not done: whoever asked has been told that it failed.
 */
export function holdMemory(memory: ProcessMemory, port: MemoryPort, now: () => number = machineNow): void {
  const listening = new Map<string, () => void>();
  const tell = (message: Telling) => port.send(message);
  port.onMessage((message) => {
    if (!isOurs(message)) return;
    const asking = message as Asking;
    if (asking.memory === 'ask') {
      if (now() <= asking.notAfter) void answer(memory, asking).then(tell);
    } else if (asking.memory === 'publish') {
      memory.channel({ name: asking.channel }).publish(asking.text);
    } else if (asking.memory === 'listen') {
      const { channel } = asking;
      listening.get(channel)?.();
      const heard = (text: string) => tell({ memory: 'news', channel, text });
      listening.set(channel, memory.channel({ name: channel }).subscribe(heard));
    } else if (asking.memory === 'listen-no-more') {
      listening.get(asking.channel)?.();
      listening.delete(asking.channel);
    }
  });
  port.onClose(() => {
    for (const end of listening.values()) end();
    listening.clear();
  });
}

async function answer(memory: ProcessMemory, { id, form, options, method, args }: Ask): Promise<Telling> {
  try {
    const value = await methodOf(memory, form, options, method)(...args);
    return { memory: 'done', id, ...(value === undefined ? {} : { value }) };
  } catch (error) {
    return { memory: 'failed', id, detail: errorMessage(error) };
  }
}

function methodOf(memory: ProcessMemory, form: Form, options: { readonly name: string }, method: string): Method {
  if (!(METHODS[form] as readonly string[] | undefined)?.includes(method))
    throw new Error(`the memory has no ${form}.${method}`);
  const of = memory[form](options as never) as unknown as Readonly<Record<string, Method>>;
  return async (...args) => of[method]?.(...args);
}
