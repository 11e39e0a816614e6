import { z } from 'zod';
import { apiErrorBody, namedSchemas, OPENAPI_PATH, type RouteDefinition, routes } from '../orders/calls-api-routes.ts';
import { recordRoutes } from '../records/http/records-api-routes.ts';

/** The OpenAPI 3.1 document, made of the schemas by which requests are checked. https://spec.openapis.org/oas/v3.1.1 */

type Json = Readonly<Record<string, unknown>>;

const documented = [...Object.values<RouteDefinition>(routes), ...Object.values<RouteDefinition>(recordRoutes)];

/** Refusals that every guarded route has, and those of a route that takes a body. */
const ALWAYS: Readonly<Record<number, readonly string[]>> = {
  400: ['REQUEST_INVALID'],
  401: ['ADMIN_TOKEN_MISSING', 'ADMIN_TOKEN_INVALID'],
  500: ['INTERNAL'],
};
const WITH_BODY: Readonly<Record<number, readonly string[]>> = { 413: ['BODY_TOO_LARGE'], 415: ['REQUEST_INVALID'] };

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

function operation(definition: RouteDefinition): Json {
  const { success, body, operationId, summary } = definition;
  const responses: Record<string, Json> = {
    [success.status]: {
      description: 'Done.',
      ...(success.body === undefined ? {} : { content: content(success.body) }),
    },
  };
  const errors = new Map<string, string[]>();
  const general = body === undefined ? ALWAYS : { ...ALWAYS, ...WITH_BODY };
  for (const [status, codes] of [...Object.entries(general), ...Object.entries(definition.errors)])
    errors.set(status, [...(errors.get(status) ?? []), ...codes]);
  for (const [status, codes] of errors)
    responses[status] = { description: codes.join(', '), content: content(apiErrorBody) };
  return {
    operationId,
    summary,
    security: [{ admin: [] }],
    parameters: parameters(definition),
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body) } }),
    responses,
  };
}

/** The document. It holds nothing about any call, so that it can be read without a token. */
export function openApiDocument(version: string): Json {
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
