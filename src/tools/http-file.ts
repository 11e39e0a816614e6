import { z } from 'zod';
import { type FileProblem, readJson, readYaml, schemaProblems } from '../operator-file.ts';
import { ToolError } from './errors.ts';
import { DEFAULT_TIMEOUT_MS, DESCRIPTION_MOST, LONGEST_TIMEOUT_MS } from './loaded.ts';
import { isPointer } from './pointer.ts';

/** A tool described by a file instead of written in code: `tools/<name>.http.json` or `.http.yaml`. */

/** Variables that such files may use begin so: a tool file cannot send the model's key to somebody else's server. */
export const SECRET_PREFIX = 'TOOL_';
const secretName = z
  .string()
  .regex(new RegExp(`^${SECRET_PREFIX}[A-Z0-9_]+$`), `must be a variable whose name begins with ${SECRET_PREFIX}`);

const RESERVED_HEADERS =
  /^(host|content-length|content-type|transfer-encoding|connection|accept-encoding|webhook-.*)$/i;

const fileSchema = z
  .strictObject({
    $schema: z.string().optional(),
    /** May repeat the file's name, and must then be the same. */
    name: z.string().optional(),
    enabled: z.boolean().default(true),
    description: z.string().trim().min(1).max(DESCRIPTION_MOST),
    /** JSON schema of the arguments. */
    parameters: z.looseObject({ type: z.literal('object'), properties: z.record(z.string(), z.unknown()).default({}) }),
    /** `{field}` in path or query is filled from the arguments. */
    url: z.string().min(1),
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
    /** Values may hold `${TOOL_NAME}`, filled from the environment. */
    headers: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9-]+$/)
          .refine((name) => !RESERVED_HEADERS.test(name), 'is set by the bridge itself'),
        z.string().regex(/^[^\r\n]*$/),
      )
      .default({}),
    /** Signs the body: see `signing.ts`. */
    signing: z.strictObject({ secretEnv: secretName }).optional(),
    timeoutMs: z.int().min(100).max(LONGEST_TIMEOUT_MS).default(DEFAULT_TIMEOUT_MS),
    filler: z.boolean().default(true),
    /** JSON pointer to the part of the answer that the model sees; the whole answer when left out. */
    result: z.string().refine(isPointer, 'must be a JSON pointer such as /data/answer').default(''),
    /** Adds `call: {id, from, to}` to the body. */
    includeCall: z.boolean().default(false),
  })
  .superRefine((file, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const hasBody = file.method !== 'GET' && file.method !== 'DELETE';
    if (file.signing !== undefined && !hasBody) issue('signing', 'needs a method with a body: it signs the body');
    if (file.includeCall && !hasBody) issue('includeCall', 'needs a method with a body');
    if (file.includeCall && Object.hasOwn(file.parameters.properties, 'call'))
      issue('includeCall', 'the parameters have a field "call" already');
    const url = URL.canParse(file.url) ? new URL(file.url) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) issue('url', 'must be an https:// URL');
    if (/^[^/]*\/\/[^/?#]*[{}]/.test(file.url)) issue('url', 'the host must be fixed: {fields} are for path and query');
    if (file.url.includes('#')) issue('url', 'must have no fragment');
    for (const field of fieldsOf(file.url))
      if (!Object.hasOwn(file.parameters.properties, field)) issue('url', `{${field}} is not among the parameters`);
    if (queryNames(file.url).some((name) => /[{}]/.test(name)))
      issue('url', "the query's names must be fixed: {fields} are for its values");
    for (const value of Object.values(file.headers))
      for (const name of variablesOf(value))
        if (!name.startsWith(SECRET_PREFIX))
          issue('headers', `\${${name}} is not available: names begin with ${SECRET_PREFIX}`);
  });

export type HttpToolFile = z.infer<typeof fileSchema>;

export function fieldsOf(url: string): string[] {
  return [...url.matchAll(/\{([^{}]*)\}/g)].map(([, field = '']) => field);
}

/** The names in a URL's query, as a server reads them; what their values are is the file's own business, whatever the model says. */
export function queryNames(url: string): string[] {
  const query = url.split('?').slice(1).join('?');
  return [...new URLSearchParams(query).keys()];
}

/**
 * The variable that a name in a query sets at the laxest of servers: some make nothing of case, and PHP takes `name[]` for `name`, and
 * `_` for a dot or a space in it. https://www.php.net/manual/en/language.variables.external.php
 */
function variableAt(name: string): string {
  return name
    .trimStart()
    .toLowerCase()
    .replace(/(?<=.)[[\0].*$/s, '')
    .replace(/[. ]/g, '_');
}

/**
 * Whether a field, which as GET and DELETE have it goes into the query by its name, is one that the file's URL has there already, in this
 * spelling or another: the model has no say in it.
 */
export function isFixedField({ url, method }: Pick<HttpToolFile, 'url' | 'method'>, field: string): boolean {
  if (method !== 'GET' && method !== 'DELETE') return false;
  return !fieldsOf(url).includes(field) && queryNames(url).some((name) => variableAt(name) === variableAt(field));
}

/** The parameters that the model may give, and is told of. */
export function openParameters(file: HttpToolFile): HttpToolFile['parameters'] {
  const isOpen = (name: string) => !isFixedField(file, name);
  const { properties, required, ...rest } = file.parameters;
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => isOpen(name))),
    ...(Array.isArray(required) ? { required: required.filter((name) => isOpen(String(name))) } : {}),
  };
}

export function variablesOf(text: string): string[] {
  return [...text.matchAll(/\$\{([^{}]*)\}/g)].map(([, name = '']) => name);
}

/** Reads the text of such a file; throws TOOL_INVALID with everything that is wrong. */
export function parseHttpFile(text: string, format: 'json' | 'yaml', name: string): HttpToolFile {
  const file = format === 'json' ? readJson(text) : readYaml(text);
  const fail = (problems: readonly FileProblem[]): never => {
    const lines = problems.map(({ line, problem }) => `${problem} (line ${line})`);
    throw new ToolError('TOOL_INVALID', lines.join('; '));
  };
  if (file.problems.length > 0) return fail(file.problems);
  const result = fileSchema.safeParse(file.value);
  if (!result.success) return fail(schemaProblems(file, result.error, Object.keys(fileSchema.shape)));
  if (result.data.name !== undefined && result.data.name !== name)
    throw new ToolError('TOOL_INVALID', `name is "${result.data.name}", but the file's name makes it "${name}"`);
  return result.data;
}
