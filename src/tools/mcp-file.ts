import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { ToolError } from './errors.ts';
import { SECRET_PREFIX, variablesOf } from './http-file.ts';
import type { EnvLookup } from './http-tool.ts';
import { LONGEST_TIMEOUT_MS } from './loaded.ts';

/** The file that lists MCP servers. Each server is a program (stdio) or a URL (streamable HTTP). https://modelcontextprotocol.io/specification */

const common = {
  enabled: z.boolean().default(true),
  /** Put before the server's tool names, with `_`; the server's own name when left out. */
  prefix: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,31}$/)
    .optional(),
  /** Tools that may be used, by the server's names; `*` for all. Nothing is allowed that is not listed. */
  allow: z.array(z.string().min(1)).min(1, 'lists the tools that may be used; "*" for all'),
  timeoutMs: z.int().min(100).max(LONGEST_TIMEOUT_MS).default(8_000),
};
const stdio = z.strictObject({
  ...common,
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().optional(),
});
const http = z.strictObject({
  ...common,
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string(), z.string().regex(/^[^\r\n]*$/)).default({}),
});
const fileSchema = z.strictObject({ servers: z.record(z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/), z.unknown()) });

export type McpServerSettings = (z.infer<typeof stdio> | z.infer<typeof http>) & {
  readonly name: string;
  readonly prefix: string;
};

/** Reads the file (JSON or YAML); no file, no servers. Throws TOOL_INVALID with everything that is wrong. */
export async function loadMcpFile(path: string, env: EnvLookup): Promise<McpServerSettings[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return parseMcpFile(text, env);
}

export function parseMcpFile(text: string, env: EnvLookup): McpServerSettings[] {
  let raw: unknown;
  try {
    // Every JSON text is YAML too.
    raw = parseYaml(text);
  } catch (error) {
    throw new ToolError('TOOL_INVALID', `MCP servers: ${(error as Error).message}`);
  }
  const problems: string[] = [];
  const add = (at: string, error: z.ZodError) => {
    for (const { path, message } of error.issues) problems.push(`${[at, ...path].join('.')}: ${message}`);
  };
  const file = fileSchema.safeParse(raw);
  if (!file.success) add('file', file.error);
  const servers: McpServerSettings[] = [];
  for (const [name, value] of Object.entries(file.data?.servers ?? {})) {
    const isProgram = typeof value === 'object' && value !== null && 'command' in value;
    const server = isProgram ? stdio.safeParse(value) : http.safeParse(value);
    if (!server.success) {
      add(name, server.error);
      continue;
    }
    const fill = (values: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(values).map(([key, text]) => {
          for (const variable of server.data.enabled ? variablesOf(text) : []) {
            if (!variable.startsWith(SECRET_PREFIX))
              problems.push(`${name}.${key}: \${${variable}}: names begin with ${SECRET_PREFIX}`);
            else if (!env(variable)) problems.push(`${name}.${key}: ${variable} is not set in the environment`);
          }
          return [key, text.replace(/\$\{([^{}]*)\}/g, (_, variable: string) => env(variable) ?? '')];
        }),
      );
    const prefix = server.data.prefix ?? name.replaceAll('-', '_');
    if (servers.some((other) => other.prefix === prefix)) problems.push(`${name}: the prefix "${prefix}" is taken`);
    servers.push(
      'command' in server.data
        ? { ...server.data, name, prefix, env: fill(server.data.env) }
        : { ...server.data, name, prefix, headers: fill(server.data.headers) },
    );
  }
  if (problems.length > 0) throw new ToolError('TOOL_INVALID', `wrong MCP servers:\n  ${problems.join('\n  ')}`);
  return servers;
}
