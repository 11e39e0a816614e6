/** The carrier that is told over REST what to do with a call, and has a stand-in of its own for that. */

import { callTelnyx, Telnyx } from './telnyx/index.ts';
import { settingsFor, standInFor } from './telnyx/stand-in.ts';

export const COMMANDED = 'telnyx';

export const commanded = {
  /** As people write it. */
  title: 'Telnyx',
  /** What signs its webhooks. */
  secret: 'private key, the other half of its public one (a PEM, or the file of one)',
  start: () => Telnyx.start({ record: true, speechScale: 1 }),
  standInFor,
  settingsFor,
  call: callTelnyx,
} as const;
