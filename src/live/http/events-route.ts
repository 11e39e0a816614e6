import type { FastifyRequest } from 'fastify';
import { adminGuard } from '../../http/admin.ts';
import { answerErrors } from '../../http/api-error.ts';
import { ADMIN } from '../../http/operators.ts';
import { admitWatcher, type EventsRouteOptions, eventsRoute, watchOptions } from './events-route-query.ts';
import { eventStream } from './events-route-sse.ts';
import { eventSockets } from './events-route-ws.ts';

/** `GET /events`: every call's events as they happen, as a WebSocket or as server-sent events. docs/events.md describes both. */
export function serveEvents(options: EventsRouteOptions): void {
  const { http, hub, admin } = options;
  http.app.register(async (scope) => {
    answerErrors(scope);
    scope.route({
      method: 'GET',
      url: eventsRoute.url,
      config: { describes: eventsRoute },
      // A HEAD would open a stream that nobody reads.
      exposeHeadRoute: false,
      onRequest: adminGuard(admin),
      handler: (request: FastifyRequest, reply) => {
        const { 'last-event-id': last } = request.headers;
        const watch = watchOptions(request.query, Array.isArray(last) ? last[0] : last);
        admitWatcher(hub);
        eventStream(options, request.operator ?? ADMIN, watch, reply);
      },
    });
  });
  eventSockets(options);
  // Readers go before the server closes: it waits for connections, and theirs never end by themselves.
  http.app.addHook('preClose', async () => hub.close());
}
