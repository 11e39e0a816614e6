import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Clock } from '../call/clock.ts';
import type { AgentLeg } from '../call/leg.ts';
import type { Ticker } from '../call/ticker.ts';
import type { Check } from '../doctor/check.ts';
import type { AudioForm } from '../media/form.ts';
import type { AgentLabels } from '../metrics/labels.ts';
import type { SettingShape } from '../settings.ts';
import type { ToolDefinition } from '../tools/loaded.ts';
import type { IceServer } from '../transport/peer.ts';
import type { Dialler } from './common/dial.ts';
import type { ProviderReport } from './common/report.ts';

export type { DialledLine, Dialler, DialOrder } from './common/dial.ts';

/**
 * A kind of agent: one object in one folder, `agents/<name>/kind.ts`, and one line in the table of `agents/index.ts`. Everything that is its own is said
 * here: settings, what prompts and routes may give it, how a leg of it is made, whether its far end can be reached, what the doctor looks at. Whatever
 * else has to do with agents asks these objects and switches on no name.
 */

/** Its share of the daemon's settings, in the groups of the documents. Names are its own; each setting is optional or has a default. */
export interface AgentShares {
  /** Who answers, where it is, how it listens and speaks. */
  readonly session: SettingShape;
  /** How long a caller waits for an answer. */
  readonly answers: SettingShape;
  /** Which transport it has. */
  readonly transport: SettingShape;
  /** What is particular to WebRTC. */
  readonly webrtc: SettingShape;
}

/** Settings of the daemon's own that every kind may read. */
export interface SharedSettings {
  readonly ICE_SERVERS: readonly IceServer[];
  readonly RTC_PORT_RANGE?: { readonly min: number; readonly max: number } | undefined;
  /** A LiveKit server, where one is named. */
  readonly LIVEKIT_SERVER_URL?: string | undefined;
  readonly LIVEKIT_API_KEY?: string | undefined;
  readonly LIVEKIT_API_SECRET?: string | undefined;
}

/** The values of a shape. One without keys says nothing, and so forbids nothing where it is joined to others. */
type InferOf<Shape extends SettingShape> = keyof Shape extends never ? unknown : z.infer<z.ZodObject<Shape>>;

/** What the settings say of a kind with these shares. */
export type SettingsOf<Shares extends AgentShares> = Readonly<
  InferOf<Shares['session']> & InferOf<Shares['answers']> & InferOf<Shares['transport']> & InferOf<Shares['webrtc']>
>;

/** What prompts and routes may say of agents of a kind. Keys of the common ones (`prompts/settings.ts`, `routing/load.ts`) are taken. */
export interface AgentOptions<
  Prompt extends SettingShape = SettingShape,
  Route extends SettingShape = SettingShape,
  Target extends SettingShape = SettingShape,
> {
  /**
   * Keys that may stand beside `kind` where an agent is written as an object: which agent of this kind is meant (`agents/target.ts`). One that is not
   * optional makes the kind's name alone too little. Left out: there are none. They reach `create` with the keys of prompt and route, which stand over them.
   */
  readonly target?: Target;
  /**
   * Whoever writes an agent of this kind says where this machine connects to, the network behind it included, and which of the secrets that may be named go
   * there. That is for those who also write the files of agents: an order or a draft with one needs an admin.
   */
  readonly saysAddress?: true;
  /** What one key of them alone cannot tell: contradictions. */
  checkTarget?(options: OptionsOf<Target, object>, context: z.core.$RefinementCtx): void;
  /** Keys of a prompt's front matter. */
  readonly prompt: Prompt;
  /** Keys of a route; they stand over a prompt's. */
  readonly route: Route;
  /** Keys of groups in the front matter, for hints at what was meant. */
  readonly groups?: readonly string[];
  /** What one key alone cannot tell: contradictions. */
  check?(options: PromptedOptions<Prompt, Target>, context: z.core.$RefinementCtx): void;
  /** Keys of the front matter whose texts may hold variables, those within them included: "greeting", "stored.values". */
  readonly templates?: readonly string[];
  /** Whether a prompt with these options may be without words, and a route without a prompt. */
  mayBeWordless?(options: PromptedOptions<Prompt, Target>): boolean;
}

type OptionsOf<Prompt extends SettingShape, Route> = Readonly<
  InferOf<Prompt> & (Route extends SettingShape ? InferOf<Route> : unknown)
>;
/** What a prompt says, with or without an agent as an object. */
type PromptedOptions<Prompt extends SettingShape, Target extends SettingShape> = Readonly<
  InferOf<Prompt> & Partial<InferOf<Target>>
