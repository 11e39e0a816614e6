import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { serve } from './child.ts';
import { usage } from './usage.ts';

/**
 * The yardstick: a relay as a short sample would write it, between the carrier's media WebSocket and the model's. It parses, takes the
 * payload, stringifies, both ways, and does nothing else: no check, no clock, no marks, no interruption, no error is handled.
 */

const methods = {
  start({ modelUrl }: { modelUrl: string }): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    server.on('connection', (phone) => {
      const model = new WebSocket(`${modelUrl.replace(/^http/, 'ws')}/realtime?model=relay`, {
        perMessageDeflate: false,
      });
      let streamSid = '';
      phone.on('message', (data) => {
        const message = JSON.parse(data.toString());
        if (message.event === 'start') streamSid = message.start.streamSid;
        else if (message.event === 'media' && model.readyState === WebSocket.OPEN) {
          model.send(JSON.stringify({ type: 'input_audio_buffer.append', audio: message.media.payload }));
        }
      });
      model.on('message', (data) => {
        const message = JSON.parse(data.toString());
        if (message.type === 'response.output_audio.delta') {
          phone.send(JSON.stringify({ event: 'media', streamSid, media: { payload: message.delta } }));
        }
      });
      phone.on('close', () => model.close());
      model.on('close', () => phone.close());
    });
    return new Promise((resolve) =>
      server.once('listening', () => resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)),
    );
  },
  usage,
};
export type RelayMethods = typeof methods;

serve(methods);
