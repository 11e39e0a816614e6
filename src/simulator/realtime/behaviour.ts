import { sayable, toneWords } from '../openai-http/tone-words.ts';
import type { ToneVoice } from './options.ts';
import { goalOf, HANG_UP, PlayedCaller } from './played-caller.ts';
import type { Say, Scenario, Turn } from './scenario.ts';
import type { SessionConfig } from './session-config.ts';
import {
  recording,
  SPEECH_RATE,
  secondsText,
  speechOf,
  toneSpeech,
  trimSilence,
  type Utterance,
  wavFile,
} from './speech.ts';
import { sampleArguments } from './tool-arguments.ts';

/** One thing that a response puts out. */
export type Part =
  | { readonly kind: 'speech'; readonly utterance: Utterance }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: string };

export interface Answer {
  readonly parts: readonly Part[];
  /** Before the first output, ms; undefined takes the server's own. */
  readonly waitMs?: number | undefined;
  /** The response ends as failed with this. */
  readonly as?: Turn['as'];
  /** The response ends like this. */
  readonly end?: Turn['end'];
  /** ms of audio after which it ends, fails included. */
  readonly cutMs?: number | undefined;
  readonly fail?: { type: string; code: string; message: string } | undefined;
}

/** What the conversation's end looks like when an answer is wanted. */
export type Cause =
  | { readonly kind: 'nothing' }
  /** `words`: those that were understood of it, where they matter. */
  | { readonly kind: 'audio'; readonly audio: Int16Array; readonly words?: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'tool_result' }
  | { readonly kind: 'idle' };

export interface BehaviourOptions {
  readonly scenario: Scenario | undefined;
  readonly voice: ToneVoice | undefined;
}

const MAX_ECHO_MS = 30_000;
const DEFAULT_TONE_MS = 2_000;

/** What one session says: its scenario's turns while there are any, then the test line's own answers. */
export class Behaviour {
  readonly #scenario: Scenario | undefined;
  readonly #voice: ToneVoice | undefined;
  #next = 0;
  #afterTools: Say | undefined;
  #lastTurn: Int16Array | undefined;
  #caller: PlayedCaller | undefined;

  constructor(options: BehaviourOptions) {
    this.#scenario = options.scenario;
    this.#voice = options.voice;
  }

