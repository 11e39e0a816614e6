import { connectProbe } from '../../admission/reach.ts';
import { BridgeError } from '../../errors.ts';
import type { Rooms } from '../../rooms/room.ts';
import {
  type AgentDeps,
  type AgentOrder,
  defineAgent,
  type MadeAgent,
  type OpenedAgent,
  type SharedSettings,
  type Wish,
} from '../kind.ts';
import type { RetellAccount } from './api.ts';
import type { retellLeg as RetellLeg } from './leg.ts';
import { type RetellSettings, retellSettings } from './settings.ts';
import { type RetellTarget, retellTarget } from './target.ts';

/** How long a look at the API's host may take, and the question what became of a call, ms. */
const PROBE_MS = 5_000;
const REPORT_MS = 20_000;

type Settings = RetellSettings & SharedSettings;

/** Agents that are deployed at Retell, called as its own web client calls them. */
export const retellAgent = defineAgent({
  name: 'retell',
  title: 'Retell',
  settings: retellSettings,
  labels: { transports: ['gateway', 'livekit'], errors: [] },
  needsIceServers: false,
  bills: 'minutes',
  options: {
    prompt: {},
    route: {},
    target: retellTarget,
    templates: ['dynamic_variables'],
    mayBeWordless: () => true,
  },
  secrets: ({ RETELL_API_KEY }) => [RETELL_API_KEY],
  review: ({ tools, namesTools }) => ({
    problems: [],
    warnings:
      !namesTools || tools.length === 0
        ? []
        : [`tools: an agent at Retell calls its own tools, and none of the ${tools.length} that are named`],
  }),
  open: (settings, deps) => openRetell(settings, deps),
  async checks({ RETELL_API_KEY: key, RETELL_API_URL: url }, deps) {
    if (key === undefined) return { checks: [], close: async () => {} };
    const { keyCheck } = await import('../common/doctor/key.ts');
    const check = keyCheck(
      {
        name: 'retell key',
        title: 'Retell',
        settings: { key: 'RETELL_API_KEY', url: 'RETELL_API_URL' },
        url: `${url}/list-agents`,
        headers: { Authorization: `Bearer ${key}` },
      },
      deps,
    );
    return { checks: [check], close: async () => {} };
  },
});

async function openRetell(settings: Settings, deps: AgentDeps): Promise<OpenedAgent<RetellTarget>> {
  const { RETELL_API_KEY: apiKey, RETELL_API_URL: apiUrl } = settings;
  if (apiKey === undefined)
    throw new BridgeError(
      'CONFIG_INVALID',
      'RETELL_API_KEY: is not set, and a prompt or route names an agent at Retell.',
    );
  const account = { apiKey, apiUrl };
  const { retellLeg } = await import('./leg.ts');
  const { openRooms } = await import('../../rooms/pool/rooms.ts');
  let pool: Rooms | undefined;
  let isInUse = false;
  /** Processes for rooms, once a call needs one. */
  const ready = async (): Promise<Rooms> => {
    pool ??= openRooms({ clock: deps.clock, log: deps.log });
    await pool.ready();
    isInUse = true;
    return pool;
  };
  return {
    model: 'retell',
    about: `Calls are answered by agents at Retell (${new URL(apiUrl).host}).`,
    modelOf: ({ agent_id }) => modelOf(agent_id),
    create: (order) => create(order, settings, account, deps, { retellLeg, pool: ready, isInUse: () => isInUse }),
    probe: connectProbe(new URL(apiUrl), PROBE_MS),
    close: async () => pool?.close(),
  };
}

/** Which agent it is, in words for records and prices. */
const modelOf = (agentId: string) => `retell/${agentId}`;

function create(
  { options: target, voice, language, temperature }: AgentOrder<RetellTarget>,
  settings: Settings,
  account: RetellAccount,
  { clock, ticker }: AgentDeps,
  {
    retellLeg,
    ...rooms
  }: {
    readonly retellLeg: typeof RetellLeg;
    readonly pool: () => Promise<Rooms>;
    readonly isInUse: () => boolean;
  },
): MadeAgent {
  // Whoever named the kind alone relied on a prompt that is another's by now.
  if (target.agent_id === undefined)
    throw new BridgeError('CONFIG_INVALID', 'agent_id: is missing: which agent is it?');
  const { ICE_SERVERS: iceServers, RTC_PORT_RANGE: portRange, RETELL_LIVEKIT_URL: url } = settings;
  const { leg, callId } = retellLeg({
    account,
    target,
    gateway: { iceServers, portRange },
    ticker,
    rooms: { url, ...rooms },
  });
  const wishes: Readonly<Record<Wish, unknown>> = { voice, language, temperature };
  return {
    leg,
    model: modelOf(target.agent_id),
    ignored: (Object.keys(wishes) as Wish[]).filter((wish) => wishes[wish] !== undefined),
    async report() {
      const id = callId();
      if (id === undefined) return undefined;
      const context = {
        clock,
        signal: new AbortController().signal,
        count: () => {},
        deadline: clock.now() + REPORT_MS,
      };
      const { reportOf } = await import('./api.ts');
      return reportOf(account, id, context);
    },
  };
}
