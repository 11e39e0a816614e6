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
    kind('c', async () => opened('c', did)),
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
