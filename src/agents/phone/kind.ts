import { BridgeError } from '../../errors.ts';
import type { Dialler } from '../common/dial.ts';
import { defineAgent, type Wish } from '../kind.ts';
import { phoneTarget } from './target.ts';

/** Somebody at a number, called by one of our carriers. */
export const phoneAgent = defineAgent({
  name: 'phone',
  title: 'Phone',
  settings: { session: {}, answers: {}, transport: {}, webrtc: {} },
  labels: { transports: ['phone'], errors: [] },
  comesIn: true,
  needsIceServers: false,
  bills: 'minutes',
  options: { prompt: {}, route: {}, target: phoneTarget, mayBeWordless: () => true },
  review: ({ instructions, tools, namesTools }) => ({
    problems: [],
    warnings: [
      ...(instructions === ''
        ? []
        : ['whoever answers at a number has words of his own: those of this prompt reach nobody']),
      ...(!namesTools || tools.length === 0
        ? []
        : [`tools: whoever answers at a number calls none of the ${tools.length} that are named`]),
    ],
  }),
  async open(_settings, { dialler }) {
    if (dialler === undefined)
      throw new BridgeError('CONFIG_INVALID', 'a number is named that is to answer, and nobody here can call it');
    const { phoneAgentLeg } = await import('./leg.ts');
    const modelOf = ({ carrier = dialler.carrier ?? 'unknown' }: { readonly carrier?: string | undefined }) =>
      `phone/${carrier}`;
    return {
      model: 'phone',
      about: 'Calls are answered at a telephone number.',
      modelOf,
      create({ options, voice, language, temperature, form }) {
        if (options.to === undefined)
          throw new BridgeError('CONFIG_INVALID', 'to: is missing: which number is called?');
        checkCarrier(dialler, options.carrier);
        // A telephone's caller brings no more than a telephone's audio.
        const rate = form === 'pcmu' ? 8_000 : 24_000;
        return {
          leg: phoneAgentLeg({ dialler, target: options, rate }),
          model: modelOf(options),
          ignored: Object.entries({ voice, language, temperature }).flatMap(([wish, asked]) =>
            asked === undefined ? [] : [wish as Wish],
          ),
        };
      },
      close: async () => {},
    };
  },
});

/** Throws CONFIG_INVALID where this carrier cannot place a call. */
function checkCarrier({ carriers }: Dialler, wanted: string | undefined): void {
  if (wanted === undefined || carriers.includes(wanted)) return;
  const there = carriers.length === 0 ? 'none can' : `there is ${carriers.join(', ')}`;
  throw new BridgeError('CONFIG_INVALID', `carrier: "${wanted}" cannot place calls here (${there})`);
}
