import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  ErrorCode,
  McpError,
  type Tool as McpTool,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { declaredOnly } from './declared.ts';
import { ToolError } from './errors.ts';
import { DESCRIPTION_MOST, type LoadedTool } from './loaded.ts';
import type { McpServerSettings } from './mcp-file.ts';

/** One MCP server: connected when it can be, tried again when it is down. Calls never wait for it beyond their own time limit. */

const CONNECT_MS = 5_000;
const PING_EVERY_MS = 30_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_LONGEST_MS = 60_000;
const TOOLS_MOST = 64;
const SCHEMA_MOST = 32 * 1024;
/** Longer messages of a server end its connection: they would be parsed on the thread that carries audio. */
const MESSAGE_MOST = 2 * 1024 * 1024;

export interface McpServerDeps {
  readonly clock: Clock;
  readonly log: Log;
}

export class McpServer {
  readonly settings: McpServerSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  #client: Client | undefined;
  #tools: readonly LoadedTool[] = [];
  #timer: Timer | undefined;
  #retryMs = RETRY_FIRST_MS;
  #closed = false;

  constructor(settings: McpServerSettings, deps: McpServerDeps) {
    this.settings = settings;
    this.#clock = deps.clock;
    this.#log = deps.log.child({ mcpServer: settings.name });
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** The tools it has now; none while it is down. */
  tools(): readonly LoadedTool[] {
    return this.#client === undefined ? [] : this.#tools;
  }

  /** Tries to connect; resolves when that succeeded or failed. Never rejects: it is tried again later. */
  async connect(): Promise<void> {
    if (this.#closed || this.#client !== undefined) return;
    const client = new Client({ name: 'voicebridge', version: '1' }, { capabilities: {} });
    try {
      // The SDK's types leave `undefined` out of its own optional fields.
      await client.connect(this.#transport() as Transport, { timeout: CONNECT_MS });
      const tools = await this.#list(client);
      if (this.#closed) {
        await client.close();
        return;
      }
      client.onclose = () => this.#lost(client, 'closed');
      client.onerror = (error) => this.#log.debug({ err: error }, 'an MCP server had an error');
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => this.#relist(client));
      this.#client = client;
      this.#tools = tools;
      this.#retryMs = RETRY_FIRST_MS;
      this.#timer = this.#clock.after(PING_EVERY_MS, () => this.#ping(client));
      this.#log.info({ tools: tools.map(({ name }) => name) }, 'an MCP server is connected');
    } catch (error) {
      await client.close().catch(() => undefined);
      this.#log.warn({ err: error, retryMs: this.#retryMs }, 'an MCP server is down; calls go on without its tools');
      this.#retryLater();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = undefined;
    await client?.close().catch(() => undefined);
  }

  #transport(): StdioClientTransport | StreamableHTTPClientTransport {
    const { settings } = this;
    if ('command' in settings) {
      const { command, args, env, cwd } = settings;
      // Only what every program needs of the environment, and what the settings give it: no keys of ours.
      return new StdioClientTransport({
        command,
        args,
        env: { ...getDefaultEnvironment(), ...env },
        stderr: 'ignore',
        maxBufferSize: MESSAGE_MOST,
        ...(cwd === undefined ? {} : { cwd }),
      });
    }
    return new StreamableHTTPClientTransport(new URL(settings.url), {
      requestInit: { headers: settings.headers, redirect: 'error' },
    });
  }

  async #list(client: Client): Promise<readonly LoadedTool[]> {
    const found: McpTool[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.listTools(cursor === undefined ? {} : { cursor }, { timeout: CONNECT_MS });
      found.push(...page.tools);
      cursor = page.nextCursor;
    } while (cursor !== undefined && found.length < TOOLS_MOST);
    const { allow } = this.settings;
    const allowed = found.filter(({ name }) => allow.includes('*') || allow.includes(name));
    for (const name of allow)
      if (name !== '*' && !found.some((tool) => tool.name === name))
        this.#log.warn({ tool: name }, 'an allowed tool is not on its MCP server');
    const tools = new Map<string, LoadedTool>();
    for (const tool of allowed.slice(0, TOOLS_MOST)) {
      const loaded = this.#load(tool);
      if (JSON.stringify(loaded.schema).length > SCHEMA_MOST || tools.has(loaded.name))
        this.#log.warn({ tool: loaded.name }, 'a tool of an MCP server was left out: schema too large or name taken');
      else tools.set(loaded.name, loaded);
    }
    return [...tools.values()];
  }

  #load(tool: McpTool): LoadedTool {
    const name = `${this.settings.prefix}_${tool.name}`.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
    return {
      name,
      source: 'mcp',
      enabled: true,
      description: (tool.description ?? tool.title ?? tool.name).slice(0, DESCRIPTION_MOST),
      schema: tool.inputSchema,
      touches: [],
      timeoutMs: this.settings.timeoutMs,
      filler: true,
      // The server checks its arguments itself and says what is wrong with them; what it did not ask for does not get there.
      parse: (args) =>
        typeof args === 'object' && args !== null && !Array.isArray(args)
          ? { ok: true, value: declaredOnly(tool.inputSchema, args) }
          : { ok: false, problems: [{ field: '(arguments)', problem: 'must be an object' }] },
      execute: (args, ctx) => this.#call(tool.name, args as Record<string, unknown>, ctx.signal),
    };
  }

  async #call(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<unknown> {
    const client = this.#client;
    if (client === undefined) throw new ToolError('TOOL_UPSTREAM', 'The service is not reachable at the moment.');
    let result: Awaited<ReturnType<Client['callTool']>>;
    try {
      // The runner's limit comes first, on its own clock; this one only cleans up behind it.
      const timeout = this.settings.timeoutMs + 1_000;
      result = await client.callTool({ name, arguments: args }, undefined, { signal, timeout });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // An answer with an error is still an answer; anything else means that nobody is there.
      const answered = error instanceof McpError && error.code !== ErrorCode.ConnectionClosed;
      if (!answered) this.#lost(client, 'failed');
      throw answered && error.code === ErrorCode.InvalidParams
        ? new ToolError('TOOL_ARGUMENTS_INVALID', error.message.slice(0, 1_000), { cause: error })
        : new ToolError('TOOL_UPSTREAM', 'The service could not do it.', { cause: error });
    }
    const content = Array.isArray(result.content) ? result.content : [];
    const text = content
      .map((part: { type?: unknown; text?: unknown }) =>
        part.type === 'text' ? String(part.text) : `[${String(part.type)} left out]`,
      )
      .join('\n');
    if (result.isError === true)
      throw new ToolError('TOOL_UPSTREAM', text.slice(0, 2_000) || 'The service could not do it.');
    return result.structuredContent ?? text;
  }

  #relist(client: Client): void {
    this.#list(client).then(
      (tools) => {
        if (this.#client === client) this.#tools = tools;
      },
      (error: unknown) => this.#log.warn({ err: error }, 'the tools of an MCP server could not be listed anew'),
    );
  }

  /** A server over HTTP has no connection that could break, so it is asked now and then. */
  #ping(client: Client): void {
    client.ping({ timeout: CONNECT_MS }).then(
      () => {
        if (this.#client === client) this.#timer = this.#clock.after(PING_EVERY_MS, () => this.#ping(client));
      },
      () => this.#lost(client, 'silent'),
    );
  }

  #lost(client: Client, how: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#timer?.cancel();
    void client.close().catch(() => undefined);
    if (this.#closed) return;
    this.#log.warn({ how }, 'an MCP server was lost; its tools are gone until it is back');
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(this.#retryMs, () => void this.connect());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LONGEST_MS);
  }
}
