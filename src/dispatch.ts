import { join } from 'node:path';
import type { AgentKind, Agents, MadeAgent, OpenedAgent, Wish } from './agents/kind.ts';
import { type ParsedTarget, parseTarget, saysAddress, type Target } from './agents/target.ts';
import { loadApology } from './apology.ts';
import { type Clock, delay } from './call/clock.ts';
import type { AgentLeg, Log } from './call/leg.ts';
import { memoryKey, type Party, partyText, WITHHELD } from './call/party.ts';
import type { Said } from './call/said.ts';
import type { CallHooks, ToolsFactory } from './call/tools.ts';
import type { Spoken } from './callers/phone/carriers/webhook.ts';
import type { IncomingCall } from './callers/phone/http/incoming-call.ts';
import { type Config, environment } from './config.ts';
import { errorMessage } from './errors.ts';
import { versionOf } from './folder.ts';
import type { AudioForm } from './media/form.ts';
import type { PcmFrame } from './media/frame.ts';
import { HourLimit } from './memory/hour-limit.ts';
import type { ProcessMemory } from './memory/memory.ts';
import type { Wanted as WantedAfter } from './prompts/after-call.ts';
import { PromptLibrary } from './prompts/library.ts';
import { type Prompt, withoutWords } from './prompts/prompt.ts';
import type { PromptOptions } from './prompts/settings.ts';
import { RouteBook } from './routing/book.ts';
import { type Considered, explain, type Routed, type Routes, resolve } from './routing/routes.ts';
import { isOff } from './spoken.ts';
import { openStore } from './stores/store.ts';
import { toolCaller } from './tools/caller.ts';
import { guardedControl } from './tools/guarded-control.ts';
import type { ToolSet } from './tools/loaded.ts';
import type { ToolRegistry } from './tools/registry.ts';
import { createCallTools } from './tools/runner.ts';
import type { ToolCaller } from './tools/tool.ts';
import { openToolkit } from './tools/toolkit.ts';
import { Drafts } from './workbench/drafts.ts';

/** Who is to be answered: what the choice goes by. A carrier's webhook has it, and a page's request. */
export interface CallFacts extends Pick<IncomingCall, 'from' | 'direction'> {
  readonly carrier: string;
  /** Undefined where nothing was dialled: a web page's call. */
  readonly to: Party | undefined;
  /** The account at the carrier, where it told one. */
  readonly accountId?: string | undefined;
}

/** What whoever places a call chooses over the route and the prompt. */
export interface Overrides {
  /** Name of the prompt; one that there is. */
  readonly prompt?: string | undefined;
  /** The agent that answers, of a kind that there is; what is said of it stands over what route and prompt say. */
  readonly agent?: Target | undefined;
  /** Values for the prompt's own variables. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly voice?: string | undefined;
  /** 0 to 2. */
  readonly temperature?: number | undefined;
  /** Spoken and written down, BCP 47. */
  readonly language?: string | undefined;
  /** In place of the prompt's words; its settings and tools stay. */
  readonly instructions?: string | undefined;
  /** The call that this one goes on from: its instance is gone, or has let go of it. */
  readonly before?: CallBefore | undefined;
}

/** Who whoever orders a call wants it to be answered by. */
export type Wanted = Pick<Overrides, 'prompt' | 'agent'>;

/** A call that another instance had, as far as the next one has to know it. */
export interface CallBefore {
  /** Our id of it: another one, unless it was taken on. */
  readonly callId: string;
  /** How many instances have had it, this one not among them. */
  readonly lives: number;
  readonly said: readonly Said[];
}

