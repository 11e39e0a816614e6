import { Peer } from '../../src/transport/peer.ts';

/** Between two questions, ms: often enough that a call of a few seconds is asked about. */
const ASK_MS = 1_000;

export interface Held {
  /** Mean time that what a peer heard waited in its jitter buffer, ms; one value a peer that heard anything. */
  readonly bufferMs: number[];
  /** How long each offer that was answered here waited for the answer, ms. */
  readonly answerMs: number[];
}

/** From now on watches what WebRTC itself holds back in this process, of all peers made after this. */
export function watchHeld(): () => Held {
  const buffers = new Map<Peer, number>();
  const answerMs: number[] = [];
  const ask = (peer: Peer) => {
    const timer = setInterval(() => {
      if (peer.state === 'closed') clearInterval(timer);
      else void peer.quality().then(({ jitterBufferMs: ms }) => ms !== undefined && buffers.set(peer, ms));
    }, ASK_MS);
    timer.unref();
  };
  const { answer, createOffer } = Peer.prototype;
  Peer.prototype.answer = async function (offer, waitMs) {
    ask(this);
    const began = performance.now();
    const answered = await answer.call(this, offer, waitMs);
    answerMs.push(performance.now() - began);
    return answered;
  };
  Peer.prototype.createOffer = function (waitMs) {
    ask(this);
    return createOffer.call(this, waitMs);
  };
  return () => ({ bufferMs: [...buffers.values()], answerMs });
}
