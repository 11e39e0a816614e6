/**
 * Follows call instructions as a carrier does: verb after verb; a `<Connect>` holds until its stream is over, a `<Dial>` until its leg is; a
 * `<Redirect>` (or the `action` of either) replaces the document; the end of the document ends the call.
 */

import type { DialInstruction, DialOutcome } from './dial.ts';
import type { StreamInstruction, Verb } from './twiml.ts';

/** Documents one call may be led through: https://www.twilio.com/docs/api/errors/12104 stops loops too. */
export const MAX_REDIRECTS = 10;

/** A calm voice: 160 words a minute. */
const MS_PER_WORD = 375;
/** A recording's length is not known without fetching it. */
const PLAY_MS = 3_000;

export type StreamEnd = 'bridge-closed' | 'caller-hung-up' | 'failed';

/** How a call ended. */
export interface FlowEnd {
  readonly by: 'caller' | 'bridge' | 'carrier';
  /** In words, for the report. */
  readonly reason: string;
  readonly callStatus: 'completed' | 'busy' | 'no-answer' | 'failed';
}

/** A document and where it came from. */
export interface Instructions {
  readonly verbs: readonly Verb[];
  readonly url: string;
}

/** What following needs of the line. */
export interface Line {
  /** Aborts when the caller hangs up. */
  readonly hungUp: AbortSignal;
  /** Simulated speaking and waiting; resolves early when the caller hangs up. */
  wait(ms: number): Promise<void>;
  note(text: string): void;
  /** Asks for the next document, and tells how a dial or a stream ended that leads there; `url` is absolute. Rejects with what the report should say. */
  fetch(url: string, method: 'GET' | 'POST', dialled?: DialOutcome, stream?: StreamEnd): Promise<Instructions>;
  /** Runs a media stream to its end. Never rejects. `base`: the document's address. */
  connect(stream: StreamInstruction, base: string): Promise<StreamEnd>;
  /** Connects the caller to another number. Never rejects. Left out: whoever is dialled answers, and hangs up at once. */
  dial?(instruction: DialInstruction, base: string): Promise<DialOutcome>;
}

const CALLER: FlowEnd = { by: 'caller', reason: 'the caller hung up', callStatus: 'completed' };

/** Follows the instructions to the end of the call. Rejects only with what `line.fetch` rejects with. */
export async function follow(first: Instructions, line: Line): Promise<FlowEnd> {
  let { verbs, url } = first;
  /** Whom the caller was last connected to: what the report should say of a call that is hung up after it. */
  let talked: string | undefined;
  for (let redirects = 0; ; redirects++) {
    const outcome = await run(verbs, url, line);
    if (!('next' in outcome)) {
      const after = talked !== undefined && verbs[0]?.verb === 'Hangup' && outcome.by === 'bridge';
      return after ? connectedOn(talked ?? '') : outcome;
    }
    talked = outcome.talked;
    if (redirects === MAX_REDIRECTS) {
      return { by: 'bridge', reason: `more than ${MAX_REDIRECTS} redirects`, callStatus: 'failed' };
    }
    const target = new URL(outcome.next, url).href;
    line.note(`instructions from ${target}`);
    ({ verbs, url } = await line.fetch(target, outcome.method, outcome.dialled, outcome.stream));
    if (line.hungUp.aborted) return CALLER;
  }
}

type Outcome =
  | FlowEnd
  | {
      readonly next: string;
      readonly method: 'GET' | 'POST';
      readonly dialled?: DialOutcome;
      /** How the stream ended that led there. */
      readonly stream?: StreamEnd;
      /** The number that answered a dial. */
      readonly talked?: string;
    };

const connectedOn = (target: string): FlowEnd => ({
  by: 'bridge',
  reason: `connected on to ${target} by <Dial>`,
  callStatus: 'completed',
});

/** Runs one document. */
async function run(verbs: readonly Verb[], url: string, line: Line): Promise<Outcome> {
  for (const [index, verb] of verbs.entries()) {
    if (line.hungUp.aborted) return CALLER;
    switch (verb.verb) {
      case 'Say':
        line.note(`<Say> ${verb.text}`);
        await line.wait(verb.text.split(/\s+/).filter(Boolean).length * MS_PER_WORD * Math.max(1, verb.loop));
        break;
      case 'Play':
        line.note(verb.digits === undefined ? `<Play> ${verb.url}` : `<Play> digits ${verb.digits}`);
        await line.wait(verb.digits === undefined ? PLAY_MS : verb.digits.length * 250);
        break;
      case 'Pause':
        line.note(`<Pause> ${verb.seconds} s`);
        await line.wait(verb.seconds * 1000);
        break;
      case 'Connect': {
        line.note('<Connect><Stream>');
        const end = await line.connect(verb.stream, url);
        if (end === 'caller-hung-up') return CALLER;
        if (verb.action !== undefined) return { next: verb.action, method: verb.method, stream: end };
        break;
      }
      case 'Dial': {
        const { target, action } = verb;
        line.note(`<Dial> ${target}`);
        const dialled = (await line.dial?.(verb, url)) ?? { status: 'completed', seconds: 1 };
        if (line.hungUp.aborted) return CALLER;
        line.note(`<Dial> ended: ${dialled.status}`);
        const talked = dialled.status === 'completed';
        if (action !== undefined)
          return { next: action, method: verb.method ?? 'POST', dialled, ...(talked ? { talked: target } : {}) };
        if (talked) return connectedOn(target);
        break;
      }
      case 'Redirect':
        line.note('<Redirect>');
        return { next: verb.url, method: verb.method };
      case 'Hangup':
        line.note('<Hangup>');
        return { by: 'bridge', reason: '<Hangup>', callStatus: 'completed' };
      case 'Reject':
        // Only a call that was not answered yet can be rejected; afterwards it is hung up.
        line.note(`<Reject> ${verb.reason}`);
        return {
          by: 'bridge',
          reason: `<Reject> ${verb.reason}`,
          callStatus: index > 0 ? 'completed' : verb.reason === 'busy' ? 'busy' : 'no-answer',
        };
      default:
        verb satisfies never;
    }
  }
  if (line.hungUp.aborted) return CALLER;
  return { by: 'carrier', reason: 'the instructions were at their end', callStatus: 'completed' };
}
