/** Which daemon `npm run call` calls: the webhook that is named, else the one of this machine's settings, running or started for the call. */

import { connect } from 'node:net';
import type { Config } from '../config.ts';
import type { CallReport, PhoneOptions } from '../simulator/phone/index.ts';
import { Phone } from '../simulator/phone/index.ts';
import type { CallFlags } from './call-flags.ts';

/** A call that is about to be placed, and how to tidy up afterwards. */
export interface CallSession {
  readonly phone: { hangUp(): void; recording(): Uint8Array | undefined };
  place(): Promise<CallReport>;
  close(): Promise<void>;
}

/** A call to a carrier's number. */
export async function openPhoneCall(
  flags: CallFlags,
  options: PhoneOptions,
  say: (text: string) => void,
): Promise<CallSession> {
  const phone = new Phone(options);
  const target = await findTarget(flags, options.carrier, say);
  return { phone, place: () => phone.placeCall(target.call), close: target.close };
}

/** What to call, and how to tidy up afterwards. */
interface Target {
  readonly call: { readonly webhookUrl: string; readonly secret?: string; readonly publicUrl?: string };
  close(): Promise<void>;
}

/** The webhook that was named, else the daemon of this machine's settings, running or started for the call. */
async function findTarget(
  flags: CallFlags,
  carrier: PhoneOptions['carrier'],
  say: (text: string) => void,
): Promise<Target> {
  const secret = flags.secret === undefined ? {} : { secret: flags.secret };
  const publicUrl = flags.publicUrl === undefined ? {} : { publicUrl: flags.publicUrl };
  if (flags.webhook !== undefined) {
    return { call: { webhookUrl: flags.webhook, ...secret, ...publicUrl }, close: async () => {} };
  }
  const [{ loadConfig, loadEnvFile }, { openCarriers }] = await Promise.all([
    import('../config.ts'),
    import('../callers/phone/carriers/index.ts'),
  ]);
  loadEnvFile();
  const config = loadConfig();
  const key = openCarriers(config).get(carrier)?.checks.signingSecret;
  const known = {
    ...(key === undefined ? {} : { secret: key }),
    ...(config.PUBLIC_URL === undefined ? {} : { publicUrl: config.PUBLIC_URL }),
    ...secret,
    ...publicUrl,
  };
  if (await listens(config.PORT)) {
    return { call: { webhookUrl: webhookAt(config.PORT), ...known }, close: async () => {} };
  }
  say(`nothing listens on port ${config.PORT}: starting a daemon for this call\n`);
  const daemon = await startLocalDaemon(config);
  return { call: { webhookUrl: webhookAt(daemon.port), ...known }, close: daemon.close };
}

const webhookAt = (port: number): string => `http://127.0.0.1:${port}/incoming-call`;

/** Whether something accepts connections on this port of this machine. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The daemon, in this process, on a free port of the loopback interface, with the settings of the environment and no log. */
export async function startLocalDaemon(config: Config): Promise<{ port: number; close(): Promise<void> }> {
  // Imported here alone: a call to a named webhook needs nothing of the daemon.
  const [{ build }, { createLog }] = await Promise.all([import('../app.ts'), import('../log.ts')]);
  const app = await build({ ...config, HOST: '127.0.0.1', PORT: 0 }, { log: createLog({ level: 'silent' }) });
  const url = await app.listen();
  return { port: Number(new URL(url).port), close: () => app.close() };
}
