import { describe, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { parseSuite } from '../../../src/suites/load.ts';
import { planOf } from '../../../src/suites/plan.ts';
import { missingFor, wayInOf } from '../../../src/suites/way-in.ts';

/** What a run needs so that its targets can come to the daemon that has it. */

const PHONE = '{ kind: phone, to: "+12025550100" }';
const SOCKET = '{ kind: websocket, url: "ws://127.0.0.1:1" }';
const TOOLS = 'tools: { book: { result: 1 } }\n';

function missing(text: string, settings: Parameters<typeof missingFor>[1] = {}, only?: readonly string[]) {
  const suite = parseSuite('x.yaml', text, { agents: AGENTS });
  const wayIn = wayInOf(suite, planOf(suite, { only }), AGENTS);
  return wayIn && missingFor(wayIn, settings).map((line) => line.split(' ')[0]);
}
const one = (target: string) => `  - { name: ${target.slice(8, 13)}, target: ${target}, steps: [hang_up] }\n`;
const suite = (head: string, ...targets: string[]) => `${head}cases:\n${targets.map(one).join('')}`;

describe('the way in that a run needs', () => {
  it('is none where this daemon goes to all that it calls', () => {
    expect(missing(suite('', SOCKET, '{ kind: self }'))).toBeUndefined();
  });

  it('is the address from outside, where whoever answers is brought here', () => {
    expect(missing(suite('', PHONE))).toEqual(['PUBLIC_URL']);
    expect(missing(suite('', PHONE), { PUBLIC_URL: 'https://voice.example.com' })).toEqual([]);
  });

  it('is that of the cases that are called, and of no others', () => {
    expect(missing(suite('', PHONE, SOCKET), {}, ['webso'])).toBeUndefined();
    expect(missing(suite('', PHONE, SOCKET), {}, ['phone'])).toEqual(['PUBLIC_URL']);
  });

  it('is an address that tools are known by, too, and for the daemon’s own agent that alone', () => {
    expect(missing(suite(TOOLS, SOCKET))).toEqual(['PUBLIC_URL', 'TESTS_TOOLS_TOKEN']);
    expect(missing(suite(TOOLS, SOCKET), { PUBLIC_URL: 'http://127.0.0.1:8080', TESTS_TOOLS_TOKEN: 'x' })).toEqual([]);
    expect(missing(suite(TOOLS, '{ kind: self }'))).toEqual(['TESTS_TOOLS_TOKEN']);
  });
});
