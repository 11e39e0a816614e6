import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { apiErrorBody, namedSchemas, type RouteDefinition, type RouteSuccess } from './route.ts';

/** The OpenAPI 3.1 document, made of the schemas by which requests are checked. https://spec.openapis.org/oas/v3.1.1 */

export const OPENAPI_PATH = '/openapi.json';

type Json = Readonly<Record<string, unknown>>;

/** Refusals that every guarded route has, and those of a route that takes a body. */
const ALWAYS: Readonly<Record<number, readonly string[]>> = {
  400: ['REQUEST_INVALID'],
  401: ['ADMIN_TOKEN_MISSING', 'ADMIN_TOKEN_INVALID'],
  500: ['INTERNAL'],
};
const WITH_BODY: Readonly<Record<number, readonly string[]>> = { 413: ['BODY_TOO_LARGE'], 415: ['REQUEST_INVALID'] };

/** Answers that have no body, whatever is asked for. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 304]);

const uri = (id: string) => `#/components/schemas/${id}`;

/** The named schemas as they are sent (`input`: what has a default may be left out) or received. */
function named(io: 'input' | 'output'): Record<string, Json> {
  const { schemas } = z.toJSONSchema(namedSchemas, { target: 'draft-2020-12', io, uri });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _, $id: __, id: ___, ...json }]) => [name, json as Json]),
  );
}

/** A reference for a schema that has a name, else its JSON form. */
function jsonSchema(schema: z.ZodType): Json {
  const id = namedSchemas.get(schema)?.id;
  if (id !== undefined) return { $ref: uri(id) };
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' });
  return json;
}

function parameters(definition: RouteDefinition): Json[] {
  const from = (schema: z.ZodObject | undefined, where: 'path' | 'query') =>
    Object.entries(schema?.shape ?? {}).map(([name, type]) => ({
      name,
      in: where,
      required: where === 'path',
      schema: jsonSchema(type as z.ZodType),
    }));
  const headers = Object.entries(definition.headers ?? {}).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  }));
  return [...from(definition.params, 'path'), ...from(definition.query, 'query'), ...headers];
}

function content(schema: z.ZodType): Json {
  return { 'application/json': { schema: jsonSchema(schema) } };
}

function answered({ body, types }: RouteSuccess): Json {
  const other = Object.fromEntries((types ?? []).map((type) => [type, {}]));
  if (body === undefined && types === undefined) return {};
  return { content: { ...(body === undefined ? {} : content(body)), ...other } };
}

function operation(definition: RouteDefinition): Json {
  const { success, also = {}, body, operationId, summary, access } = definition;
  const responses: Record<string, Json> = { [success.status]: { description: 'Done.', ...answered(success) } };
  for (const [status, description] of Object.entries(also))
    responses[status] = { description, ...(BODILESS.has(Number(status)) ? {} : answered(success)) };
  const errors = new Map<string, string[]>();
  const general = body === undefined ? ALWAYS : { ...ALWAYS, ...WITH_BODY };
  for (const [status, codes] of [...Object.entries(general), ...Object.entries(definition.errors)])
    errors.set(status, [...(errors.get(status) ?? []), ...codes]);
  for (const [status, codes] of errors)
    responses[status] = { description: codes.join(', '), content: content(apiErrorBody) };
  return {
    operationId,
    summary,
    security: access === 'anybody' ? [{}, { admin: [] }] : [{ admin: [] }],
    parameters: parameters(definition),
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body) } }),
    responses,
  };
}

/** The document of these routes. It holds nothing about any call, so that it can be read without a token. */
export function openApiDocument(version: string, routes: Iterable<RouteDefinition>): Json {
  const documented = [...routes];
  const schemas = named('output');
  const sent = named('input');
  for (const { body } of documented) {
    const name = body === undefined ? undefined : namedSchemas.get(body)?.id;
    if (name !== undefined) schemas[name] = sent[name] ?? {};
  }
  const paths: Record<string, Record<string, Json>> = {};
  for (const definition of documented) {
    const path = definition.url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [definition.method.toLowerCase()]: operation(definition) };
  }
  paths[OPENAPI_PATH] = {
    get: {
      operationId: 'getOpenApi',
      summary: 'This document.',
      security: [],
      responses: { 200: { description: 'Done.', content: { 'application/json': { schema: { type: 'object' } } } } },
    },
  };
  return {
    openapi: '3.1.1',
    info: {
      title: 'Voice bridge',
      version,
      description: 'Placing calls, control of those that go on, and records of all.',
    },
    paths,
    components: {
      schemas,
      securitySchemes: {
        admin: {
          type: 'http',
          scheme: 'bearer',
          description: 'The admin token: ADMIN_TOKEN, or the one that the daemon made and keeps in DATA_DIR.',
        },
      },
    },
  };
}

/** Serves the document of all described routes that are registered on this app from now on, its children's too. */
export function serveOpenApi(app: FastifyInstance, version: string): void {
  // A route that answers HEAD as well is told of twice.
  const described = new Set<RouteDefinition>();
  app.addHook('onRoute', ({ config }) => {
    if (config?.describes !== undefined) described.add(config.describes);
  });
  let document: Json | undefined;
  app.get(OPENAPI_PATH, { exposeHeadRoute: false }, async () => {
    document ??= openApiDocument(version, described);
    return document;
  });
}