  /**
   * The answer to `cause`, or `silent` when a scenario wants none. `told` are words that the client wants said exactly: a scenario's turns go
   * before them. `instructions`: the session's.
   */
  answer(
    cause: Cause,
    tools: SessionConfig['tools'],
    toolChoice: SessionConfig['tool_choice'],
    told?: string,
    instructions = '',
  ): Answer | 'silent' {
    if (cause.kind === 'audio') this.#lastTurn = cause.audio;
    if (cause.kind === 'tool_result' && this.#afterTools !== undefined) {
      const say = this.#afterTools;
      this.#afterTools = undefined;
      return speak(this.#say(say));
    }
    const goal = goalOf({ instructions, tools });
    // Who plays a caller does not greet as the line does.
    const greeting = this.#scenario?.greeting ?? (goal === undefined ? undefined : false);
    if (cause.kind === 'nothing' && greeting !== false && told === undefined) {
      return speak(greeting === undefined ? this.#voiced(recording('greeting')) : this.#say(greeting));
    }
    const turn = this.#nextTurn();
    if (turn !== undefined) return this.#scripted(turn, toolChoice !== 'none');
    if (told !== undefined) return speak({ ...this.#voiced(this.#say({ text: told })), transcript: told });
    if (goal !== undefined) return this.#play(goal, cause, toolChoice !== 'none');
    return this.#own(cause, tools, toolChoice);
  }

  /** What the load generator says. */
  load(ms: number): Utterance {
    const audio = this.#voice === undefined ? speechOf(ms) : toneSpeech(this.#voice.tone, ms, this.#voice.dbfs);
    return { audio, transcript: `Speech for ${secondsText(audio.length)}.` };
  }

  #nextTurn(): Turn | undefined {
    const turns = this.#scenario?.turns ?? [];
    if (this.#next >= turns.length && this.#scenario?.loop === true) this.#next = 0;
    return turns[this.#next] === undefined ? undefined : turns[this.#next++];
  }

  /** A turn as it is written; without its tools where the response may call none. */
  #scripted(turn: Turn, mayCall: boolean): Answer | 'silent' {
    if (turn.silent) return 'silent';
    const parts: Part[] = [];
    if (turn.say !== undefined) parts.push({ kind: 'speech', utterance: this.#say(turn.say) });
    for (const call of mayCall ? (turn.tools ?? []) : []) {
      const args = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
      parts.push({ kind: 'call', name: call.name, arguments: args });
    }
    this.#afterTools = turn.afterTools;
    if (turn.as === 'nothing') parts.length = 0;
    const { waitMs, fail, as, end, cutMs } = turn;
    return { parts, waitMs, fail, as, end, cutMs };
  }

  /** As the caller that it is told to be. */
  #play(goal: string, cause: Cause, mayCall: boolean): Answer {
    this.#caller ??= new PlayedCaller(goal);
    const { say, hangUp } = this.#caller.next(cause.kind === 'audio' ? (cause.words ?? '') : undefined);
    const parts: Part[] = [{ kind: 'speech', utterance: this.#voiced(this.#say({ text: say, words: true })) }];
    if (hangUp && mayCall) parts.push({ kind: 'call', name: HANG_UP, arguments: '{}' });
    return { parts };
  }

  #own(cause: Cause, tools: SessionConfig['tools'], toolChoice: SessionConfig['tool_choice']): Answer {
    const forced = forcedTool(tools, toolChoice);
    if (forced !== undefined && cause.kind !== 'tool_result') {
      return { parts: [{ kind: 'call', name: forced.name, arguments: sampleArguments(forced.parameters) }] };
    }
    switch (cause.kind) {
      case 'nothing':
        return speak(this.#voiced(recording('greeting')));
      case 'audio':
        return speak(this.#voiced(this.#echo(cause.audio)));
      case 'text':
        return speak(this.#voiced(recording('acknowledgement')));
      case 'tool_result':
        return speak(this.#voiced(recording('tool-result')));
      case 'idle':
        return speak(this.#voiced(recording('still-there')));
      default:
        return cause satisfies never;
    }
  }

  #echo(turn: Int16Array): Utterance {
    const audio = trimSilence(turn, MAX_ECHO_MS);
    // A turn without any sound was committed by hand; there is nothing to say back.
    if (audio.length === 0) return recording('still-there');
    return { audio, transcript: `You said this, ${secondsText(audio.length)}.` };
  }

  /** The same in the session's own voice: a tone takes the place of every sound when one is set. */
  #voiced(utterance: Utterance): Utterance {
    const voice = this.#voice;
    if (voice === undefined) return utterance;
    const audio = toneSpeech(voice.tone, voice.ms ?? DEFAULT_TONE_MS, voice.dbfs);
    return { audio, transcript: `A tone of ${voice.tone} hertz, ${secondsText(audio.length)}.` };
  }

  #say(say: Say): Utterance {
    const { text } = say;
    const sound = this.#sound(say);
    return { audio: sound.audio, transcript: text ?? sound.transcript };
  }

  #sound(say: Say): Utterance {
    if (say.tone !== undefined) {
      const audio = toneSpeech(say.tone, say.toneMs ?? DEFAULT_TONE_MS);
      return { audio, transcript: `A tone of ${say.tone} hertz, ${secondsText(audio.length)}.` };
    }
    if (say.wav !== undefined) {
      const audio = wavFile(say.wav);
      return { audio, transcript: `A recording of ${secondsText(audio.length)}.` };
    }
    if (say.speechMs !== undefined) return this.load(say.speechMs);
    if (say.words) return { audio: toneWords(sayable(say.text ?? '')), transcript: say.text ?? '' };
    if (say.echo) return this.#echo(this.#lastTurn ?? new Int16Array(0));
    // Words without a sound of their own: speech in the length that saying them takes, about 15 letters a second.
    return this.load(Math.max(500, Math.round(((say.text?.length ?? 0) * 1000) / 15)));
  }
}

function speak(utterance: Utterance): Answer {
  return { parts: [{ kind: 'speech', utterance }] };
}

/** Milliseconds of an utterance. */
export function utteranceMs(utterance: Utterance): number {
  return (utterance.audio.length * 1000) / SPEECH_RATE;
}

interface FunctionTool {
  readonly name: string;
  readonly parameters: Record<string, unknown> | undefined;
}

/** The function that the tool choice demands, as the service would call it without being asked by words. */
function forcedTool(tools: SessionConfig['tools'], choice: SessionConfig['tool_choice']): FunctionTool | undefined {
  const functions: FunctionTool[] = [];
  for (const tool of tools) {
    if (tool.type === 'function') functions.push({ name: String(tool.name), parameters: parametersOf(tool) });
  }
  if (choice === 'required') return functions[0];
  if (typeof choice === 'object' && choice.type === 'function')
    return functions.find((tool) => tool.name === choice.name);
  return undefined;
}

function parametersOf(tool: SessionConfig['tools'][number]): Record<string, unknown> | undefined {
  const value: unknown = tool.parameters;
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
