import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { websocketLeg } from '../../src/agents/websocket/leg.ts';
import { websocketTarget } from '../../src/agents/websocket/target.ts';
import { Call } from '../../src/call/call.ts';
import { systemClock } from '../../src/call/clock.ts';
import type { CallEvent } from '../../src/call/events.ts';
import { termination } from '../../src/call/termination.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { createTestCaller } from '../../src/callers/test/create.ts';
import { callerSpec } from '../../src/callers/test/spec.ts';
import { Measurer } from '../../src/measure/measurer.ts';
import { TapeWriter } from '../../src/measure/tape.ts';
import type { AgentTruth } from '../../src/simulator/agent/index.ts';
import { fakeLog } from '../fakes/legs.ts';

/** Calls of scripted callers with an agent whose behaviour is set, which is a process of its own. */

const PROGRAM = new URL('../../src/cli/simulator.ts', import.meta.url).pathname;

export interface AgentProcess {
  readonly url: string;
  /** Of all conversations that are over, when there are so many. */
  truths(count: number): Promise<AgentTruth[]>;
  close(): Promise<void>;
}

export async function startAgentProcess(scenario: unknown): Promise<AgentProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'agent-'));
  const file = join(folder, 'scenario.json');
  writeFileSync(file, JSON.stringify(scenario));
  const child = spawn(process.execPath, [PROGRAM, 'agent', '--port', '0', '--scenario', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const truths: AgentTruth[] = [];
  const waiting = new Set<() => void>();
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  void gone.then(() => reject(new Error('the agent ended before it listened')));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const address = /ws:\S+/.exec(line)?.[0];
    if (address !== undefined) resolve(address);
    else truths.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  return {
    url: await url,
    truths: (count) =>
      new Promise((done) => {
        const look = () => {
          if (truths.length >= count) done(truths.toSorted((a, b) => a.connection - b.connection));
        };
        waiting.add(look);
        look();
      }),
    async close() {
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

/** One process that has callers. */
export class Callers {
  readonly ticker = new Ticker(systemClock);
  /** Elsewhere: other callers are on the line meanwhile. */
  readonly #measurer = new Measurer();
  #calls = 0;

  /** A call from its first moment to its end; what was measured of it, and what its caller says. */
  async call(url: string, pace: 'live' | 'burst', steps: readonly unknown[]) {
    const clock = systemClock;
    const tape = new TapeWriter({ clock });
    const log = fakeLog();
    const speech = { say: () => Promise.reject(new Error('nothing is said in words')) };
    const spec = callerSpec.parse({ kind: 'script', steps });
    const caller = await createTestCaller(spec, { clock, ticker: this.ticker, log, speech, tape, seed: 1 });
    const target = z.object(websocketTarget).parse({
      url,
      audio: { pace },
      events: [
        { when: { type: 'transcript' }, is: 'agent-said', text: 'text' },
        { when: { type: 'clear' }, is: 'interrupted' },
      ],
    });
    const leg = websocketLeg({ target, facts: { instructions: '' } as never });
    const ready = Promise.withResolvers<void>();
    const onEvent = (_: string, event: CallEvent) => {
      if (event.type === 'agent' && event.event.type === 'ready') ready.resolve();
    };
    const call = new Call({ id: `test-${this.#calls++}`, direction: 'inbound', carrier: 'test' }, leg, {
      clock,
      ticker: this.ticker,
      log,
      observers: [{ onEvent }],
      apology: undefined,
      limits: { joinMs: 10_000, reclaimMs: 0, maxMs: 120_000 },
    });
    call.start();
    await Promise.race([ready.promise, call.done]);
    call.join(caller.leg);
    const outcome = await caller.outcome;
    await call.end(termination('caller-hangup'));
    await tape.close();
    return { outcome, measures: await this.#measurer.measure(tape.tape(), { marks: outcome.marks }) };
  }

  close(): Promise<void> {
    return this.#measurer.close();
  }
}
