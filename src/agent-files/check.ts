import { join } from 'node:path';
import { AGENTS } from '../agents/index.ts';
import type { AgentKind } from '../agents/kind.ts';
import { loadApology } from '../apology.ts';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import { scanFolder } from '../folder.ts';
import { filesOnDisk, type OperatorFiles, readOperatorFile } from '../operator-file.ts';
import { PromptLibrary } from '../prompts/library.ts';
import { loadRoutes } from '../routing/load.ts';
import { sectionsOf } from '../stores/knowledge.ts';
import { loadSuite, SELF, SUITE_NAME } from '../suites/load.ts';
import { Destinations } from '../tools/destinations.ts';
import type { EnvLookup } from '../tools/http-tool.ts';
import type { LoadedTool } from '../tools/loaded.ts';
import { loadMcpFile, type McpServerSettings } from '../tools/mcp-file.ts';
import { ToolRegistry } from '../tools/registry.ts';
import type { ToolSettings } from '../tools/settings.ts';

/** The files that make the agents, checked together: tools, prompts, routes, knowledge and recordings. */

/** Checks need no log: they tell what they find. */
const silent: Log = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
};

export interface Findings {
  /** One line each; empty when all is well. */
  readonly problems: readonly string[];
  /** What works and should be known, one line each. */
  readonly warnings: readonly string[];
  /** What was looked at, one line each. */
  readonly seen: readonly string[];
}

/** What is checked: files that settings name. */
export type CheckedSettings = ToolSettings & {
  readonly APOLOGY_FILE?: string | undefined;
  readonly SUITES_DIR?: string | undefined;
};

/** Checks everything these settings point to; `files`: prompts and routes as they would be. Reads files only: no server is asked, no database opened. */
export async function checkAll(
  settings: CheckedSettings,
  env: EnvLookup,
  agents: readonly AgentKind[] = AGENTS,
  files: OperatorFiles = filesOnDisk,
): Promise<Findings> {
  const problems: string[] = [];
  const warnings: string[] = [];
  const seen: string[] = [];

  let servers: McpServerSettings[] = [];
  try {
    servers = await loadMcpFile(settings.MCP_FILE, env);
    seen.push(`${servers.length} MCP servers`);
  } catch (error) {
    problems.push(`${settings.MCP_FILE}: ${errorMessage(error)}`);
  }

  const destinations = new Destinations({
    hosts: settings.HTTP_TOOL_HOSTS,
    privateHosts: settings.HTTP_TOOL_PRIVATE_HOSTS,
  });
  const prefixes = servers.filter(({ enabled }) => enabled).map(({ prefix }) => `${prefix}_`);
  const { registry, problems: toolProblems } = await ToolRegistry.inspect({
    folder: settings.TOOLS_DIR,
    log: silent,
    http: { destinations, env },
    others: { tools: (): LoadedTool[] => [], mayHave: (name) => prefixes.some((prefix) => name.startsWith(prefix)) },
  });
  for (const { file, problem } of toolProblems) problems.push(`${join(settings.TOOLS_DIR, file)}: ${problem}`);
  await destinations.close();
  seen.push(`${registry.all().length} tools`);
  const definitions = registry.snapshot().definitions();
  for (const kind of agents)
    warnings.push(...(kind.reviewTools?.(definitions) ?? []).map((line) => `${settings.TOOLS_DIR}: ${line}`));

  warnings.push(...(await unreadFiles(settings.PROMPTS_DIR, 'a prompt')));
  const { library, problems: promptProblems } = await PromptLibrary.inspect(
    settings.PROMPTS_DIR,
    silent,
    agents,
    files,
  );
  problems.push(...promptProblems.flatMap((problem) => problem.split('\n')));
  for (const prompt of library.all()) {
    const file = `${join(settings.PROMPTS_DIR, prompt.name)}.md`;
    for (const tool of prompt.settings.tools ?? [])
      if (!registry.knows(tool)) problems.push(`${file}: tools: there is no tool "${tool}"`);
    const { instructions } = prompt.render({ direction: 'inbound', now: 0, timezone: 'UTC' });
    const named = prompt.settings.tools;
    const tools = registry.snapshot(named).definitions();
    const review = agents
      .find(({ name }) => name === prompt.agent)
      ?.review?.({ instructions, tools, namesTools: named !== undefined });
    problems.push(...(review?.problems ?? []).map((line) => `${file}: ${line}`));
    warnings.push(...(review?.warnings ?? []).map((line) => `${file}: ${line}`));
  }
  seen.push(`${library.all().length} prompts`);

  try {
    const targets = {
      agents,
      hasPrompt: (name: string) => library.get(name) !== undefined,
      agentOf: (name: string) => library.agentOf(name),
      hasTool: (name: string) => registry.knows(name),
      timezone: settings.BUSINESS_TIMEZONE,
    };
    const routes = await loadRoutes(settings.ROUTES_FILE, targets, files);
    seen.push(`${routes.routes.length} routes`);
    for (const { say } of routes.routes) checkApology(say?.apology, problems);
  } catch (error) {
    problems.push(...errorMessage(error).split('\n'));
  }

  checkApology(settings.APOLOGY_FILE, problems);

  warnings.push(...(await unreadFiles(settings.KNOWLEDGE_DIR, 'knowledge')));
  const knowledge = await checkKnowledge(settings.KNOWLEDGE_DIR);
  problems.push(...knowledge.problems);
  seen.push(`${knowledge.sections} sections of knowledge`);

  if (settings.SUITES_DIR !== undefined) {
    const suites = await checkSuites(settings.SUITES_DIR, agents, (prompt) => library.get(prompt) !== undefined);
    problems.push(...suites.problems);
    seen.push(`${suites.seen} suites`);
  }
  return { problems, warnings, seen };
}

