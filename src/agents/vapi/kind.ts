import { BridgeError } from '../../errors.ts';
import { defineAgent, type Wish } from '../kind.ts';
import { vapiSettings } from './settings.ts';
import { checkVapiTarget, vapiTarget } from './target.ts';

/** Assistants of Vapi's, called over its API and its WebSocket transport. */
export const vapiAgent = defineAgent({
  name: 'vapi',
  title: 'Vapi',
  settings: vapiSettings,
  labels: { transports: ['websocket'], errors: [] },
  needsIceServers: false,
  bills: 'minutes',
  options: {
    prompt: {},
    route: {},
    target: vapiTarget,
    checkTarget: checkVapiTarget,
    templates: ['variable_values'],
    mayBeWordless: () => true,
  },
  secrets: ({ VAPI_API_KEY }) => [VAPI_API_KEY],
  review: ({ instructions }) => ({
    problems: [],
    warnings: instructions === '' ? [] : ['an assistant has its words with Vapi: those of this prompt reach nobody'],
  }),
  async open({ VAPI_API_KEY: key, VAPI_API_URL: url }) {
    if (key === undefined)
      throw new BridgeError('CONFIG_INVALID', 'an agent of the kind vapi is named, and VAPI_API_KEY is not set');
    const { vapiLeg } = await import('./leg.ts');
    return {
      model: 'vapi',
      about: `Calls are answered by assistants of Vapi's, at ${new URL(url).host}.`,
      modelOf: ({ assistant_id }) => `vapi/${assistant_id}`,
      create: ({ options, voice, language, temperature }) => ({
        leg: vapiLeg({ key, url }, options),
        model: `vapi/${options.assistant_id}`,
        // The assistant has its own.
        ignored: Object.entries({ voice, language, temperature }).flatMap(([wish, asked]) =>
          asked === undefined ? [] : [wish as Wish],
        ),
      }),
      close: async () => {},
    };
  },
  async checks({ VAPI_API_KEY: key, VAPI_API_URL: url }, deps) {
    const { keyCheck } = await import('../common/doctor/key.ts');
    const question = {
      name: 'vapi key',
      title: 'Vapi',
      settings: { key: 'VAPI_API_KEY', url: 'VAPI_API_URL' },
      url: `${url}/assistant?limit=1`,
    };
    return {
      checks: key === undefined ? [] : [keyCheck({ ...question, headers: { Authorization: `Bearer ${key}` } }, deps)],
      close: async () => {},
    };
  },
});
