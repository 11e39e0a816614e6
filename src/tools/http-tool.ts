import { z } from 'zod';
import { signatureHeaders } from '../signing.ts';
import { undici } from '../transport/undici.ts';
import { declaredOnly } from './declared.ts';
import type { Destinations } from './destinations.ts';
import { isToolError, ToolError } from './errors.ts';
import { fieldsOf, type HttpToolFile, isFixedField, openParameters, parseHttpFile, variablesOf } from './http-file.ts';
import { type LoadedTool, parseWith } from './loaded.ts';
import { atPointer } from './pointer.ts';
import { HARD_BYTES } from './result.ts';
import type { ToolContext } from './tool.ts';

/** Workflow tools: an HTTP endpoint of n8n, Make, Zapier or one's own, called with the model's arguments. */

/** Looks a variable of the environment up. */
export type EnvLookup = (name: string) => string | undefined;

export interface HttpToolDeps {
  readonly destinations: Destinations;
  readonly env: EnvLookup;
}

/** Makes a tool of a file's text. Throws TOOL_INVALID, naming what is wrong: its form, a missing variable, a host that is not allowed. */
export function loadHttpTool(name: string, text: string, format: 'json' | 'yaml', deps: HttpToolDeps): LoadedTool {
  const file = parseHttpFile(text, format, name);
  const parameters = openParameters(file);
  const schema = argumentsSchema(parameters);
  if (file.enabled) checkUsable(file, deps);
  return {
    name,
    source: 'http',
    enabled: file.enabled,
    description: file.description,
    schema: parameters,
    touches: [],
    timeoutMs: file.timeoutMs,
    filler: file.filler,
    parse(args) {
      const parsed = parseWith(schema, args);
      // A field that the model made up is no reason to ask it again; it goes nowhere.
      return parsed.ok ? { ok: true, value: declaredOnly(parameters, parsed.value) } : parsed;
    },
    execute: (args, ctx) => callEndpoint(file, args as Record<string, unknown>, ctx, deps),
  };
}

function argumentsSchema(parameters: HttpToolFile['parameters']): z.ZodType {
  try {
    return z.fromJSONSchema(parameters as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (error) {
    throw new ToolError('TOOL_INVALID', `parameters: ${error instanceof Error ? error.message : error}`);
  }
}

/** Finds at load what would otherwise fail in the first caller's ear. A disabled tool may be incomplete. */
function checkUsable(file: HttpToolFile, deps: HttpToolDeps): void {
  const names = [
    ...Object.values(file.headers).flatMap(variablesOf),
    ...(file.signing ? [file.signing.secretEnv] : []),
  ];
  const missing = names.filter((name) => !deps.env(name));
  if (missing.length > 0) throw new ToolError('TOOL_INVALID', `not set in the environment: ${missing.join(', ')}`);
  try {
    deps.destinations.dispatcherFor(new URL(file.url));
  } catch (error) {
    throw new ToolError('TOOL_INVALID', `url: ${(error as Error).message}`);
  }
}

async function callEndpoint(
  file: HttpToolFile,
  args: Record<string, unknown>,
  ctx: ToolContext,
  deps: HttpToolDeps,
): Promise<unknown> {
  const url = fillUrl(file, args);
  const rest = Object.fromEntries(Object.entries(args).filter(([field]) => !fieldsOf(file.url).includes(field)));
  const headers: Record<string, string> = { accept: 'application/json, text/plain', 'user-agent': 'voicebridge' };
  for (const [name, value] of Object.entries(file.headers))
    headers[name] = value.replace(/\$\{([^{}]*)\}/g, (_, variable: string) => deps.env(variable) ?? '');
  let body: string | null = null;
  if (file.method === 'GET' || file.method === 'DELETE') {
    for (const [field, value] of Object.entries(rest))
      if (!isFixedField(file, field))
        url.searchParams.append(field, typeof value === 'object' ? JSON.stringify(value) : String(value));
  } else {
    const { from, to } = ctx.caller;
    body = JSON.stringify(file.includeCall ? { ...rest, call: { id: ctx.callId, from, to } } : rest);
    headers['content-type'] = 'application/json';
    if (file.signing !== undefined) {
      // The model's id of this call lets the receiver recognise a request it has already served.
      const seconds = Math.floor(ctx.clock.wall() / 1000);
      const secret = deps.env(file.signing.secretEnv) ?? '';
      Object.assign(headers, signatureHeaders(secret, ctx.toolCallId, seconds, body));
    }
  }
  try {
    // `request` follows no redirect, and the dispatcher connects to checked addresses alone. `exchange` does not fit: it reads a refusal's body too,
    // takes what was compressed unasked, and its time would run on while the caller is away; here the run's signal has the time.
    const dispatcher = deps.destinations.dispatcherFor(url);
    const answer = await undici().request(url, { method: file.method, headers, body, dispatcher, signal: ctx.signal });
    const { statusCode } = answer;
    if (statusCode >= 200 && statusCode < 300) {
      const encoding = answer.headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity')
        return await refuseBody(answer.body, 'in an encoding that was not asked for');
      return select(await readBody(answer.body), String(answer.headers['content-type'] ?? ''), file.result);
    }
    return await refuseBody(
      answer.body,
      statusCode >= 300 && statusCode < 400
        ? `with a redirect (${statusCode}), which is not followed`
        : `${statusCode}`,
    );
  } catch (error) {
    if (isToolError(error) || ctx.signal.aborted) throw error;
    const cause = (error as { cause?: unknown }).cause;
    if (isToolError(cause)) throw cause;
    ctx.log.warn({ err: error }, 'the endpoint of a tool could not be reached');
    throw new ToolError('TOOL_UPSTREAM', 'The service could not be reached.', { cause: error });
  }
}

/** The file's URL with its fields filled in. A value stays within its place: it can neither climb the path nor add to the query. */
function fillUrl(file: HttpToolFile, args: Record<string, unknown>): URL {
  const filled = file.url.replace(/\{([^{}]*)\}/g, (_, field: string) => {
    const given = Object.hasOwn(args, field) ? (args[field] ?? '') : '';
    const value = typeof given === 'object' ? '' : String(given).toWellFormed();
    if (value === '' || value === '.' || value === '..')
      throw new ToolError('TOOL_ARGUMENTS_INVALID', `"${field}" must be a text, and not empty, "." or "..".`);
    return encodeURIComponent(value);
  });
  return new URL(filled);
}

type Body = Awaited<ReturnType<ReturnType<typeof undici>['request']>>['body'];

async function refuseBody(body: Body, how: string): Promise<never> {
  // What it says is not for the model; the socket is given up instead of reading an answer of unknown length.
  body.on('error', () => undefined);
  body.destroy();
  throw new ToolError('TOOL_UPSTREAM', `The service answered ${how}.`);
}

async function readBody(body: Body): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the stream and with it the connection.
    if (bytes > HARD_BYTES) throw new ToolError('TOOL_RESULT_TOO_LARGE', 'The answer is too large. Ask for less.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The part of the answer that the model sees. */
function select(text: string, contentType: string, pointer: string): unknown {
  const isJson = /[/+]json\b/i.test(contentType);
  if (!isJson && pointer === '') return text === '' ? { ok: true } : text;
  let value: unknown;
  try {
    value = text === '' ? null : JSON.parse(text);
  } catch {
    throw new ToolError('TOOL_UPSTREAM', 'The service gave an answer that cannot be read.');
  }
  const part = atPointer(value, pointer);
  if (part === undefined) throw new ToolError('TOOL_UPSTREAM', 'The service gave an answer without the expected part.');
  return part;
}
