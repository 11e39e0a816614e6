import { pathToFileURL } from 'node:url';
import type { Log } from '../call/leg.ts';
import { type FoundFile, scanFolder } from '../folder.ts';
import { readOperatorFile } from '../operator-file.ts';
import { isToolError, ToolError } from './errors.ts';
import { type HttpToolDeps, loadHttpTool } from './http-tool.ts';
import { type LoadedTool, loadDefinition, matches, TOOL_NAME, ToolSet } from './loaded.ts';
import { isTool } from './tool.ts';

/**
 * All tools there are: the files of one folder, and what MCP servers bring. A changed file counts for calls that begin after it; a call
 * keeps the set it began with. A tool is trusted code: `touches` keeps it honest, it does not imprison it.
 */

/** Tools that come and go while the daemon runs. */
export interface ToolSource {
  tools(): readonly LoadedTool[];
  /** Whether a tool of this name may come from here, perhaps later. */
  mayHave(name: string): boolean;
}

export interface RegistryOptions {
  readonly folder: string;
  readonly log: Log;
  readonly http: HttpToolDeps;
  readonly others?: ToolSource;
}

interface Entry {
  readonly version: string;
  /** The last good state of the file. */
  readonly tool: LoadedTool | undefined;
}

/** One wrong file. */
export interface ToolProblem {
  readonly file: string;
  readonly problem: string;
}

export class ToolRegistry {
  readonly #options: RegistryOptions;
  #entries: ReadonlyMap<string, Entry> = new Map();
  #refreshing: Promise<readonly ToolProblem[]> | undefined;

  private constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Loads the folder. Rejects with TOOL_INVALID, one line per wrong file, when anything in it is wrong. */
  static async open(options: RegistryOptions): Promise<ToolRegistry> {
    const registry = new ToolRegistry(options);
    const problems = await registry.refresh();
    if (problems.length > 0) {
      const lines = problems.map(({ file, problem }) => `${file}: ${problem}`);
      throw new ToolError('TOOL_INVALID', `wrong tools:\n  ${lines.join('\n  ')}`);
    }
    return registry;
  }

  /** As `open`, but keeps what is good and tells what is not: for checks. */
  static async inspect(
    options: RegistryOptions,
  ): Promise<{ registry: ToolRegistry; problems: readonly ToolProblem[] }> {
    const registry = new ToolRegistry(options);
    return { registry, problems: await registry.refresh() };
  }

  /** Every tool, disabled ones too. */
  all(): LoadedTool[] {
    const own = [...this.#entries.values()].flatMap(({ tool }) => (tool === undefined ? [] : [tool]));
    const names = new Set(own.map(({ name }) => name));
    return [...own, ...(this.#options.others?.tools() ?? []).filter(({ name }) => !names.has(name))];
  }

  /** The tools as they are now, for one call: those among `names` (all when left out) that are enabled. */
  snapshot(names?: readonly string[]): ToolSet {
    return new ToolSet(this.all().filter(({ enabled }) => enabled)).pick(names);
  }

  /** Looks at the folder and gives the set for a call that begins now. A file that became bad is logged and its last good state kept. */
  async forCall(names?: readonly string[]): Promise<ToolSet> {
    await this.refresh();
    return this.snapshot(names);
  }

  /** Whether a name in a prompt's or route's list ("book_appointment", "crm_*") means something, now or when a server is up again. */
  knows(wanted: string): boolean {
    return (
      this.all().some(({ name }) => matches(wanted, name)) ||
      this.#options.others?.mayHave(wanted.replace(/\*$/, '')) === true
    );
  }

  /** Loads what changed since the last look; answers what is wrong in what was loaded. Never rejects. */
  refresh(): Promise<readonly ToolProblem[]> {
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #load(): Promise<readonly ToolProblem[]> {
    const problems: ToolProblem[] = [];
    let files: FoundFile[];
    try {
      files = await scanFolder(this.#options.folder);
    } catch (error) {
      this.#options.log.error({ err: error }, 'the folder of tools cannot be read; the tools stay as they were');
      return [{ file: this.#options.folder, problem: (error as Error).message }];
    }
    const entries = new Map<string, Entry>();
    const taken = new Map<string, string>();
    for (const file of files) {
      if (isIgnored(file.name)) continue;
      const before = this.#entries.get(file.name);
      if (before?.version === file.version) {
        entries.set(file.name, before);
        if (before.tool !== undefined) taken.set(before.tool.name, file.name);
        continue;
      }
      try {
        const name = nameOf(file.name);
        const other = taken.get(name);
        if (other !== undefined) throw new ToolError('TOOL_INVALID', `the name "${name}" is taken by ${other}`);
        const tool = await this.#loadFile(file, name);
        taken.set(name, file.name);
        entries.set(file.name, { version: file.version, tool });
        if (before !== undefined) this.#options.log.info({ file: file.name }, 'a tool was loaded anew');
      } catch (error) {
        const problem = isToolError(error) ? error.message : `cannot be loaded: ${(error as Error).message}`;
        problems.push({ file: file.name, problem });
        entries.set(file.name, { version: file.version, tool: before?.tool });
        if (before?.tool !== undefined) taken.set(before.tool.name, file.name);
        this.#options.log.error(
          { file: file.name, problem, kept: before?.tool !== undefined },
          'a tool file is wrong; its last good state is kept, if there was one',
        );
      }
    }
    for (const name of this.#entries.keys())
      if (!entries.has(name)) this.#options.log.info({ file: name }, 'a tool was removed');
    this.#entries = entries;
    return problems;
  }

  async #loadFile(file: FoundFile, name: string): Promise<LoadedTool> {
    const format = /\.http\.json$/.test(file.name) ? 'json' : /\.http\.ya?ml$/.test(file.name) ? 'yaml' : undefined;
    // Code is read as well, though Node loads it: what is no text is said so, instead of as a syntax error of a letter nobody sees.
    const text = await readOperatorFile(file.path);
    if (format !== undefined) return loadHttpTool(name, text, format, this.#options.http);
    // A module is loaded once per URL, so each version has its own. The old one stays in memory: changes are rare, modules small.
    const url = `${pathToFileURL(file.path).href}?version=${file.version}`;
    const module: { default?: unknown } = await import(/* @vite-ignore */ url);
    if (!isTool(module.default)) throw new ToolError('TOOL_INVALID', 'its default export is not a defineTool({...})');
    return loadDefinition(name, module.default);
  }
}

function isIgnored(name: string): boolean {
  return name.startsWith('_') || /(\.d\.ts|\.test\.ts|\.md)$/.test(name);
}

/** The tool's name by its file's. Throws TOOL_INVALID when the file is not one of a tool. */
function nameOf(file: string): string {
  const name = /^(.*?)(\.http\.(json|yaml|yml)|\.(ts|js|mjs))$/.exec(file)?.[1];
  if (name === undefined)
    throw new ToolError('TOOL_INVALID', 'is no tool: those are NAME.ts, NAME.http.json and NAME.http.yaml');
  if (!TOOL_NAME.test(name))
    throw new ToolError(
      'TOOL_INVALID',
      `"${name}" is no tool name: small letters, digits and _, beginning with a letter`,
    );
  return name;
}
