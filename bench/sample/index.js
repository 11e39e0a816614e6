/**
 * A bridge in the form of carriers' public samples for Node: one webhook, one media WebSocket, and for each call one WebSocket to the model. Mu-law is passed
 * through as it comes; who starts to speak while the model speaks has it cut where the marks say that it is. Nothing else: no signature is verified, no
 * limit kept, no error handled, nothing written down. What such a bridge costs is what a longer one is compared with.
 */
import formbody from '@fastify/formbody';
import fastify from 'fastify';
import { WebSocket, WebSocketServer } from 'ws';

const {
  OPENAI_API_KEY = '',
  OPENAI_BASE_URL = 'https://api.openai.com/v1',
  PORT = '5050',
  HOST = '127.0.0.1',
} = process.env;
const MODEL_URL = `${OPENAI_BASE_URL.replace(/^http/, 'ws')}/realtime?model=gpt-realtime`;

const app = fastify();
app.register(formbody);

app.all('/incoming-call', (request, reply) => {
  const host = request.headers.host;
  reply
    .type('text/xml')
    .send(
      `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://${host}/media-stream"/></Connect></Response>`,
    );
});

const sockets = new WebSocketServer({ noServer: true });
app.server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, bridge);
});

function bridge(carrier) {
  let streamSid;
  let latestMs = 0;
  let answerBegunMs;
  let lastItem;
  let marks = [];

  const model = new WebSocket(MODEL_URL, { headers: { Authorization: `Bearer ${OPENAI_API_KEY}` } });

  model.on('open', () => {
    const session = {
      type: 'realtime',
      output_modalities: ['audio'],
      audio: {
        input: { format: { type: 'audio/pcmu' }, turn_detection: { type: 'server_vad' } },
        output: { format: { type: 'audio/pcmu' }, voice: 'marin' },
      },
      instructions: 'You answer the phone. Be brief and kind.',
    };
    model.send(JSON.stringify({ type: 'session.update', session }));
  });

  const cut = () => {
    if (marks.length === 0 || answerBegunMs === undefined) return;
    if (lastItem !== undefined) {
      const heard = latestMs - answerBegunMs;
      model.send(
        JSON.stringify({
          type: 'conversation.item.truncate',
          item_id: lastItem,
          content_index: 0,
          audio_end_ms: heard,
        }),
      );
    }
    carrier.send(JSON.stringify({ event: 'clear', streamSid }));
    marks = [];
    lastItem = undefined;
    answerBegunMs = undefined;
  };

  model.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.type === 'response.output_audio.delta') {
      carrier.send(JSON.stringify({ event: 'media', streamSid, media: { payload: message.delta } }));
      answerBegunMs ??= latestMs;
      if (message.item_id) lastItem = message.item_id;
      carrier.send(JSON.stringify({ event: 'mark', streamSid, mark: { name: 'part' } }));
      marks.push('part');
    } else if (message.type === 'input_audio_buffer.speech_started') {
      cut();
    }
  });

  carrier.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.event === 'media') {
      latestMs = Number(message.media.timestamp);
      if (model.readyState === WebSocket.OPEN)
        model.send(JSON.stringify({ type: 'input_audio_buffer.append', audio: message.media.payload }));
    } else if (message.event === 'start') {
      streamSid = message.start.streamSid;
      latestMs = 0;
      answerBegunMs = undefined;
    } else if (message.event === 'mark') {
      marks.shift();
    }
  });

  carrier.on('close', () => model.close());
  carrier.on('error', () => {});
  model.on('error', () => {});
}

await app.listen({ port: Number(PORT), host: HOST });
