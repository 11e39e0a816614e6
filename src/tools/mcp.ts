import type { LoadedTool } from './loaded.ts';
import type { McpServerSettings } from './mcp-file.ts';
import type { McpServer, McpServerDeps } from './mcp-server.ts';
import type { ToolSource } from './registry.ts';

/** All MCP servers of the settings, as one source of tools. */
export class McpServers implements ToolSource {
  readonly #servers: readonly McpServer[];
  readonly #settings: readonly McpServerSettings[];

  private constructor(settings: readonly McpServerSettings[], servers: readonly McpServer[]) {
    this.#settings = settings;
    this.#servers = servers;
  }

  /** Connects to all that are enabled; resolves when each is up or was found down. A server that is down is tried again later. */
  static async connect(settings: readonly McpServerSettings[], deps: McpServerDeps): Promise<McpServers> {
    const wanted = settings.filter(({ enabled }) => enabled);
    if (wanted.length === 0) return new McpServers([], []);
    // The SDK is large: who has no servers does not load it.
    const { McpServer } = await import('./mcp-server.ts');
    const servers = wanted.map((one) => new McpServer(one, deps));
    await Promise.all(servers.map((server) => server.connect()));
    return new McpServers(wanted, servers);
  }

  tools(): readonly LoadedTool[] {
    return this.#servers.flatMap((server) => server.tools());
  }

  mayHave(name: string): boolean {
    return this.#settings.some(({ prefix }) => name.startsWith(`${prefix}_`));
  }

  /** Which servers are up: for the status page. */
  status(): ReadonlyArray<{ name: string; connected: boolean; tools: number }> {
    return this.#servers.map((server) => ({
      name: server.settings.name,
      connected: server.connected,
      tools: server.tools().length,
    }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}
