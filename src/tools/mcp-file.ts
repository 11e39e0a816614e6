import { z } from 'zod';
import { readOperatorFile, readYaml } from '../operator-file.ts';
import { hint } from '../suggest.ts';
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

const KNOWN = [fileSchema, stdio, http].flatMap(({ shape }) => Object.keys(shape));

export type McpServerSettings = (z.infer<typeof stdio> | z.infer<typeof http>) & {
  readonly name: string;
  readonly prefix: string;
};

/** Reads the file (JSON or YAML); no file, no servers. Throws TOOL_INVALID with everything that is wrong. */
export async function loadMcpFile(path: string, env: EnvLookup): Promise<McpServerSettings[]> {
  let text: string;
  try {
    text = await readOperatorFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return parseMcpFile(text, env);
}

export function parseMcpFile(text: string, env: EnvLookup): McpServerSettings[] {
  // Every JSON text is YAML too.
  const document = readYaml(text);
  const problems = document.problems.map(({ line, problem }) => `line ${line}: ${problem}`);
  const add = (name: string, base: readonly string[], error: z.ZodError) => {
    for (const issue of error.issues) {
      const more = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => hint(key, KNOWN)).join('') : '';
      const line = document.lineOf([...base, ...issue.path]);
      problems.push(`${[name, ...issue.path].join('.')}: ${issue.message}${more} (line ${line})`);
    }
  };
  const file = fileSchema.safeParse(document.value);
  if (!file.success && problems.length === 0) add('file', [], file.error);
  const servers: McpServerSettings[] = [];
  for (const [name, value] of Object.entries(file.data?.servers ?? {})) {
    const isProgram = typeof value === 'object' && value !== null && 'command' in value;
    const server = isProgram ? stdio.safeParse(value) : http.safeParse(value);
    if (!server.success) {
      add(name, ['servers', name], server.error);
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
