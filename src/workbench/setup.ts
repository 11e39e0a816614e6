import type { OpenedAgent } from '../agents/kind.ts';
import type { Carriers } from '../callers/phone/carriers/index.ts';
import { PATHS } from '../callers/phone/http/answers.ts';

/** What a first call by phone needs, as the settings have it: what is there, and what is still to be done, in the order in which it is done. */
export interface Setup {
  readonly webhook: { readonly url: string | null; readonly events: string | null };
  readonly model: { readonly about: string; readonly name: string; readonly simulated: boolean };
  readonly carriers: ReadonlyArray<{
    readonly name: string;
    readonly title: string;
    /** Whether its webhooks are proven. */
    readonly signed: boolean;
    /** Whether ordered calls are placed with it. */
    readonly places: boolean;
  }>;
  readonly todo: ReadonlyArray<{ readonly what: string; readonly how: string }>;
}

export interface SetupDeps {
  readonly publicUrl: string | undefined;
  readonly standard: Pick<OpenedAgent, 'about' | 'model'>;
  /** Whether no model is asked but the embedded one. */
  readonly simulated: boolean;
  readonly carriers: Carriers;
  /** The settings of which each would let a carrier's webhooks be proven. */
  readonly secrets: string;
  readonly hasToken: boolean;
  /** The carrier that places ordered calls, by its name; undefined: none can. */
  readonly placesWith: string | undefined;
}

export function setupOf({ publicUrl, standard, simulated, carriers, secrets, hasToken, placesWith }: SetupDeps): Setup {
  const todo: Array<{ what: string; how: string }> = [];
  if (simulated)
    todo.push({
      what: 'A simulated model answers.',
      how: 'Set the model’s key, the first of the settings in .env.example, and start anew. Until then calls cost nothing and are answered by tones and canned words.',
    });
  if (publicUrl === undefined)
    todo.push({
      what: 'Carriers cannot reach this daemon.',
      how: 'Set PUBLIC_URL to where they can, over TLS; npm run tunnel opens such an address for trying.',
    });
  if (!carriers.isSigned)
    todo.push({
      what: 'Webhooks are taken from anybody.',
      how: `Set ${secrets}, so that only your carrier’s are.`,
    });
  if (!hasToken)
    todo.push({
      what: 'The operators’ token is one that was made at the start.',
      how: 'Set ADMIN_TOKEN to one of your own where several machines serve, or the disk is not kept.',
    });
  if (placesWith === undefined)
    todo.push({
      what: 'No calls can be placed, and none transferred or hung up at its carrier.',
      how: 'Set a carrier’s credentials, OUTBOUND_FROM to a number of yours there, and DIAL_ALLOW to whom may be called.',
    });
  const at = (path: string) => (publicUrl === undefined ? null : `${publicUrl.replace(/\/$/, '')}${path}`);
  return {
    webhook: { url: at(PATHS.incomingCall), events: at(PATHS.callStatus) },
    model: { about: standard.about, name: standard.model, simulated },
    carriers: carriers.all.map(({ name, title, isSigned }) => ({
      name,
      title,
      signed: isSigned,
      places: name === placesWith,
    })),
    todo,
  };
}