/** Who answers a call. */
export interface Assignment {
  readonly agent: AgentLeg;
  readonly tools: ToolsFactory;
  /** Names, for the log. */
  readonly route: string;
  /** Undefined: there is none, since the agent needs no words. */
  readonly prompt: string | undefined;
  /** The model's name: the prompt's own, or the daemon's. */
  readonly model: string;
  /** What was asked for over route and prompt and is of no effect with this agent; left out: nothing. */
  readonly ignored?: readonly Wish[] | undefined;
  /** As `MadeAgent.report`. */
  readonly report?: MadeAgent['report'] | undefined;
  /** Longest call, longest silence and how often the agent asks then, ms; undefined: the daemon's own. */
  readonly maxMs: number | undefined;
  readonly silenceMs: number | undefined;
  readonly silenceAsks: number | undefined;
  /** False: the prompt forbids to record. */
  readonly recording: false | undefined;
  /** The prompt wants something to be made of the call once it is over. */
  readonly afterCall?: true | undefined;
  /** Played to the caller when the agent is lost; undefined: what all hear. */
  readonly apology?: PcmFrame | undefined;
}

/** What a caller is told by the carrier's voice. */
export interface CallerWords {
  /** Said when the call had to be given up. */
  readonly fallback: Spoken;
  /** Said when no more calls are taken; undefined: the network's busy signal. */
  readonly busy: Spoken | undefined;
}

/** Decides who answers: dialled number, caller and time choose a prompt, its kind of agent, its voice and its tools. */
export interface Dispatch {
  assign(incoming: CallFacts, callId: string, overrides?: Overrides): Promise<Assignment>;
  /** The model that would answer such a call now, without making anything. `wanted`: what whoever orders the call wants in place of the route's. */
  modelFor(facts: Pick<CallFacts, 'from' | 'to' | 'direction'>, wanted?: Wanted): Promise<string>;
  /** Reads who whoever orders a call wants for an agent, as routes and prompts write one, and opens the kind. Never rejects. */
  readAgent(raw: unknown): Promise<ParsedTarget>;
  /** Whether an agent that is written so, or the one of a kind of this name, is told by its address: see `AgentOptions.saysAddress`. */
  saysAddress(raw: unknown): boolean;
  /** Whether there is a prompt of this name now. */
  hasPrompt(name: string): Promise<boolean>;
  /** What is wanted of calls that this prompt answers, once they are over; undefined: nothing. */
  afterCall(prompt: string): WantedAfter | undefined;
  /** The names of all prompts there are now. */
  promptNames(): Promise<readonly string[]>;
  /** What this caller is told where no agent can: by the route that fits, else as the settings say. */
  words(facts: Pick<CallFacts, 'from' | 'to' | 'direction'>): CallerWords;
  /** Who answers where nothing else is said: the kind of agent of the route that takes every call, as the routes are now. */
  readonly standard: OpenedAgent;
  /** Counts transfers of callers to others, by agents and by operators. */
  readonly transfers: HourLimit;
  close(): Promise<void>;
  /** Whether there is a tool of this name now. */
  knowsTool(name: string): boolean;
  /** Who would answer such a call at that moment (epoch ms), and which routes were looked at before. Makes nothing. */
  explain(facts: Pick<CallFacts, 'from' | 'to' | 'direction'>, now: number): Promise<Explained>;
  /** What it chooses among, for whoever shows or tries it. */
  readonly inside: DispatchInside;
}

/** Who would answer, and why. */
export interface Explained {
  readonly considered: readonly Considered[];
  readonly prompt: string | undefined;
  /** The kind of agent. */
  readonly agent: string;
  readonly model: string;
  /** What its tools are called. */
  readonly tools: readonly string[];
}

export interface DispatchInside {
  /** As of the last look. */
  readonly routes: Routes;
  readonly prompts: PromptLibrary;
  readonly drafts: Drafts;
  readonly tools: ToolRegistry;
  /** Reads again what changed of all these. Never rejects. */
  refresh(): Promise<void>;
}

