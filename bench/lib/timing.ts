import { createRequire } from 'node:module';
import { Peer } from '../../src/transport/peer.ts';
import { Socket, SocketAcceptor, type SocketHandlers } from '../../src/transport/socket.ts';
import type { NativeAudioData, NativeAudioSink, NativeTrack, NativeWebRtc } from '../../src/transport/wrtc.ts';
import { Histogram, type Summary } from './stats.ts';

/**
 * The daemon's own time, taken inside it, for what cannot be seen from outside: what goes through Opus and a jitter buffer. It puts
 * itself between the daemon and its transports; while it is off it costs one comparison a frame.
 *
 * `up`: from the carrier's message (the moment the library hands it over) to the return of the call that gave its audio to libwebrtc,
 * or to the return of the send of its `append`. `upWaited` counts what did not leave within the message's own call: held by the pacer.
 * `down`: from libwebrtc's 10 ms of audio to the return of the send of the `media` message that this audio completed: the daemon's
 * work. `downWaited`: a message sent by the tick, from the newest audio of its stream: work and waiting.
 */
export interface OwnTime {
  readonly up: Summary;
  readonly upWaited: number;
  readonly down: Summary;
  readonly downWaited: Summary;
}

const up = new Histogram();
const down = new Histogram();
const downWaited = new Histogram();
let upWaited = 0;
let on = false;

/** When the message being handled came; NaN outside of one. */
let messageAt = Number.NaN;
/** The stream whose audio is being handled, and since when. */
let source: { lastAt: number } | undefined;
const sources = new WeakMap<Socket, { lastAt: number }>();

/** Begins a measurement (`on`) or ends it and tells. */
export function measureOwnTime(begin: boolean): OwnTime {
  const told = { up: up.summary(), upWaited, down: down.summary(), downWaited: downWaited.summary() };
  up.reset();
  down.reset();
  downWaited.reset();
  upWaited = 0;
  on = begin;
  return told;
}

/** To be called once, before the app is built. */
export function install(): void {
  const { accept } = SocketAcceptor.prototype;
  SocketAcceptor.prototype.accept = function (request, stream, head, connected) {
    accept.call(this, request, stream, head, (attach) => connected((handlers) => attach(timed(handlers))));
  };

  const { sendAudio } = Peer.prototype;
  Peer.prototype.sendAudio = function (samples, offset) {
    sendAudio.call(this, samples, offset);
    if (!on) return;
    if (Number.isNaN(messageAt)) upWaited++;
    else up.add(performance.now() - messageAt);
  };

  const { send } = Socket.prototype;
  Socket.prototype.send = function (text) {
    const sent = send.call(this, text);
    if (!on) return sent;
    if (text.startsWith('{"event":"media"')) {
      if (source !== undefined) {
        sources.set(this, source);
        down.add(performance.now() - source.lastAt);
      } else {
        const known = sources.get(this);
        if (known !== undefined) downWaited.add(performance.now() - known.lastAt);
      }
    } else if (!Number.isNaN(messageAt) && text.startsWith('{"type":"input_audio_buffer.append"')) {
      up.add(performance.now() - messageAt);
    }
    return sent;
  };

  timeSinks();
}

function timed(handlers: SocketHandlers): SocketHandlers {
  return {
    text(data) {
      messageAt = on ? performance.now() : Number.NaN;
      handlers.text(data);
      messageAt = Number.NaN;
    },
    binary: (data) => handlers.binary(data),
    close: (code, reason) => handlers.close(code, reason),
  };
}

/** libwebrtc calls `dispatchEvent` of a sink by name: the one that is set there is wrapped. */
function timeSinks(): void {
  const { nonstandard } = createRequire(import.meta.url)('@roamhq/wrtc') as NativeWebRtc;
  const Native = nonstandard.RTCAudioSink;
  nonstandard.RTCAudioSink = new Proxy(Native, {
    construct: (target, [track]: [NativeTrack]) => timedSink(new target(track)),
  });
}

function timedSink(sink: NativeAudioSink): NativeAudioSink {
  const stream = { lastAt: 0 };
  let wrapped: (data: NativeAudioData) => void = () => {};
  return Object.defineProperty(sink, 'dispatchEvent', {
    get: () => wrapped,
    set(handler: (data: NativeAudioData) => void) {
      wrapped = (data) => {
        if (!on) {
          handler(data);
          return;
        }
        stream.lastAt = performance.now();
        source = stream;
        handler(data);
        source = undefined;
      };
    },
  });
}