/** Files that were meant to be read, by their names, and never are: nothing else would say so. */
async function unreadFiles(folder: string, what: string): Promise<string[]> {
  const files = await scanFolder(folder);
  const unread = files.filter(({ name }) => !name.endsWith('.md') && /\.(md|md\.txt|markdown)$/i.test(name));
  return unread.map(({ path }) => `${path}: is not read: ${what} is a file whose name ends in .md`);
}

/** Whether a recording can be played to callers. */
function checkApology(file: string | undefined, problems: string[]): void {
  if (file === undefined) return;
  try {
    loadApology(file);
  } catch (error) {
    problems.push(errorMessage(error));
  }
}

/** The suites by which agents are tested, and whether what they name is there. */
async function checkSuites(
  folder: string,
  agents: readonly AgentKind[],
  hasPrompt: (name: string) => boolean,
): Promise<{ seen: number; problems: string[] }> {
  const problems: string[] = [];
  const files = (await scanFolder(folder)).filter(({ name }) => SUITE_NAME.test(name));
  for (const { path } of files) {
    try {
      const { cases } = await loadSuite(path, { agents });
      for (const { id, target } of cases) {
        const prompt = target.kind === SELF ? target.options['prompt'] : undefined;
        if (typeof prompt === 'string' && !hasPrompt(prompt))
          problems.push(`${path}: ${id}: target: there is no prompt "${prompt}"`);
      }
    } catch (error) {
      problems.push(...errorMessage(error).split('\n'));
    }
  }
  return { seen: files.length, problems };
}

async function checkKnowledge(folder: string): Promise<{ sections: number; problems: string[] }> {
  const problems: string[] = [];
  let sections = 0;
  for (const { name, path } of await scanFolder(folder)) {
    if (!name.endsWith('.md')) continue;
    try {
      const found = sectionsOf(await readOperatorFile(path), name).length;
      if (found === 0) problems.push(`${path}: holds nothing to be found`);
      sections += found;
    } catch (error) {
      problems.push(`${path}: ${errorMessage(error)}`);
    }
  }
  return { sections, problems };
}
