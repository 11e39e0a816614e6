import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { z } from 'zod';

/** A real MCP server of a shop, made with the official SDK: over stdio when it is started as a program, else over streamable HTTP. */

function shop(): McpServer {
  const server = new McpServer({ name: 'shop', version: '1' });
  server.registerTool(
    'stock',
    { description: 'How many of an article there are.', inputSchema: { article: z.string() } },
    async ({ article }) => ({ content: [{ type: 'text', text: `12 of ${article}` }] }),
  );
  server.registerTool('secret', { description: 'Not for callers.' }, async () => ({
    content: [{ type: 'text', text: 'classified' }],
  }));
  server.registerTool('refuse', { description: 'Always says no.' }, async () => ({
    isError: true,
    content: [{ type: 'text', text: 'The shop is closed.' }],
  }));
  server.registerTool('hang', { description: 'Never answers.' }, () => new Promise(() => undefined));
  server.registerTool('exit', { description: 'Ends the server.' }, () => process.exit(1));
  server.registerTool('environment', { description: 'Names of its variables.' }, async () => ({
    content: [{ type: 'text', text: Object.keys(process.env).sort().join(' ') }],
  }));
  return server;
}

/** Listens on a port; each request is served on its own, so that a restart loses nothing. */
export async function startShop(
  port = 0,
): Promise<{ url: string; port: number; authorizations: Set<string>; close(): Promise<void> }> {
  const authorizations = new Set<string>();
  const http: Server = createServer(async (request, response) => {
    authorizations.add(request.headers.authorization ?? '');
    const server = shop();
    // No session id: a transport of this kind keeps nothing between requests.
    const transport = new StreamableHTTPServerTransport({});
    response.on('close', () => void server.close());
    await server.connect(transport as Transport);
    await transport.handleRequest(request, response);
  });
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  const { port: actual } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${actual}/mcp`,
    port: actual,
    authorizations,
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

if (import.meta.main) await shop().connect(new StdioServerTransport());
