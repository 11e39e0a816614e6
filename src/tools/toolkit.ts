import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { Destinations, type Resolve } from './destinations.ts';
import type { EnvLookup } from './http-tool.ts';
import { McpServers } from './mcp.ts';
import { loadMcpFile } from './mcp-file.ts';
import { ToolRegistry } from './registry.ts';
import type { ToolSettings } from './settings.ts';

/** Everything that tools are made of, opened together and closed together. */
export interface Toolkit {
  readonly registry: ToolRegistry;
  readonly mcp: McpServers;
  close(): Promise<void>;
}

export interface ToolkitDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: EnvLookup;
  /** The system's resolver when left out. */
  readonly resolve?: Resolve;
}

/** Opens the tools of these settings. Rejects with TOOL_INVALID when a file is wrong; an MCP server that is down is no reason. */
export async function openToolkit(
  settings: Pick<ToolSettings, 'TOOLS_DIR' | 'MCP_FILE' | 'HTTP_TOOL_HOSTS' | 'HTTP_TOOL_PRIVATE_HOSTS'>,
  { clock, log, env, resolve }: ToolkitDeps,
): Promise<Toolkit> {
  const servers = await loadMcpFile(settings.MCP_FILE, env);
  const destinations = new Destinations(
    { hosts: settings.HTTP_TOOL_HOSTS, privateHosts: settings.HTTP_TOOL_PRIVATE_HOSTS },
    resolve,
  );
  const mcp = await McpServers.connect(servers, { clock, log });
  try {
    const registry = await ToolRegistry.open({
      folder: settings.TOOLS_DIR,
      log,
      http: { destinations, env },
      others: mcp,
    });
    return {
      registry,
      mcp,
      async close() {
        await mcp.close();
        await destinations.close();
      },
    };
  } catch (error) {
    await mcp.close();
    await destinations.close();
    throw error;
  }
}
