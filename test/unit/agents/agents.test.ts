import { expect, it } from 'vitest';
import { openAgents } from '../../../src/agents/index.ts';
import type { AgentDeps, AgentKind, OpenedAgent } from '../../../src/agents/kind.ts';

const opened = (name: string, did: string[]): OpenedAgent => ({
  model: name,
  about: `Calls are answered by ${name}.`,
  create: () => {
    throw new Error('not made here');
  },
  close: async () => void did.push(`close ${name}`),
});

function table() {
  const did: string[] = [];
  let fails = true;
  const kind = (name: string, open: () => Promise<OpenedAgent>): AgentKind => ({
    name,
    title: name,
    settings: { session: {}, answers: {}, transport: {}, webrtc: {} },
    options: { prompt: {}, route: {} },
    open: () => {
      did.push(`open ${name}`);
      return open();
    },
  });
  const kinds = [
    kind('a', async () => opened('a', did)),
    kind('b', async () => {
      if (fails) throw new Error('no far end');
      return opened('b', did);
    }),
    { ...kind('c', async () => opened('c', did)), bills: 'minutes' as const },
  ];
  const agents = openAgents({ ICE_SERVERS: [] }, {} as AgentDeps, kinds);
  return { agents, did, mend: () => (fails = false) };
}

it('opens a kind when it is asked for, once, and no other; closes what is open', async () => {
  const { agents, did } = table();
  expect(did).toEqual([]);
  const [one, other] = await Promise.all([agents.get('c'), agents.get('c')]);
  expect(one).toBe(other);
  expect(agents.opened).toEqual([one]);
  await agents.close();
  expect(did).toEqual(['open c', 'close c']);
});

it('tells who watches of each that is open, and of each that is opened later', async () => {
  const { agents, mend } = table();
  await agents.get('c');
  const told: string[] = [];
  agents.watch(({ kind, agent }) => void told.push(`${kind.name} ${agent.model}`));
  expect(told).toEqual(['c c']);
  await agents.get('b').catch(() => {});
  mend();
  await agents.get('b');
  await agents.get('c');
  expect(told).toEqual(['c c', 'b b']);
});

it('knows of the models that agents were made of whether they are billed', async () => {
  const { agents } = table();
  const known = async (name: string) => {
    const agent = await agents.get(name);
    const order = { instructions: '', options: {}, voice: undefined, tools: [], form: 'pcm16' } as const;
    expect(() => agent.create(order)).toThrow('not made here');
    return agents.isBilled(name);
  };
  expect([await known('a'), await known('c')]).toEqual([false, true]);
  expect(agents.isBilled('unknown')).toBe(true);
});

it('tries again one that could not be opened, and refuses one that there is not', async () => {
  const { agents, did, mend } = table();
  await expect(Promise.all([agents.get('b'), agents.get('b')])).rejects.toThrow('no far end');
  expect(agents.opened).toEqual([]);
  mend();
  expect((await agents.get('b')).model).toBe('b');
  await expect(agents.get('x')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await agents.close();
  expect(did).toEqual(['open b', 'open b', 'close b']);
});