>;

/** What an agent is made for one call of. */
export interface AgentOrder<Options = Readonly<Record<string, unknown>>> {
  /** The prompt's words for this call, or those that stand in their place; empty where there are none. */
  readonly instructions: string;
  /** The options of prompt and route, variables filled in, checked by `AgentKind.options`. */
  readonly options: Options;
  /** What whoever placed the call wants for a voice. A kind without voices does without. */
  readonly voice: string | undefined;
  /** How varied whoever placed the call wants its words: 0 to 2, as models count it. A kind that takes none says so in `ignored`. */
  readonly temperature?: number | undefined;
  /** The language that whoever placed the call wants to be spoken and written down, BCP 47. A kind that cannot be told says so in `ignored`. */
  readonly language?: string | undefined;
  /** Tools that the agent may call. A kind that can call none gets them all the same. */
  readonly tools: readonly ToolDefinition[];
  readonly form: AudioForm;
}

/** What an order may ask for and a model may not take. */
export type Wish = 'voice' | 'temperature' | 'language';

/** An agent for one call. */
export interface MadeAgent {
  readonly leg: AgentLeg;
  /** What was asked for and is of no effect; left out: nothing. */
  readonly ignored?: readonly Wish[];
  /** The model's name: what its record, its prices and the circuit that spares a refusing model go by. */
  readonly model: string;
  /**
   * Asks the provider what it has of the call, after its end; it may take the provider some seconds to know. Undefined where there was no call. Rejects with
   * the coded error of what went wrong. Left out: its provider tells nothing.
   */
  report?(): Promise<ProviderReport | undefined>;
}

/** A kind as the settings have it, for as long as the daemon runs: a plain object. */
export interface OpenedAgent<Options = Readonly<Record<string, unknown>>> {
  /** The model that answers where no prompt says another. */
  readonly model: string;
  /** Who answers, in one sentence for whoever starts the daemon. */
  readonly about: string;
  /** A stand-in answers in place of a model: for trying things out, at no cost. Its `model` is SIMULATED_MODEL. */
  readonly simulated?: boolean;
  /** The model that writes down what callers say, where no prompt names another; null: none does. Left out: that is the far end's own matter. */
  readonly transcription?: string | null;
  /** Voices that are known by name; others may be taken, too. Left out: its agents have voices of their own. */
  readonly voices?: readonly string[];
  /** What turns it on where none does, a sentence for operators. */
  readonly transcriptionCure?: string;
  /** The model that an agent with these options will have, without making one; left out: `model`, whatever they are. */
  modelOf?(options: Options): string;
  /** Makes an agent for one call; nothing is connected before it is started. Throws CONFIG_INVALID for what cannot work. */
  create(order: AgentOrder<Options>): MadeAgent;
  /** Whether its far end can be reached: resolves when it can, within a time limit of its own. Left out: there is none to reach. */
  probe?(): Promise<void>;
  /**
   * Why the far end takes nobody with the credentials that are set, in words without any secret; undefined: it does, or that cannot be told. Left out: there
   * is nobody to ask.
   */
  refusal?(): Promise<string | undefined>;
  /** After the last call. Must not reject. */
  close(): Promise<void>;
}

/** A kind that is open, and what was opened. */
export interface AgentInUse {
  readonly kind: AgentKind;
  readonly agent: OpenedAgent;
}

/** The kinds of a table, opened as they are needed. */
export interface Agents {
  /** All that there are, open or not. */
  readonly kinds: readonly AgentKind[];
  /** Those that are open, in the order in which they came to be. */
  readonly opened: readonly OpenedAgent[];
  /** Tells of each kind that is open, and of each that is opened later, in the order in which they came to be. `told` must not throw. */
  watch(told: (one: AgentInUse) => void): void;
  /** Whether calls of this model are billed. One that nobody knows is taken to be. */
  isBilled(model: string): boolean;
  /** The kind of this name, open. Rejects with CONFIG_INVALID where there is none, or where its settings cannot work. */
  get(name: string): Promise<OpenedAgent>;
  /** Closes all that were opened. Never rejects. */
  close(): Promise<void>;
}

export interface AgentDeps {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Logger;
  /** A variable of the environment that is no setting: what operators may name where a secret of theirs belongs. Left out: there is none. */
  readonly env?: (name: string) => string | undefined;
  /** Who calls people by telephone; left out: nobody does. */
  readonly dialler?: Dialler;
}

/** What the doctor's checks of a kind are made with. */
export interface AgentCheckDeps {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** As `fetch`, for what is not on this machine: the time that it answers with is compared with ours. */
  readonly outside: typeof fetch;
  /** What was found of the machine; to be read when a check runs. */
  readonly machine: { readonly mediaPorts: boolean; readonly webrtc: boolean };
}

