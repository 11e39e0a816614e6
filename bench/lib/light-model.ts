import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { LightPeer } from './light-peer.ts';
import type { LightPhone } from './light-phone.ts';
import { Histogram } from './stats.ts';
import { EVERY_MS, readMarker, SPEAK_MS, speech, ulawSpeech } from './voice.ts';
import type { Wheel } from './wheel.ts';

/** The model's far end of a load: just enough of the Realtime API for a session, and half of the time speech. */

const DELTA_MS = 200;
/** Time between two deltas, ms: audio is generated eight times faster than it is heard. */
const DELTA_EVERY_MS = 25;

const APPEND = '{"type":"input_audio_buffer.append","audio":"';
/** What it says, cut into deltas. */
function deltasOf(voice: Buffer, bytesPerMs: number): string[] {
  const deltas: string[] = [];
  for (let at = 0; at < SPEAK_MS * bytesPerMs; at += DELTA_MS * bytesPerMs)
    deltas.push(voice.toString('base64', at, at + DELTA_MS * bytesPerMs));
  return deltas;
}
const ulawDeltas = deltasOf(Buffer.from(ulawSpeech()), 8);
const pcmDeltas = deltasOf(Buffer.from(speech(24_000).buffer), 48);

/** A tool that the model calls at the end of each of its turns. */
export interface LightTool {
  readonly name: string;
  readonly arguments: string;
}

export class LightModel {
  /** From a phone's send of a frame to the arrival of its append, ms. */
  readonly up = new Histogram();
  /** Appends that came, and those that bore no name. */
  appends = 0;
  unnamed = 0;
  /** Results of tools that came back. */
  toolResults = 0;
  tool: LightTool | undefined;
  /** Whether it speaks to callers whose frames bear no name, too: over other lines than the load's own phones no name comes through. */
  speaksToAll = false;
  readonly #wheel: Wheel;
  readonly #phones: ReadonlyMap<number, LightPhone>;
  readonly #server: Server;
  readonly #peers = new Map<string, LightPeer>();
  #sessions = 0;

  constructor(wheel: Wheel, phones: ReadonlyMap<number, LightPhone>) {
    this.#wheel = wheel;
    this.#phones = phones;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, skipUTF8Validation: true });
    this.#server.on('upgrade', (request, stream, head) => {
      sockets.handleUpgrade(request, stream, head, (ws) => this.#session(ws));
    });
  }

  /** Listens; resolves to the base URL of its API. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  get livePeers(): number {
    return this.#peers.size;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const path = request.url ?? '';
    const hangup = /\/calls\/([^/]+)\/hangup$/.exec(path);
    if (path.endsWith('/client_secrets')) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ value: 'ek_bench', expires_at: Math.floor(Date.now() / 1000) + 600 }));
    } else if (hangup !== null) {
      this.#peers.get(hangup[1]!)?.close();
      response.end();
    } else if (path.endsWith('/realtime/calls')) {
      const peer: LightPeer = new LightPeer(++this.#sessions, () => this.#peers.delete(peer.id));
      this.#peers.set(peer.id, peer);
      const answer = await peer.answer(Buffer.concat(parts).toString());
      response.writeHead(201, { 'content-type': 'application/sdp', location: `/v1/realtime/calls/${peer.id}` });
      response.end(answer);
    } else {
      response.writeHead(404).end();
    }
  }

  #session(ws: WebSocket): void {
    const id = `sess_${++this.#sessions}`;
    const send = (event: Record<string, unknown>) => ws.send(JSON.stringify({ event_id: `event_${id}`, ...event }));
    let phone: LightPhone | undefined;
    let leave: (() => void) | undefined;
    let deltas: readonly string[] = ulawDeltas;
    ws.on('error', () => {});
    ws.on('close', () => leave?.());
    ws.on('message', (data: Buffer) => {
      const now = performance.now();
      // `{"type":"input_audio_buffer.append"`: two letters tell it from all else that a client says here.
      if (data[9] === 0x69 && data[28] === 0x61 && data[29] === 0x70) {
        this.appends++;
        const name = readMarker(data, APPEND.length);
        if (name < 0) {
          this.unnamed++;
          if (this.speaksToAll) leave ??= this.#speak(ws, id, { index: this.#sessions, spurtSentAt: 0 }, deltas);
          return;
        }
        const sequence = name % 2 ** 18;
        if (phone === undefined) {
          phone = this.#phones.get((name - sequence) / 2 ** 18);
          if (phone !== undefined) leave = this.#speak(ws, id, phone, deltas);
        }
        if (phone !== undefined) this.up.add(now - phone.sentAt[sequence % phone.sentAt.length]!);
        return;
      }
      const message = JSON.parse(data.toString()) as { type: string; session?: Record<string, unknown> };
      if (JSON.stringify(message.session ?? {}).includes('"audio/pcm"')) deltas = pcmDeltas;
      if (message.type === 'session.update') send({ type: 'session.updated', session: { id, ...message.session } });
      else if (message.type === 'conversation.item.create') this.toolResults++;
      else if (message.type === 'response.create') {
        // What it would say of a result is said with the next turn.
        const response = { id: `resp_${id}_${this.toolResults}`, object: 'realtime.response', output: [] };
        send({ type: 'response.created', response: { ...response, status: 'in_progress' } });
        send({ type: 'response.done', response: { ...response, status: 'completed' } });
      }
    });
    send({ type: 'session.created', session: { id, object: 'realtime.session', model: 'bench' } });
  }

  /** Speaks to one session from now on, each at a time of its own within the period. */
  #speak(
    ws: WebSocket,
    session: string,
    phone: Pick<LightPhone, 'index' | 'spurtSentAt'>,
    deltas: readonly string[],
  ): () => void {
    let next = performance.now() + ((phone.index * 611) % EVERY_MS);
    let turn: Turn | undefined;
    return this.#wheel.every20(phone.index + 7, (now) => {
      if (turn === undefined && now >= next) {
        turn = new Turn(ws, `${session}_${Math.round(next)}`, now, this.tool, deltas);
        next += EVERY_MS;
        phone.spurtSentAt = performance.now();
      }
      if (turn?.pump(now)) turn = undefined;
    });
  }
}

