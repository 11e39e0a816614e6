import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { browserBridge } from '../../../src/callers/browser/http/bridge.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { auditRoutes } from '../../../src/people/http/audited.ts';
import { type WorkbenchApiOptions, workbenchApi } from '../../../src/workbench/http/workbench-api.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** What an operator does can be found by what it was done to, also where no path has its id. */

const admin = { tokens: ['admin-token-of-sixteen-and-more'] };
const headers = { authorization: `Bearer ${admin.tokens[0]}` };

function rig() {
  const app = Fastify();
  const notes: Array<[action: string, target: string | null]> = [];
  const note = ({ action, target }: { action: string; target: string | null }) => void notes.push([action, target]);
  auditRoutes(app, { note, noteRead: note });
  return { app, notes };
}

it('a call from a page is noted by its id, not by the name that the page gives to its conversation', async () => {
  const { app, notes } = rig();
  await app.register(browserBridge, {
    ...{ admin, access: 'admin', origins: [], agents: [], systemPrompt: false },
    memory: new LocalMemory({ clock: new FakeClock() }),
    fleet: { isAlone: true } as never,
    hasPrompt: () => true,
    saysAddress: () => false,
    readAgent: async () => ({ ok: false, kind: undefined, problems: [] }),
    bridges: {
      sessionOf: () => 'call-1',
      open: async () => ({ sessionId: 'call-1', answer: 'v=0' }),
      text: () => {},
      close: async () => true,
    } as never,
  });
  const url = '/api/realtime/webrtc/bridge';
  await app.inject({ method: 'POST', url, headers, payload: { conversation_id: 'ada@x', offer: 'v=0' } });
  await app.inject({ method: 'POST', url: `${url}/ada@x/text`, headers, payload: { text: 'Hello' } });
  await app.inject({ method: 'DELETE', url: `${url}/ada@x`, headers });
  await app.close();
  expect(notes).toEqual(['openBridge', 'writeToBridge', 'closeBridge'].map((action) => [action, 'call-1']));
});

it('what agents are made of is noted by the name of the file, the draft, the tool', async () => {
  const { app, notes } = rig();
  await app.register(workbenchApi, {
    admin,
    files: { save: async (name: string) => ({ name, text: '', hash: '0123456789abcdef' }) },
    dispatch: { inside: { drafts: { add: async () => 'draft-0123456789abcdef' } } },
    tryTool: async () => ({ outcome: 'checked', output: null, ms: 1, asked: [] }),
  } as unknown as WorkbenchApiOptions);
  const post = (url: string, payload: object) => app.inject({ method: 'POST', url, headers, payload });
  await post('/agents/file', { name: 'prompts/default.md', text: 'x' });
  await post('/agents/drafts', { text: 'x' });
  await post('/agents/tools/take_message/try', {});
  await app.close();
  expect(notes).toEqual([
    ['saveAgentFile', 'prompts/default.md'],
    ['makeDraft', 'draft-0123456789abcdef'],
    ['tryTool', 'take_message'],
  ]);
});
