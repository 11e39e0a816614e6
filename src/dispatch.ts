import { join } from 'node:path';
import type { AgentKind, Agents, OpenedAgent, Wish } from './agents/kind.ts';
import { loadApology } from './apology.ts';
import { type Clock, delay } from './call/clock.ts';
import type { AgentLeg, Log } from './call/leg.ts';
import { memoryKey, type Party, partyText, WITHHELD } from './call/party.ts';
import type { CallHooks, ToolsFactory } from './call/tools.ts';
import type { Spoken } from './callers/phone/carriers/webhook.ts';
import type { IncomingCall } from './callers/phone/http/incoming-call.ts';
import { type Config, environment } from './config.ts';
import type { AudioForm } from './media/form.ts';
import type { PcmFrame } from './media/frame.ts';
import { HourLimit } from './memory/hour-limit.ts';
import type { ProcessMemory } from './memory/memory.ts';
import { PromptLibrary } from './prompts/library.ts';
import type { Prompt } from './prompts/prompt.ts';
import type { PromptOptions } from './prompts/settings.ts';
import { loadRoutes } from './routing/load.ts';
import { type Routed, resolve } from './routing/routes.ts';
import { isOff } from './spoken.ts';
import { openStore } from './stores/store.ts';
import { toolCaller } from './tools/caller.ts';
import { guardedControl } from './tools/guarded-control.ts';
import type { ToolSet } from './tools/loaded.ts';
import { createCallTools } from './tools/runner.ts';
import type { ToolCaller } from './tools/tool.ts';
import { openToolkit } from './tools/toolkit.ts';

/** Who is to be answered: what the choice goes by. A carrier's webhook has it, and a page's request. */
export interface CallFacts extends Pick<IncomingCall, 'from' | 'direction'> {
  readonly carrier: string;
  /** Undefined where nothing was dialled: a web page's call. */
  readonly to: Party | undefined;
}

/** What whoever places a call chooses over the route and the prompt. */
export interface Overrides {
  /** Name of the prompt; one that there is. */
  readonly prompt?: string | undefined;
  /** Values for the prompt's own variables. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly voice?: string | undefined;
  /** 0 to 2. */
  readonly temperature?: number | undefined;
  /** In place of the prompt's words; its settings and tools stay. */
  readonly instructions?: string | undefined;
}

/** Who answers a call. */
export interface Assignment {
  readonly agent: AgentLeg;
  readonly tools: ToolsFactory;
  /** Names, for the log. */
  readonly route: string;
  readonly prompt: string;
  /** The model's name: the prompt's own, or the daemon's. */
  readonly model: string;
  /** What was asked for over route and prompt and is of no effect with this agent; left out: nothing. */
  readonly ignored?: readonly Wish[] | undefined;
  /** Longest call, longest silence and how often the agent asks then, ms; undefined: the daemon's own. */
  readonly maxMs: number | undefined;
  readonly silenceMs: number | undefined;
  readonly silenceAsks: number | undefined;
  /** False: the prompt forbids to record. */
  readonly recording: false | undefined;
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
  /** The model that would answer such a call now, without making anything. `prompt`: the one that whoever orders the call wants in place of the route's. */
  modelFor(facts: Pick<CallFacts, 'from' | 'to' | 'direction'>, prompt?: string): Promise<string>;
  /** Whether there is a prompt of this name now. */
  hasPrompt(name: string): Promise<boolean>;
  /** What this caller is told where no agent can: by the route that fits, else as the settings say. */
  words(facts: Pick<CallFacts, 'from' | 'to' | 'direction'>): CallerWords;
  /** Who answers where nothing else is said: the kind of agent of the route that takes every call. */
  readonly standard: OpenedAgent;
  /** Counts transfers of callers to others, by agents and by operators. */
  readonly transfers: HourLimit;
  close(): Promise<void>;
  /** Whether there is a tool of this name now. */
  knowsTool(name: string): boolean;
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
  const routes = await loadRoutes(config.ROUTES_FILE, {
    agents: kinds,
    hasPrompt: (name) => prompts.get(name) !== undefined,
    agentOf: (name) => prompts.agentOf(name),
    hasTool: (name) => toolkit.registry.knows(name),
    timezone: config.BUSINESS_TIMEZONE,
  });
  // Whoever is named is there from the start, or the start says why not. Nobody else is opened.
  const standard = await agents.get(routes.routes.at(-1)!.agent.kind);
  const named = [...prompts.all().map(({ agent }) => agent), ...routes.routes.map(({ agent }) => agent.kind)];
  for (const kind of new Set(named)) await agents.get(kind);
  const store = await openStore({
    path: join(config.DATA_DIR, 'voicebridge.db'),
    zone: config.BUSINESS_TIMEZONE,
    knowledge: config.KNOWLEDGE_DIR,
    example: config.EXAMPLE_BUSINESS,
    onFailure: (err) => log.error({ err }, 'the store failed; it is opened again at the next question'),
    onNotice: (problem) => log.error({ problem }, 'a file of knowledge is wrong; what was read of it before stays'),
  });
  const apologies = new Map<string, PcmFrame>();
  for (const { say } of routes.routes)
    if (say?.apology !== undefined) apologies.set(say.apology, loadApology(say.apology));
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

