import type { FastifyPluginCallback } from 'fastify';
import type { PhoneRouteOptions } from './incoming-call.ts';

/** Longest text of a carrier's error that is logged, characters. */
const ERROR_MOST = 200;

/**
 * `POST /stream-status`: what the carrier tells of its media stream. It is the only place where it says why a stream could not be had
 * (refused, TLS, a codec it does not know): the call itself just goes silent. 204.
 */
export const streamStatusRoute: FastifyPluginCallback<Pick<PhoneRouteOptions, 'carriers' | 'webhooks' | 'count'>> = (
  app,
  { carriers, webhooks, count },
  done,
) => {
  webhooks.serve(app, 'stream-status', async (request, webhook) => {
    const { carrier, carrierCallId } = webhook;
    const { event, word, streamId, error } = carriers.of(webhook).webhook.stream(webhook);
    const fields = { carrier, carrierCallId, streamId: streamId.slice(0, 100) };
    count(`stream_status_${event}`);
    switch (event) {
      case 'started':
        request.log.debug(fields, 'carrier started the stream');
        break;
      case 'stopped':
        request.log.debug(fields, 'carrier stopped the stream');
        break;
      case 'error':
        request.log.warn({ ...fields, streamError: error.slice(0, ERROR_MOST) }, 'carrier reports a stream error');
        break;
      default:
        request.log.debug({ ...fields, streamEvent: word.slice(0, 50) }, 'carrier reports an unknown stream event');
    }
    return undefined;
  });
  done();
};
