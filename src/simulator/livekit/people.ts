/** People for rooms, in a process of their own. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AudioSource, silenceSource } from '../phone/source.ts';
import type { StreamReport } from '../phone/stream-report.ts';
import {
  type Joined,
  type Method,
  type PersonControls,
  type PersonEvent,
  type PersonOptions,
  RATE,
  type Recording,
  type Reply,
  type Request,
  type Seen,
  type TranscriptLine,
  type Words,
} from './messages.ts';
import type { Tape } from './tape.ts';

/** How long the process may take until it has its library, and how long anything asked of it may take, ms. */
const START_LIMIT_MS = 20_000;
const ASK_LIMIT_MS = 30_000;
/** How long people are given to leave their rooms before their process is ended, ms. */
const LEAVE_LIMIT_MS = 3_000;

export type JoinOptions = Pick<PersonOptions, 'url' | 'token'> &
  Partial<Omit<PersonOptions, 'url' | 'token' | 'words'>> & {
    /** What is said from the first moment on; nothing when left out. */
    readonly source?: AudioSource | undefined;
    readonly onEvent?: ((event: PersonEvent) => void) | undefined;
  };

const wordsOf = (source: AudioSource): Words => ({
  name: source.name,
  samples: source.samples(RATE),
  isEndless: source.endless,
});

/** Milliseconds since the epoch, as exact as the clock of media, and the same in all processes of a machine. */
const epoch = () => performance.timeOrigin + performance.now();

export class People {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #persons = new Map<number, Person>();
  #calls = 0;
  #isOver = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (reply: Reply) => this.#take(reply));
    child.once('exit', (code, signal) => {
      this.#isOver = true;
      for (const { reject } of this.#asked.values())
        reject(new Error(`the people's process ended (${signal ?? code})`));
      this.#asked.clear();
    });
  }

  /** Starts the process. Rejects where LiveKit's library cannot be loaded. */
  static async start(): Promise<People> {
    const child = fork(new URL('process.ts', import.meta.url), {
      execArgv: [],
      // The library writes every connection to stdout unless it is told so.
      env: { NODE_ENV: 'production' },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const people = new People(child);
    const limit = AbortSignal.timeout(START_LIMIT_MS);
    const ended = once(child, 'exit', { signal: limit }).then(([code]) => {
      throw new Error(`LiveKit's library could not be loaded: the people's process ended with ${code}`);
    });
    try {
      await Promise.race([once(child, 'message', { signal: limit }), ended]);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    ended.catch(() => {});
    return people;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Brings somebody into a room; resolves when the person is in it, the microphone published. */
  async join(options: JoinOptions): Promise<Person> {
    const { source = silenceSource(), onEvent, originMs = epoch(), ...rest } = options;
    const id = this.#persons.size;
    const person = new Person((method, args) => this.#ask(id, method, args), originMs, onEvent);
    this.#persons.set(id, person);
    const make: PersonOptions = {
      microphone: 'live',
      listens: true,
      comesBack: false,
      keepsRecording: true,
      ...rest,
      originMs,
      words: wordsOf(source),
    };
    await this.#send({ call: this.#calls++, person: id, make });
    await person.enter();
    return person;
  }

  /** All of them are gone at once, without a word, as when a machine dies. */
  async vanish(): Promise<void> {
    if (this.#isOver) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** They leave, and their process ends. Never rejects. */
  async close(): Promise<void> {
    const left = Promise.allSettled([...this.#persons.values()].map((one) => one.leave()));
    const timer = Promise.withResolvers<void>();
    const handle = setTimeout(timer.resolve, LEAVE_LIMIT_MS);
    await Promise.race([left, timer.promise]);
    clearTimeout(handle);
    await this.vanish();
  }

  #ask(person: number, method: Method, args: readonly unknown[]): Promise<unknown> {
    return this.#send({ call: this.#calls++, person, method, args });
  }

  #send(request: Request): Promise<unknown> {
    const asked = Promise.withResolvers<unknown>();
    if (this.#isOver) return Promise.reject(new Error("the people's process is over"));
    this.#asked.set(request.call, asked);
    const what = 'make' in request ? 'make' : request.method;
    const timer = setTimeout(() => {
      this.#asked.delete(request.call);
      asked.reject(new Error(`${what} was not done within ${ASK_LIMIT_MS} ms`));
    }, ASK_LIMIT_MS);
    this.#child.send(request);
    return asked.promise.finally(() => clearTimeout(timer));
  }

  #take(reply: Reply): void {
    if ('ready' in reply) return;
    if ('event' in reply) {
      this.#persons.get(reply.person)?.take(reply.event);
      return;
    }
    const asked = this.#asked.get(reply.call);
    this.#asked.delete(reply.call);
    if ('error' in reply) asked?.reject(new Error(reply.error));
    else asked?.resolve(reply.value);
  }
}

/** Somebody in a room, seen from the process that made him up. Times are ms since `originMs`. */
export class Person {
  readonly originMs: number;
  /** All that was told of it, in order. */
  readonly events: PersonEvent[] = [];
  readonly #ask: (method: Method, args: readonly unknown[]) => Promise<unknown>;
  readonly #onEvent: ((event: PersonEvent) => void) | undefined;
  readonly #gone = Promise.withResolvers<string>();
  #joined: Joined | undefined;

  constructor(
    ask: (method: Method, args: readonly unknown[]) => Promise<unknown>,
    originMs: number,
    onEvent: ((event: PersonEvent) => void) | undefined,
  ) {
    this.#ask = ask;
    this.originMs = originMs;
    this.#onEvent = onEvent;
  }

  get identity(): string {
    return this.#joined?.identity ?? '';
  }

  /** Resolves with why, as the library names it, once out of the room for good. */
  get gone(): Promise<string> {
    return this.#gone.promise;
  }

  /** Complete transcripts so far, interim states among them. */
  get transcripts(): TranscriptLine[] {
    return this.of('transcript').map(({ line }) => line);
  }

  /** The states that the agent said it is in, one after the other. */
  get agentStates(): string[] {
    return this.of('agent-state').map(({ state }) => state);
  }

  of<W extends PersonEvent['what']>(what: W): Array<Extract<PersonEvent, { what: W }>> {
    return this.events.filter((event) => event.what === what) as never;
  }

  async enter(): Promise<void> {
    this.#joined = await this.#do('join');
  }

  take(event: PersonEvent): void {
    this.events.push(event);
    if (event.what === 'gone') this.#gone.resolve(event.reason);
    this.#onEvent?.(event);
  }

  say(source: AudioSource): Promise<void> {
    return this.#do('say', wordsOf(source));
  }

  mute(isMuted = true): Promise<void> {
    return this.#do('mute', isMuted);
  }

  publish(isPublished = true): Promise<void> {
    return this.#do('publish', isPublished);
  }

  press(keys: string): Promise<void> {
    return this.#do('press', keys);
  }

  chat(text: string): Promise<void> {
    return this.#do('chat', text);
  }

  /** Who else is in the room. */
  seen(): Promise<Seen[]> {
    return this.#do('seen');
  }

  recording(): Promise<Recording> {
    return this.#do('recording');
  }

  tape(): Promise<Tape> {
    return this.#do('tape');
  }

  report(): Promise<StreamReport> {
    return this.#do('report');
  }

  leave(): Promise<void> {
    return this.#do('leave');
  }

  #do<M extends Method>(method: M, ...args: Parameters<PersonControls[M]>): ReturnType<PersonControls[M]> {
    return this.#ask(method, args) as ReturnType<PersonControls[M]>;
  }
}
