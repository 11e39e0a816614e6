import type { GatherDigits } from '../call/line-controls.ts';
import { ToolError } from './errors.ts';
import type { LoadedTool } from './loaded.ts';
import { type BusinessPort, type CallControlPort, CONTROL_PORTS, STORE_PORTS } from './ports.ts';
import type { BaseContext, ToolContext } from './tool.ts';

/** The context of one run: the ports the tool declared, and for every other one a refusal that says so. */
export function contextFor(
  tool: Pick<LoadedTool, 'name' | 'touches'>,
  base: BaseContext,
  store: BusinessPort,
  control: CallControlPort,
): ToolContext {
  const declared: ReadonlySet<string> = new Set(tool.touches);
  return Object.freeze({
    ...base,
    store: gate(tool.name, declared, STORE_PORTS, (port) => store[port]) as unknown as BusinessPort,
    control: gate(tool.name, declared, CONTROL_PORTS, (port) => {
      const method = control[port];
      if (method === undefined) throw new ToolError('TOOL_REFUSED', 'This is not possible on this line.');
      // A tool that ran out of time listens to no key any more.
      if (port === 'gatherDigits')
        return (options: GatherDigits) => control.gatherDigits?.({ signal: base.signal, ...options });
      return method.bind(control);
    }) as unknown as CallControlPort,
  });
}

function gate<N extends string>(
  tool: string,
  declared: ReadonlySet<string>,
  ports: readonly N[],
  open: (port: N) => unknown,
): object {
  const gated = {};
  for (const port of ports) {
    Object.defineProperty(gated, port, {
      enumerable: declared.has(port),
      get() {
        if (!declared.has(port))
          throw new ToolError('TOOL_NOT_DECLARED', `${tool} uses "${port}" without declaring it in touches`);
        return open(port);
      },
    });
  }
  return Object.freeze(gated);
}