export interface DispatchDeps {
  readonly config: Config;
  /** The kinds of agents that prompts and routes choose among, and the same opened. */
  readonly kinds: readonly AgentKind[];
  readonly agents: Agents;
  /** Where the hour's transfers are counted. */
  readonly memory: ProcessMemory;
  /** The form of audio in which an agent meets the callers of this carrier; wideband without an answer. */
  readonly formOf?: (carrier: string) => AudioForm | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long the caller's record may take: the webhook's answer waits for it, ms. */
const RECORD_MS = 300;

/** Opens prompts, routes, tools and the store. Rejects with the coded error of whatever is wrong in them. */
export async function openDispatch(deps: DispatchDeps): Promise<Dispatch> {
  const { config, kinds, agents, clock, log } = deps;
  const toolkit = await openToolkit(config, { clock, log, env: environment });
  const prompts = await PromptLibrary.open(config.PROMPTS_DIR, log, kinds);
  const drafts = new Drafts(deps.memory, kinds);
  /** Recordings of routes, as they were decoded: those that stay as they are need not be, when routes are saved. */
  let recordings = new Map<string, { readonly version: string; readonly frame: PcmFrame }>();
  const recordingOf = async (path: string) => {
    const version = await versionOf(path);
    const kept = recordings.get(path);
    return [path, kept?.version === version ? kept : { version, frame: loadApology(path) }] as const;
  };
  const book = await RouteBook.open({
    path: config.ROUTES_FILE,
    targets: {
      agents: kinds,
      hasPrompt: (name) => prompts.get(name) !== undefined,
      agentOf: (name) => prompts.agentOf(name),
      hasTool: (name) => toolkit.registry.knows(name),
      timezone: config.BUSINESS_TIMEZONE,
    },
    before: () => Promise.all([prompts.refresh(), toolkit.registry.refresh()]),
    // Whoever is named is there from the start, or the start says why not. Nobody else is opened.
    async open({ routes }) {
      const standard = await agents.get(routes.at(-1)!.agent.kind);
      for (const kind of new Set(routes.map(({ agent }) => agent.kind))) await agents.get(kind);
      const said = new Set(routes.flatMap(({ say }) => say?.apology ?? []));
      recordings = new Map(await Promise.all([...said].map(recordingOf)));
      const apologies = new Map([...recordings].map(([path, { frame }]) => [path, frame]));
      return { standard, apologies };
    },
    now: () => clock.now(),
    log,
  });
  for (const kind of new Set(prompts.all().map(({ agent }) => agent))) await agents.get(kind);
  const store = await openStore({
    path: join(config.DATA_DIR, 'voicebridge.db'),
    zone: config.BUSINESS_TIMEZONE,
    knowledge: config.KNOWLEDGE_DIR,
    example: config.EXAMPLE_BUSINESS,
    onFailure: (err) => log.error({ err }, 'the store failed; it is opened again at the next question'),
    onNotice: (problem) => log.error({ problem }, 'a file of knowledge is wrong; what was read of it before stays'),
  });
  const transfers = new HourLimit(config.TRANSFERS_PER_HOUR, deps.memory, 'transfers-hour');
  const business = (await store.business.profile()) ?? undefined;

  /** What is known of the caller, when it comes in time: a slow store delays no answer. */
  const callerRecord = async (person: Party) => {
    const key = memoryKey(person);
    if (key === undefined) return undefined;
    const late = delay(clock, RECORD_MS).then(() => undefined);
    const failed = (err: unknown) => {
      log.warn({ err }, "the caller's record could not be read");
      return undefined;
    };
    // Questions are answered in their order: what is kept under his number is found by the one that follows.
    if (person.kind === 'number' && person.key !== undefined)
      void store.callers.link(person.key, person.number).catch(failed);
    const found = store.callers.find(key).catch(failed);
    return Promise.race([found, late]);
  };

  /** Prompts, tools and routes as their files are now: routes last, since they name the others. */
  const refresh = async () => {
    await Promise.all([prompts.refresh(), toolkit.registry.refresh()]);
    await book.refresh();
  };

  /** The route of a call, and who is meant by it. */
  const route = ({ from, to, direction }: Pick<CallFacts, 'from' | 'to' | 'direction'>, now = clock.wall()) => {
    // Who is called has taken the caller's place: routes and tools mean him by "from", and our own number by "to".
    const [person, ours] = direction === 'outbound' ? [to ?? WITHHELD, from] : [from, to];
    const arrival = { to: ours, from: person, now };
    return { person, ours, arrival, routed: resolve(book.now.routes, arrival) };
  };

  /** A prompt as its file is now, or a draft that can be called. */
  const promptOf = async (name: string) => {
    await prompts.refresh();
    return prompts.get(name) ?? drafts.get(name);
  };

  /** The prompt of a call, its name where it has one, and the kind of agent, open. */
  const answering = async (routed: Routed, wanted: Wanted) => {
    const name = wanted.prompt ?? routed.prompt;
    const prompt = name === undefined ? withoutWords(routed.agent.kind) : await promptOf(name);
    if (prompt === undefined) throw new Error(`the prompt ${name} is gone`);
    const { kind, options, target } = agentFor(routed, prompt.agent, wanted);
    // Of another agent nothing stays that was said of the one in its place.
    const replaced = target === undefined ? undefined : kinds.find((one) => one.name === kind)?.options.target;
    /** What prompt, route and whoever placed the call say together. */
    const joined = (own: PromptOptions) => ({
      ...(kind === prompt.agent ? omitting(own, replaced ?? {}) : {}),
      ...target,
      ...options,
    });
    return { name, prompt, joined, kind, opened: await agents.get(kind) };
  };

  const words: Dispatch['words'] = (facts) => {
    const { say = {} } = route(facts).routed;
    const { language = config.SAY_LANGUAGE, voice = config.SAY_VOICE } = say;
    const { fallback = config.FALLBACK_SAY, busy = config.BUSY_SAY } = say;
    const spoken = (text: string): Spoken => ({ text, language, voice });
    return { fallback: spoken(fallback), busy: isOff(busy) ? undefined : spoken(busy) };
  };

  return {
    get standard() {
      return book.now.opened.standard;
    },
    transfers,
    words,
    async modelFor(facts, wanted = {}) {
      await book.refresh();
      const { prompt, joined, opened } = await answering(route(facts).routed, wanted);
      return opened.modelOf?.(joined(prompt.options)) ?? opened.model;
    },
    async readAgent(raw) {
      const parsed = parseTarget(raw, kinds);
      if (!parsed.ok) return parsed;
      const { kind } = parsed.target;
      return agents.get(kind).then(
        () => parsed,
        (error: unknown) => ({ ok: false, kind, problems: [{ path: [], problem: errorMessage(error) }] }),
      );
    },
    saysAddress: (raw) => saysAddress(raw, kinds),
    async hasPrompt(name) {
      return (await promptOf(name)) !== undefined;
    },
    afterCall: (prompt) => prompts.get(prompt)?.settings.afterCall,
    async promptNames() {
      await prompts.refresh();
      return prompts.all().map(({ name }) => name);
    },
    async assign(incoming, callId, overrides = {}) {
      const { from, to } = incoming;
      await book.refresh();
      const { opened: forRoutes } = book.now;
      const { person, ours, routed } = route(incoming);
      const { name, prompt, joined, opened } = await answering(routed, overrides);
      const all = await toolkit.registry.forCall(prompt.settings.tools);
      const set = routed.tools === undefined ? all : all.pick(routed.tools);
      const facts = {
        from: shown(from),
        to: to && shown(to),
        direction: incoming.direction,
        now: clock.wall(),
        timezone: config.BUSINESS_TIMEZONE,
        caller: await callerRecord(person),
        business,
        custom: overrides.variables,
      };
      const { instructions, options } = prompt.render(facts);
      const { leg, model, ignored, report } = opened.create({
        instructions: overrides.instructions ?? instructions,
        options: joined(options),
        voice: overrides.voice,
        temperature: overrides.temperature,
        language: overrides.language,
        tools: set.definitions(),
        form: deps.formOf?.(incoming.carrier) ?? 'pcm16',
      });
      if (overrides.before !== undefined) leg.goOnFrom?.(overrides.before.said);
      const { maxMinutes, silenceSeconds, silencePrompts } = prompt.settings.limits ?? {};
      return {
        agent: leg,
        tools: (hooks) => toolsOf(hooks, prompt, set, callId, toolCaller(person, ours), incoming.direction),
        route: routed.route,
        prompt: name,
        model,
        ignored,
        report,
        maxMs: maxMinutes === undefined ? undefined : maxMinutes * 60_000,
        silenceMs: silenceSeconds === undefined ? undefined : silenceSeconds * 1000,
        silenceAsks: silencePrompts,
        recording: prompt.settings.recording,
        afterCall: prompt.settings.afterCall === undefined ? undefined : true,
        apology: forRoutes.apologies.get(routed.say?.apology ?? ''),
      };
    },
    knowsTool: (name) => toolkit.registry.knows(name),
    inside: {
      get routes() {
        return book.now.routes;
      },
      prompts,
      drafts,
      tools: toolkit.registry,
      refresh,
    },
    async explain(facts, now) {
      await book.refresh();
      const { arrival, routed } = route(facts, now);
      const { name, prompt, joined, kind, opened } = await answering(routed, {});
      const all = await toolkit.registry.forCall(prompt.settings.tools);
      return {
        considered: explain(book.now.routes, arrival),
        prompt: name,
        agent: kind,
        model: opened.modelOf?.(joined(prompt.options)) ?? opened.model,
        tools: (routed.tools === undefined ? all : all.pick(routed.tools)).names,
      };
    },
    async close() {
      await toolkit.close();
      await store.close();
    },
  };

  function toolsOf(
    hooks: CallHooks,
    prompt: Pick<Prompt, 'settings'>,
    set: ToolSet,
    callId: string,
    caller: ToolCaller,
    direction: CallFacts['direction'],
  ) {
    // A call of ours may show a number that is not answered by us.
    const called = direction === 'inbound' ? caller.to : undefined;
    const filler = prompt.settings.filler ?? config.TOOL_FILLER;
    return createCallTools({
      tools: set,
      callId,
      caller,
      timezone: config.BUSINESS_TIMEZONE,
      store,
      control: guardedControl(hooks.line, { allow: config.DIAL_ALLOW, deny: config.DIAL_DENY }, transfers, called),
      clock,
      log: log.child({ callId, part: 'tools' }),
      count: hooks.count,
      onEvent: hooks.tell,
      ...(filler === false || filler === 'off' ? {} : { filler: () => hooks.fill(filler) }),
      fillerMs: config.TOOL_FILLER_MS,
      perMinute: config.TOOLS_PER_MINUTE,
    });
  }
}

/** What a prompt may say of one end of a call. A page's conversation, the id of a WhatsApp user or somebody's identity in a room is nothing that one could tell a caller. */
function shown(party: Party): string | undefined {
  return party.kind === 'identity' &&
    (party.scheme === 'page' || party.scheme === 'whatsapp' || party.scheme === 'room')
    ? undefined
    : partyText(party);
}

/** Which kind of agent answers, and what route and order say of it. `prompted`: the kind of the prompt's agent. */
function agentFor(routed: Routed, prompted: string, wanted: Wanted): Omit<Routed['agent'], 'chosen'> {
  const { chosen, kind: known, options, target } = routed.agent;
  const isRoutes = wanted.prompt === undefined || wanted.prompt === routed.prompt;
  const kind = wanted.agent?.kind ?? (isRoutes ? (chosen ?? prompted) : prompted);
  // A prompt may have become another kind's since the routes were read.
  if (kind !== known) return { kind, options: {}, target: wanted.agent?.options };
  return { kind, options, target: wanted.agent?.options ?? (isRoutes ? target : undefined) };
}

function omitting(options: PromptOptions, keys: object): PromptOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !(key in keys)));
}
