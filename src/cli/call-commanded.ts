/**
 * A call for `npm run call` at a carrier that is told over REST what to do with it: stands in for the carrier while the call lasts, API and all. A daemon that
 * is started for the call is given the stand-in's address and keys; one that runs has to be set so.
 */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type Config, loadConfig, loadEnvFile } from '../config.ts';
import { errorMessage } from '../errors.ts';
import { type CallCodec, COMMANDED, commanded } from '../simulator/commanded.ts';
import type { PhoneOptions } from '../simulator/phone/index.ts';
import { type CallFlags, UsageError } from './call-flags.ts';
import { type CallSession, listens, startLocalDaemon } from './call-target.ts';

/** Starts all that the call needs. Throws a UsageError where no stand-in can take the carrier's place. */
export async function openCommandedCall(
  flags: CallFlags,
  options: Omit<PhoneOptions, 'carrier'>,
  say: (text: string) => void,
): Promise<CallSession> {
  loadEnvFile();
  const config = loadConfig();
  const runs = flags.webhook !== undefined || (await listens(config.PORT));
  const callCodec = flags.codec === undefined ? {} : { callCodec: commanded.callCodec(flags.codec) };
  const carrier = runs ? await standIn(config, keyOf(flags.secret), callCodec) : await commanded.start(callCodec);
  let close = async () => {};
  try {
    let webhook = flags.webhook ?? `http://127.0.0.1:${config.PORT}/incoming-call`;
    if (!runs) {
      say(`nothing listens on port ${config.PORT}: starting a daemon for this call\n`);
      const settings = { ...config, ...commanded.settingsFor(carrier), PUBLIC_URL: 'http://127.0.0.1' };
      const daemon = await startLocalDaemon(settings as Config);
      ({ close } = daemon);
      webhook = `http://127.0.0.1:${daemon.port}/incoming-call`;
    }
    // What it is told of streams bears the daemon's own name for itself.
    carrier.bridge = new URL(webhook).origin;
    const call = commanded.call(carrier, { ...options, webhookUrl: webhook, from: flags.from, to: flags.to });
    return {
      phone: call,
      place: call.place,
      async close() {
        await carrier.close();
        await close();
      },
    };
  } catch (error) {
    await carrier.close();
    await close();
    throw error;
  }
}

async function standIn(config: Config, privateKey: KeyObject | undefined, more: { readonly callCodec?: CallCodec }) {
  try {
    return await commanded.standInFor(config, {
      record: true,
      speechScale: 1,
      ...more,
      ...(privateKey && { privateKey }),
    });
  } catch (error) {
    throw new UsageError(`--carrier ${COMMANDED}: ${errorMessage(error)}`);
  }
}

/** A PEM, or the file that holds one. */
function keyOf(secret: string | undefined): KeyObject | undefined {
  if (secret === undefined) return undefined;
  try {
    return createPrivateKey(existsSync(secret) ? readFileSync(secret) : secret.replaceAll('\\n', '\n'));
  } catch (error) {
    throw new UsageError(`--secret: no private key: ${errorMessage(error)}`);
  }
}
