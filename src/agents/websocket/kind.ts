import { BridgeError } from '../../errors.ts';
import type { keyCheck as KeyCheck } from '../common/doctor/key.ts';
import { type AgentOrder, defineAgent, type Wish } from '../kind.ts';
import type { websocketLeg as WebsocketLeg } from './leg.ts';
import { type WebsocketSettings, websocketSettings } from './settings.ts';
import { checkTarget, NAMED_SETTINGS, type WebsocketTarget, websocketTarget } from './target.ts';
import { placesIn, withVariables } from './template.ts';

type ValueAt = (name: string) => string | undefined;

/** An agent that speaks PCM over a WebSocket, by what an operator writes about its protocol. */
export const websocketAgent = defineAgent({
  name: 'websocket',
  title: 'WebSocket',
  settings: websocketSettings,
  labels: { transports: ['websocket'], errors: [] },
  needsIceServers: false,
  options: {
    prompt: {},
    route: {},
    target: websocketTarget,
    saysAddress: true,
    checkTarget,
    mayBeWordless: () => true,
  },
  secrets: ({ ULTRAVOX_API_KEY }) => [ULTRAVOX_API_KEY],
  async open(settings, { env = () => undefined }) {
    const { websocketLeg } = await import('./leg.ts');
    const valueAt: ValueAt = (name) =>
      NAMED_SETTINGS.some((setting) => setting === name)
        ? settings[name as (typeof NAMED_SETTINGS)[number]]
        : env(name);
    return {
      model: 'websocket',
      about: 'Calls are answered by agents behind WebSockets, which routes and prompts name.',
      modelOf: (target) => modelOf(target, valueAt),
      create: (order) => create(order, valueAt, websocketLeg),
      close: async () => {},
    };
  },
  async checks(settings, deps) {
    const { keyCheck } = await import('../common/doctor/key.ts');
    return { checks: checksOf(settings, deps, keyCheck), close: async () => {} };
  },
});

function create(order: AgentOrder<WebsocketTarget>, valueAt: ValueAt, websocketLeg: typeof WebsocketLeg) {
  const target = resolved(order.options, valueAt);
  const { instructions, voice, language, temperature, tools } = order;
  const leg = websocketLeg({ target, facts: { instructions, voice, language, temperature, tools } });
  const places = new Set(placesIn([target.start, target.call?.body]));
  const wishes: Readonly<Record<Wish, unknown>> = { voice, language, temperature };
  const ignored = (Object.keys(wishes) as Wish[]).filter((wish) => wishes[wish] !== undefined && !places.has(wish));
  return { leg, model: modelOf(target, valueAt), ignored };
}

/** The target with its variables in their places. Throws CONFIG_INVALID where one is not set, or makes no address. */
function resolved(target: WebsocketTarget, valueAt: ValueAt): WebsocketTarget {
  const filled = withVariables(target, (name) => {
    const value = valueAt(name);
    if (value === undefined) throw new BridgeError('CONFIG_INVALID', `the agent names ${name}, which is not set`);
    return value;
  });
  const [address, schemes] = filled.url === undefined ? [filled.call?.url, /^https?:$/] : [filled.url, /^wss?:$/];
  if (address === undefined || !URL.canParse(address) || !schemes.test(new URL(address).protocol))
    throw new BridgeError('CONFIG_INVALID', "the agent's address is no URL of a scheme that it may have");
  return filled;
}

/** Its name, or the host that it is at: other parts of an address may be secret. */
function modelOf({ name, url, call }: WebsocketTarget, valueAt: ValueAt): string {
  if (name !== undefined) return name;
  const address = withVariables(url ?? call?.url ?? '', (variable) => valueAt(variable) ?? '');
  return URL.canParse(address) ? `websocket/${new URL(address).host}` : 'websocket';
}

function checksOf(
  { ULTRAVOX_API_KEY: key, ULTRAVOX_API_URL: url }: WebsocketSettings,
  deps: Parameters<typeof KeyCheck>[1],
  keyCheck: typeof KeyCheck,
) {
  if (key === undefined) return [];
  const settings = { key: 'ULTRAVOX_API_KEY', url: 'ULTRAVOX_API_URL' };
  const question = { name: 'ultravox key', title: 'Ultravox', settings, headers: { 'X-API-Key': key } };
  return [keyCheck({ ...question, url: `${url}/api/accounts/me` }, deps)];
}
