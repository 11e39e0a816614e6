import { setImmediate as tick } from 'node:timers/promises';
import { z } from 'zod';
import type { ToolEvent } from '../../../src/call/events.ts';
import type { LineControls } from '../../../src/call/line-controls.ts';
import type { BusinessStore } from '../../../src/stores/business.ts';
import { type LoadedTool, loadDefinition, ToolSet } from '../../../src/tools/loaded.ts';
import type { BusinessPort, CallControlPort, Touch } from '../../../src/tools/ports.ts';
import { type CallToolsOptions, createCallTools } from '../../../src/tools/runner.ts';
import { defineTool, type Tool } from '../../../src/tools/tool.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { exampleBusiness, MONDAY, ZONE } from '../stores/support.ts';

/** The example business behind the asynchronous port, without a thread. */
export function memoryStore(knowledge?: string): BusinessStore & BusinessPort {
  const { business } = exampleBusiness(knowledge);
  business.knowledge.refresh();
  return Object.fromEntries(
    Object.entries(business).map(([area, functions]) => [
      area,
      Object.fromEntries(
        Object.entries(functions).map(([name, fn]) => [
          name,
          async (...args: unknown[]) => (fn as (...args: unknown[]) => unknown)(...args),
        ]),
      ),
    ]),
  ) as unknown as BusinessStore & BusinessPort;
}

export interface FakeControl extends CallControlPort, Pick<LineControls, 'cannot'> {
  /** Nobody comes back, as a line has it. */
  transfer(destination: string): Promise<undefined>;
  readonly asked: string[];
}

export function fakeControl(changes: Partial<FakeControl> = {}): FakeControl {
  const asked: string[] = [];
  return {
    asked,
    async hangupAfterPlayout() {
      asked.push('hangup');
      return 'ended';
    },
    async transfer(destination) {
      asked.push(`transfer ${destination}`);
      return undefined;
    },
    async sendDigits(digits) {
      asked.push(`digits ${digits}`);
    },
    ...changes,
  };
}

/** A tool without parameters. */
export function tool(name: string, execute: Tool['execute'], more: Partial<Tool> = {}): LoadedTool {
  const definition = defineTool<object, Touch>({
    description: 'A test.',
    parameters: z.object({}),
    ...more,
    execute,
  } as Tool<object>);
  return loadDefinition(name, definition as Tool);
}

/** A runner on a fake clock, with everything it told. */
export function rig(tools: LoadedTool[], more: Partial<CallToolsOptions> = {}) {
  const clock = new FakeClock(MONDAY);
  const log = fakeLog();
  const events: ToolEvent[] = [];
  const counted: string[] = [];
  const fillers: string[] = [];
  const call = new AbortController();
  const runner = createCallTools({
    tools: new ToolSet(tools),
    callId: 'call-1',
    caller: { kind: 'number', from: '+12025550143', to: '+12025550100', key: '+12025550143', name: '+12025550143' },
    timezone: ZONE,
    store: memoryStore(),
    control: fakeControl(),
    clock,
    log,
    count: (name) => counted.push(name),
    onEvent: (event) => events.push(event),
    filler: (name) => fillers.push(name),
    ...more,
  });
  let next = 0;
  const run = (name: string, args: unknown = {}) =>
    runner.run(
      { name, arguments: typeof args === 'string' ? args : JSON.stringify(args), toolCallId: `t${++next}` },
      call.signal,
    );
  const advance = async (ms: number) => {
    await tick();
    clock.advance(ms);
    await tick();
  };
  return { runner, run, advance, clock, log, events, counted, fillers, call };
}

/** Waits for nobody but the abort signal. */
export const hang: Tool['execute'] = (_, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
