import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createOpusEncoder } from '../../src/media/opus.ts';
import { RATE } from '../../src/simulator/livekit/index.ts';
import type { AudioSource } from '../../src/simulator/phone/index.ts';
import { type Received, readLog } from './rtp-log.ts';

/**
 * People for rooms of LiveKit's by its library for Go: they say packets of Opus that were encoded before, and keep what comes to them as it came, to be decoded
 * when all is over. One takes a tenth of what one by the library for Node takes, so that what is measured beside them has the machine.
 */

const SOURCE = join(import.meta.dirname, '../far/livekit-people');
/** Beside the server that is built. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/livekit');
/** Length of a packet that is said, samples. */
const FRAME = RATE / 50;

interface Answer {
  readonly id: number;
  readonly error?: string;
  readonly stalls: number;
  readonly maxMs: number;
}

/** How often the microphones' own clock was more than a packet late, and the most it was, ms. */
export interface OwnPace {
  readonly stalls: number;
  readonly maxMs: number;
}

export interface JoinLight {
  readonly url: string;
  readonly token: string;
  /** What is said over and over while there is nothing else to say. */
  readonly hum: AudioSource;
}

export class LightPeople {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  readonly #clips = new Map<AudioSource, string>();
  #asked = 0;
  #joined = 0;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(`a person of a room: ${answer.error}`));
    });
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the people ended with ${signal ?? code}`));
      this.#waiting.clear();
    });
  }

  /** Builds them, which takes a minute the first time and brings their modules, and starts their process. Throws where Go cannot. */
  static start(): LightPeople {
    const program = build();
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-bench-people-'));
    // Its standard input is its leash: it ends when that does.
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    return new LightPeople(child, folder);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when somebody is in a room, with a microphone. */
  async join({ url, token, hum }: JoinLight): Promise<LightPerson> {
    const number = this.#joined++;
    const log = join(this.#folder, `${number}.packets`);
    await this.#ask({ join: { person: number, url, token, hum: await this.#clip(hum), log } });
    return {
      say: async (source) => {
        await this.#ask({ say: { person: number, clip: await this.#clip(source) } });
      },
      leave: async () => {
        await this.#ask({ leave: { person: number } });
        const received = readLog(readFileSync(log));
        rmSync(log);
        return received;
      },
    };
  }

  /** Since it was asked last. */
  async pace(): Promise<OwnPace> {
    const { stalls, maxMs } = await this.#ask({ pace: true });
    return { stalls, maxMs };
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin!.end();
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The name of a source's packets, which are made and sent the first time. */
  async #clip(source: AudioSource): Promise<string> {
    const known = this.#clips.get(source);
    if (known !== undefined) return known;
    const name = `clip ${this.#clips.size}`;
    this.#clips.set(source, name);
    const encoder = createOpusEncoder({ sampleRate: RATE, channels: 1 });
    const samples = source.samples(RATE);
    const packets: string[] = [];
    for (let at = 0; at + FRAME <= samples.length; at += FRAME)
      packets.push(Buffer.from(encoder.encode(samples.subarray(at, at + FRAME))).toString('base64'));
    await this.#ask({ clip: { name, packets } });
    return name;
  }

  #ask(what: object): Promise<Answer> {
    const id = ++this.#asked;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(id, waiting);
    this.#child.stdin!.write(`${JSON.stringify({ id, ...what })}\n`);
    return waiting.promise;
  }
}

/** The program, built where it was not. Another source is another program. */
function build(): string {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(SOURCE, file)));
  const program = join(CACHE, `light-people-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const made = `${program}.${process.pid}`;
  execFileSync('go', ['build', '-ldflags=-s -w', '-o', made, '.'], {
    cwd: SOURCE,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // In one step, so that who looks meanwhile finds all of it or nothing.
  renameSync(made, program);
  return program;
}

export interface LightPerson {
  /** Says this now; what was being said is broken off. */
  say(source: AudioSource): Promise<void>;
  /** Leaves the room, with all that came from its agents. */
  leave(): Promise<readonly Received[]>;
}
