import type { FastifyPluginCallback } from 'fastify';
import { PATHS } from './answers.ts';
import type { WebhookRouteOptions } from './incoming-call.ts';

/** Longest text of a carrier's error that is logged, characters. */
const ERROR_MOST = 200;

/**
 * `POST /stream-status`: what the carrier tells of its media stream. It is the only place where it says why a stream could not be had
 * (refused, TLS, a codec it does not know): the call itself just goes silent. 204.
 */
export const streamStatusRoute: FastifyPluginCallback<Pick<WebhookRouteOptions, 'guard' | 'count'>> = (
  app,
  { guard, count },
  done,
) => {
  app.post(PATHS.streamStatus, async (request, reply) => {
    const { carrier, carrierCallId, params } = guard.check(request);
    const { StreamEvent = '', StreamSid = '', StreamError = '' } = params;
    const fields = { carrier, carrierCallId, streamId: StreamSid.slice(0, 100) };
    switch (StreamEvent) {
      case 'stream-started':
        count('stream_status_started');
        request.log.debug(fields, 'carrier started the stream');
        break;
      case 'stream-stopped':
        count('stream_status_stopped');
        request.log.debug(fields, 'carrier stopped the stream');
        break;
      case 'stream-error':
        count('stream_status_error');
        request.log.warn(
          { ...fields, streamError: StreamError.slice(0, ERROR_MOST) },
          'carrier reports a stream error',
        );
        break;
      default:
        count('stream_status_other');
        request.log.debug(
          { ...fields, streamEvent: StreamEvent.slice(0, 50) },
          'carrier reports an unknown stream event',
        );
    }
    return reply.code(204).send();
  });
  done();
};
