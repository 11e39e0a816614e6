/** A far end by libwebrtc: answers offers by POST, and sends the caller's audio back as it heard it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Peer } from '../../src/transport/peer.ts';

const GATHER_MS = 500;

const server = createServer((request, response) => {
  void text(request).then(async (offer) => {
    const peer: Peer = new Peer(
      { iceServers: [] },
      {
        audio: (samples, rate) => rate === 48_000 && peer.sendAudio(samples),
        channel: (channel) => channel.attach({ text() {} }),
      },
    );
    const answer = await peer.answer(offer, GATHER_MS);
    response.writeHead(201, { 'content-type': 'application/sdp' }).end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