  /** The route of a call, and who is meant by it. */
  const route = ({ from, to, direction }: Pick<CallFacts, 'from' | 'to' | 'direction'>) => {
    // Who is called has taken the caller's place: routes and tools mean him by "from", and our own number by "to".
    const [person, ours] = direction === 'outbound' ? [to ?? WITHHELD, from] : [from, to];
    return { person, ours, routed: resolve(routes, { to: ours, from: person, now: clock.wall() }) };
  };

  /** The prompt of a call, and the kind of agent, open. */
  const answering = async (routed: Routed, ordered: string | undefined) => {
    await prompts.refresh();
    const name = ordered ?? routed.prompt;
    const prompt = prompts.get(name);
    if (prompt === undefined) throw new Error(`the prompt ${name} is gone`);
    const { kind, options } = agentFor(routed, prompt, ordered);
    /** What prompt and route say together. */
    const joined = (own: PromptOptions) => ({ ...(kind === prompt.agent ? own : {}), ...options });
    return { prompt, joined, opened: await agents.get(kind) };
  };

  const words: Dispatch['words'] = (facts) => {
    const { say = {} } = route(facts).routed;
    const { language = config.SAY_LANGUAGE, voice = config.SAY_VOICE } = say;
    const { fallback = config.FALLBACK_SAY, busy = config.BUSY_SAY } = say;
    const spoken = (text: string): Spoken => ({ text, language, voice });
    return { fallback: spoken(fallback), busy: isOff(busy) ? undefined : spoken(busy) };
  };

  return {
    standard,
    transfers,
    words,
    async modelFor(facts, ordered) {
      const { prompt, joined, opened } = await answering(route(facts).routed, ordered);
      return opened.modelOf?.(joined(prompt.options)) ?? opened.model;
    },
    async hasPrompt(name) {
      await prompts.refresh();
      return prompts.get(name) !== undefined;
    },
    async assign(incoming, callId, overrides = {}) {
      const { from, to } = incoming;
      const { person, ours, routed } = route(incoming);
      const { prompt, joined, opened } = await answering(routed, overrides.prompt);
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
      const { leg, model, ignored } = opened.create({
        instructions: overrides.instructions ?? instructions,
        options: joined(options),
        voice: overrides.voice,
        temperature: overrides.temperature,
        tools: set.definitions(),
        form: deps.formOf?.(incoming.carrier) ?? 'pcm16',
      });
      const { maxMinutes, silenceSeconds, silencePrompts } = prompt.settings.limits ?? {};
      return {
        agent: leg,
        tools: (hooks) => toolsOf(hooks, prompt, set, callId, toolCaller(person, ours), incoming.direction),
        route: routed.route,
        prompt: prompt.name,
        model,
        ignored,
        maxMs: maxMinutes === undefined ? undefined : maxMinutes * 60_000,
        silenceMs: silenceSeconds === undefined ? undefined : silenceSeconds * 1000,
        silenceAsks: silencePrompts,
        recording: prompt.settings.recording,
        apology: apologies.get(routed.say?.apology ?? ''),
      };
    },
    knowsTool: (name) => toolkit.registry.knows(name),
    async close() {
      await toolkit.close();
      await store.close();
    },
  };

  function toolsOf(
    hooks: CallHooks,
    prompt: Prompt,
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

/** What a prompt may say of one end of a call. A page's conversation, or the id of a WhatsApp user, is nothing that one could tell a caller. */
function shown(party: Party): string | undefined {
  return party.kind === 'identity' && (party.scheme === 'page' || party.scheme === 'whatsapp')
    ? undefined
    : partyText(party);
}

/** Which kind of agent answers, and what the route says of it. `ordered`: the prompt that whoever placed the call wants in place of the route's. */
function agentFor(
  routed: Routed,
  prompt: Prompt,
  ordered: string | undefined,
): Pick<Routed['agent'], 'kind' | 'options'> {
  const { chosen, kind: known, options } = routed.agent;
  const kind = ordered === undefined || ordered === routed.prompt ? (chosen ?? prompt.agent) : prompt.agent;
  // A prompt may have become another kind's since the routes were read.
  return { kind, options: kind === known ? options : {} };
}
