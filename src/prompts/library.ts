import type { Log } from '../call/leg.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { filesOnDisk, type OperatorFiles } from '../operator-file.ts';
import { type Prompt, parsePrompt } from './prompt.ts';
import type { PromptKind } from './settings.ts';

/**
 * All prompts of a folder. A changed file counts for calls that begin after it; one that became wrong is logged and its last good state
 * kept.
 */
export class PromptLibrary {
  readonly #folder: string;
  readonly #log: Log;
  readonly #kinds: readonly PromptKind[];
  readonly #files: OperatorFiles;
  #entries: ReadonlyMap<string, { version: string; prompt: Prompt | undefined }> = new Map();
  #refreshing: Promise<readonly string[]> | undefined;

  private constructor(folder: string, log: Log, kinds: readonly PromptKind[], files: OperatorFiles) {
    this.#folder = folder;
    this.#log = log;
    this.#kinds = kinds;
    this.#files = files;
  }

  /** Loads the folder; rejects with CONFIG_INVALID, one line a problem, when anything in it is wrong. `kinds`: agents that there are. */
  static async open(folder: string, log: Log, kinds: readonly PromptKind[]): Promise<PromptLibrary> {
    const { library, problems } = await PromptLibrary.inspect(folder, log, kinds);
    if (problems.length > 0)
      throw new BridgeError('CONFIG_INVALID', `wrong prompts:\n  ${problems.join('\n').replaceAll('\n', '\n  ')}`);
    return library;
  }

  /** As `open`, but keeps what is good and tells what is not: for checks. */
  static async inspect(
    folder: string,
    log: Log,
    kinds: readonly PromptKind[],
    files: OperatorFiles = filesOnDisk,
  ): Promise<{ library: PromptLibrary; problems: readonly string[] }> {
    const library = new PromptLibrary(folder, log, kinds, files);
    return { library, problems: await library.refresh() };
  }

  get(name: string): Prompt | undefined {
    return this.#entries.get(`${name}.md`)?.prompt;
  }

  /** Of which kind a prompt's agent is, and whether it says anything that only that kind understands; undefined: there is no such prompt. */
  agentOf(name: string): { readonly kind: string; readonly isParticular: boolean } | undefined {
    const prompt = this.get(name);
    return prompt && { kind: prompt.agent, isParticular: Object.keys(prompt.options).length > 0 };
  }

  /** All prompts, by name. */
  all(): Prompt[] {
    return [...this.#entries.values()].flatMap(({ prompt }) => (prompt === undefined ? [] : [prompt]));
  }

  /** Loads what changed since the last look; answers what is wrong in what was loaded. Never rejects. */
  refresh(): Promise<readonly string[]> {
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #load(): Promise<readonly string[]> {
    const problems: string[] = [];
    try {
      const entries = new Map<string, { version: string; prompt: Prompt | undefined }>();
      for (const { name, path, version } of await this.#files.scan(this.#folder)) {
        if (!name.endsWith('.md') || name === 'README.md') continue;
        const before = this.#entries.get(name);
        if (before?.version === version) {
          entries.set(name, before);
          continue;
        }
        try {
          entries.set(name, {
            version,
            prompt: parsePrompt(name.slice(0, -3), path, await this.#textOf(path), this.#kinds),
          });
        } catch (error) {
          const problem = (error as Error).message;
          problems.push(problem);
          entries.set(name, { version, prompt: before?.prompt });
          this.#log.error(
            { file: name, problem, kept: before?.prompt !== undefined },
            'a prompt is wrong; its last good state is kept, if there was one',
          );
        }
      }
      this.#entries = entries;
    } catch (error) {
      this.#log.error({ err: error }, 'the folder of prompts cannot be read; the prompts stay as they were');
      problems.push(`${this.#folder}: ${(error as Error).message}`);
    }
    return problems;
  }

  /** A prompt's text. Rejects with CONFIG_INVALID, which names the file, as all that is wrong in its text does. */
  async #textOf(path: string): Promise<string> {
    try {
      return await this.#files.read(path);
    } catch (error) {
      throw new BridgeError('CONFIG_INVALID', `${path}: ${errorMessage(error)}`, { cause: error });
    }
  }
}