/** One response on the wire, with all the events that the service sends around its audio. */
class Turn {
  readonly #ws: WebSocket;
  readonly #ids: { response_id: string; item_id: string; output_index: number; content_index: number };
  readonly #head: string;
  readonly #startedAt: number;
  readonly #tool: LightTool | undefined;
  readonly #deltas: readonly string[];
  #sent = 0;

  constructor(ws: WebSocket, name: string, now: number, tool: LightTool | undefined, deltas: readonly string[]) {
    this.#ws = ws;
    this.#deltas = deltas;
    this.#tool = tool;
    this.#startedAt = now;
    const ids = { response_id: `resp_${name}`, item_id: `item_${name}`, output_index: 0, content_index: 0 };
    this.#ids = ids;
    this.#head = `{"type":"response.output_audio.delta","event_id":"event_${name}","response_id":"${ids.response_id}","item_id":"${ids.item_id}","output_index":0,"content_index":0,"delta":"`;
    const item = {
      id: ids.item_id,
      object: 'realtime.item',
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    };
    this.#send({
      type: 'response.created',
      response: { id: ids.response_id, object: 'realtime.response', status: 'in_progress', output: [] },
    });
    this.#send({ type: 'response.output_item.added', response_id: ids.response_id, output_index: 0, item });
    this.#send({ type: 'conversation.item.added', previous_item_id: null, item });
    this.#send({ type: 'response.content_part.added', ...ids, part: { type: 'output_audio', transcript: '' } });
  }

  /** Sends what is due; true when the response is over. */
  pump(now: number): boolean {
    while (this.#sent < this.#deltas.length && now - this.#startedAt >= this.#sent * DELTA_EVERY_MS) {
      this.#ws.send(`${this.#head}${this.#deltas[this.#sent]}"}`);
      // About three words a second.
      if (this.#sent % 2 === 0)
        this.#send({ type: 'response.output_audio_transcript.delta', ...this.#ids, delta: ' word' });
      this.#sent++;
    }
    if (this.#sent < this.#deltas.length) return false;
    const { response_id, item_id } = this.#ids;
    const transcript = 'The quick brown fox jumps over the lazy dog.';
    const content = [{ type: 'output_audio', transcript }];
    const item = {
      id: item_id,
      object: 'realtime.item',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content,
    };
    this.#send({ type: 'response.output_audio.done', ...this.#ids });
    this.#send({ type: 'response.output_audio_transcript.done', ...this.#ids, transcript });
    this.#send({ type: 'response.content_part.done', ...this.#ids, part: content[0] });
    this.#send({ type: 'response.output_item.done', response_id, output_index: 0, item });
    this.#send({ type: 'conversation.item.done', previous_item_id: null, item });
    const output: object[] = [item];
    if (this.#tool !== undefined) output.push(this.#callTool(this.#tool, response_id));
    this.#send({
      type: 'response.done',
      response: { id: response_id, object: 'realtime.response', status: 'completed', output },
    });
    return true;
  }

  #callTool(tool: LightTool, responseId: string): object {
    const ids = { item_id: `${this.#ids.item_id}_fc`, call_id: `call_${this.#ids.item_id}` };
    const item = {
      id: ids.item_id,
      object: 'realtime.item',
      type: 'function_call',
      status: 'completed',
      call_id: ids.call_id,
      ...tool,
    };
    const at = { response_id: responseId, output_index: 1 };
    this.#send({ type: 'response.output_item.added', ...at, item: { ...item, status: 'in_progress', arguments: '' } });
    this.#send({ type: 'conversation.item.added', previous_item_id: this.#ids.item_id, item });
    this.#send({ type: 'response.function_call_arguments.done', ...at, ...ids, ...tool });
    this.#send({ type: 'response.output_item.done', ...at, item });
    return item;
  }

  #send(event: Record<string, unknown>): void {
    this.#ws.send(JSON.stringify({ event_id: 'event_bench', ...event }));
  }
}