export interface AgentChecks {
  /** One after the other: each may need what one before it found. */
  readonly checks: readonly Check[];
  /** Frees what they opened. Must not reject. */
  close(): Promise<void>;
}

/** What agents of a prompt are told. */
export interface ReviewedPrompt {
  readonly instructions: string;
  /** Tools that they get. */
  readonly tools: readonly ToolDefinition[];
  /** Whether the prompt names its tools. One that says nothing of tools gets all that there are, also of a kind that calls none. */
  readonly namesTools: boolean;
}

/** What is too long, or otherwise wrong, in what agents of a kind are told. One line each. */
export interface Review {
  /** What no agent of the kind takes. */
  readonly problems: readonly string[];
  /** What some do not take, or what costs something. */
  readonly warnings: readonly string[];
}

/** A kind of agent as it describes itself, with the types of its own settings and options. */
export interface AgentDefinition<
  Shares extends AgentShares,
  Prompt extends SettingShape,
  Route extends SettingShape,
  Target extends SettingShape,
> {
  /** In lower case: what prompts and routes choose it by. Its legs have it as `kind`. */
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  readonly settings: Shares;
  /** Names of its own on metrics' labels; any other, and all where this is left out, count as `none` or `other`. */
  readonly labels?: AgentLabels;
  /** Whoever answers is brought to this daemon from outside, to where its settings say that it is. Left out: this daemon goes to him. */
  readonly comesIn?: true;
  /** False: it needs no STUN or TURN server. Left out: it may. */
  readonly needsIceServers?: false;
  /**
   * By what its models are billed: tokens, which its legs then tell with every answer (`response_done`), or minutes of talk. How much they cost is for the
   * operator to say, in PRICES_FILE. Left out: by nothing, and nobody is told that a price is missing.
   */
  readonly bills?: 'tokens' | 'minutes';
  readonly options: AgentOptions<Prompt, Route, Target>;
  /** What of its settings contradicts itself, a sentence each that begins with the setting's name. */
  problems?(settings: SettingsOf<Shares>): string[];
  /** Those of its settings that no text may carry out of the process. */
  secrets?(settings: SettingsOf<Shares>): ReadonlyArray<string | undefined>;
  /** Looks at what agents of a prompt are told. Pure. */
  review?(prompt: ReviewedPrompt): Review;
  /** Looks at tools by themselves; one warning a line. Pure. */
  reviewTools?(tools: readonly ToolDefinition[]): string[];
  /** Opens it. Rejects with CONFIG_INVALID where the settings cannot work. */
  open(
    settings: SettingsOf<Shares> & SharedSettings,
    deps: AgentDeps,
  ): Promise<OpenedAgent<OptionsOf<Prompt, Route> & OptionsOf<Target, object>>>;
  /** What the doctor looks at; it stands in for the daemon, and nothing of the kind is open. */
  checks?(settings: SettingsOf<Shares> & SharedSettings, deps: AgentCheckDeps): Promise<AgentChecks>;
}

/** All settings, of whatever kinds. */
type AllSettings = SharedSettings & Readonly<Record<string, unknown>>;

/** A kind of agent as the daemon has it: a constant, made with `defineAgent`. Whoever asks it gives it all settings, and options that `options` has checked. */
export interface AgentKind<Shares extends AgentShares = AgentShares>
  extends Pick<
    AgentDefinition<AgentShares, SettingShape, SettingShape, SettingShape>,
    'name' | 'title' | 'labels' | 'comesIn' | 'needsIceServers' | 'bills' | 'review' | 'reviewTools'
  > {
  readonly settings: Shares;
  readonly options: AgentOptions;
  problems?(settings: AllSettings): string[];
  secrets?(settings: AllSettings): ReadonlyArray<string | undefined>;
  open(settings: AllSettings, deps: AgentDeps): Promise<OpenedAgent>;
  checks?(settings: AllSettings, deps: AgentCheckDeps): Promise<AgentChecks>;
}

/** Makes a kind of agent, which sees its own settings and options with their types. */
export function defineAgent<
  const Shares extends AgentShares,
  const Prompt extends SettingShape,
  const Route extends SettingShape,
  const Target extends SettingShape = Record<never, never>,
>(kind: AgentDefinition<Shares, Prompt, Route, Target>): AgentKind<Shares> {
  // The one place where types are taken on trust: what a kind is given was read by its own shapes.
  return kind as unknown as AgentKind<Shares>;
}
