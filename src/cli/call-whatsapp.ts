/**
 * A call by WhatsApp for `npm run call`: stands in for Meta while the call lasts, at the address where the daemon of this machine's settings looks
 * for the Graph API, and has a user call.
 */

import { isIP } from 'node:net';
import { isPrivateHost } from '../addresses.ts';
import { accountOf, type MetaAccount } from '../callers/whatsapp/http/account.ts';
import { loadConfig, loadEnvFile } from '../config.ts';
import { adminTokens } from '../http/admin-token.ts';
import { Meta, NUMBER, PCMU, type User, type WhatsAppPhoneOptions } from '../simulator/whatsapp/index.ts';
import { type CallFlags, UsageError } from './call-flags.ts';
import { type CallSession, listens, startLocalDaemon } from './call-target.ts';

/** How long somebody lets it ring, ms. */
const PATIENCE_MS = 20_000;

/** Starts all that the call needs. Throws a UsageError where the settings let no stand-in take Meta's place. */
export async function openWhatsAppCall(
  flags: CallFlags,
  options: Omit<WhatsAppPhoneOptions, 'user'>,
  say: (text: string) => void,
): Promise<CallSession> {
  loadEnvFile();
  const config = loadConfig();
  const account = accountOf(config, () => adminTokens(config).tokens[0] ?? '');
  const meta = await standIn(account, flags.secret);
  let closeDaemon = async () => {};
  try {
    let { webhook } = flags;
    if (webhook === undefined) {
      let { PORT: port } = config;
      if (!(await listens(port))) {
        say(`nothing listens on port ${port}: starting a daemon for this call\n`);
        ({ port, close: closeDaemon } = await startLocalDaemon(config));
      }
      webhook = `http://127.0.0.1:${port}/whatsapp/webhook`;
    }
    meta.webhookUrl = webhook;
    const own = new URL(meta.url).hostname;
    const phone = meta.phone({
      ...options,
      patienceMs: PATIENCE_MS,
      isImpatient: true,
      addresses: [own],
      ...(flags.from === undefined ? {} : { user: userOf(flags.from) }),
      ...(flags.codec === undefined ? {} : { format: PCMU }),
    });
    return {
      phone,
      place: () => phone.placeCall(),
      async close() {
        await meta.settled();
        await closeDaemon();
        await meta.close();
      },
    };
  } catch (error) {
    await closeDaemon();
    await meta.close();
    throw error;
  }
}

/** Meta, where the daemon looks for it. */
async function standIn(account: MetaAccount, secret: string | undefined): Promise<Meta> {
  const { hostname, port, protocol } = new URL(account.url);
  if (!isPrivateHost(hostname) || protocol !== 'http:')
    throw new UsageError(
      `--carrier whatsapp: the settings name the Graph API at ${account.url}, which is not to be stood in for. For a trial set GRAPH_API_URL to an address of this machine, such as http://127.0.0.1:8902, for the daemon and this command alike`,
    );
  return Meta.start({
    appSecret: secret ?? account.secrets[0] ?? '',
    token: account.token,
    numbers: account.phoneNumberIds.map((id) => ({ ...NUMBER, id })),
    host: isIP(hostname) > 0 ? hostname : '127.0.0.1',
    port: Number(port === '' ? 80 : port),
    // Whoever waits at the terminal sees it fail; nothing is tried again behind his back.
    webhook: { retryMs: [] },
  });
}

/** Digits are a telephone number; anything else is Meta's id of a user who shows none. */
function userOf(from: string): User {
  const digits = from.replace(/^\+/, '');
  return /^\d{5,15}$/.test(digits)
    ? { waId: digits, userId: `GB.${[...digits].reverse().join('')}`, name: 'A caller' }
    : { userId: from, name: 'A caller' };
}
