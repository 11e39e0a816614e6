import type { Trial } from '../callers/phone/carriers/checks.ts';
import { secretSettings } from '../callers/phone/carriers/index.ts';
import { addressOf, PATHS } from '../callers/phone/http/answers.ts';
import { WHATSAPP_WEBHOOK_PATH } from '../callers/whatsapp/http/webhook.ts';
import { metaSignature } from '../callers/whatsapp/signature.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { localUrl } from '../http/public-url.ts';
import { type HttpAnswer, jsonObject } from '../transport/http.ts';
import { openSocket } from '../transport/socket.ts';
import { ask } from './ask.ts';
import { type Check, codeOf, type Finding, fail, pass, reasonOf, skip, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';
import { type ProbeServer, startProbeServer } from './probe-server.ts';

/** The way in: from the public address to this machine, as a carrier takes it. */

export interface PublicChecks {
  readonly checks: readonly Check[];
  close(): Promise<void>;
}

const UPGRADE_MS = 5_000;
/** The first message of a socket that is open comes at once. */
const GREETING_MS = 2_000;

export function publicChecks(deps: DoctorDeps): PublicChecks {
  const way = new Way(deps);
  return {
    checks: [
      { name: 'port', run: (signal) => way.port(signal) },
      { name: 'public url', run: (signal) => way.reachable(signal) },
      { name: 'websocket upgrade', run: (signal) => way.upgrade(signal) },
      { name: 'webhook signature', run: (signal) => way.signature(signal) },
      ...(deps.config.WHATSAPP_PHONE_NUMBER_ID.length === 0
        ? []
        : [{ name: 'whatsapp signature', run: (signal: AbortSignal) => way.whatsapp(signal) }]),
    ],
    close: () => way.close(),
  };
}

class Way {
  readonly #deps: DoctorDeps;
  #probe: ProbeServer | undefined;
  #isDaemon = false;
  /** The public address leads here. */
  #leadsHere = false;

  constructor(deps: DoctorDeps) {
    this.#deps = deps;
  }

  get #local(): string {
    const { HOST, PORT } = this.#deps.config;
    return localUrl(HOST, PORT);
  }

  /** Listens where the daemon would; where something listens already, finds out whether that is the daemon. */
  async port(signal: AbortSignal): Promise<Finding> {
    const { config } = this.#deps;
    const { HOST: host, PORT: port, PUBLIC_URL: publicUrl } = config;
    try {
      this.#probe = await startProbeServer({
        host,
        port,
        publicUrl,
        carriers: this.#deps.carriers.all,
        whatsapp: { secrets: config.WHATSAPP_APP_SECRET, verifyToken: config.WHATSAPP_VERIFY_TOKEN },
      });
      return pass(`port ${this.#probe.port} is free; the doctor listens there in the daemon's place`);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EACCES')
        return fail(reasonOf(error), 'Ports below 1024 need a right of their own: set PORT to 8080.');
      if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
        return fail(`HOST=${host} is no address of this machine`, 'Set HOST to one that is, or to 0.0.0.0.');
      if (code !== 'EADDRINUSE')
        return fail(reasonOf(error), 'Set HOST to an address of this machine and PORT to one above 1023.');
    }
    if ((await this.#uptime(this.#local, signal).catch(() => undefined)) === undefined)
      return fail(
        `another program listens on port ${port}`,
        'Stop it (ss -ltnp says what it is), or set another PORT.',
      );
    this.#isDaemon = true;
    return pass(`a daemon runs on port ${port}`);
  }

  async reachable(signal: AbortSignal): Promise<Finding> {
    const url = this.#deps.config.PUBLIC_URL;
    if (url === undefined)
      return warn(
        'PUBLIC_URL is not set',
        'Set it to where carriers reach this daemon, e.g. https://voice.example.com.',
      );
    if (this.#probe === undefined && !this.#isDaemon) return skip('needs the port');
    let found: Finding | undefined;
    try {
      found =
        this.#probe === undefined ? await this.#sameDaemon(url, signal) : await this.#nonce(url, this.#probe, signal);
    } catch (error) {
      return unreachable(url, error);
    }
    if (found !== undefined) return found;
    this.#leadsHere = true;
    if (url.startsWith('http:'))
      return pass(`${url} leads here (without TLS: fit for a stand-in, no carrier opens a media stream to it)`);
    return pass(`${url} leads here`);
  }

  /** Asks the public address for what only the doctor's own server knows. */
  async #nonce(url: string, probe: ProbeServer, signal: AbortSignal): Promise<Finding | undefined> {
    const answer = await ask(this.#deps, { url: url + probe.path, headers: {}, signal });
    const text = answer.body.toString().trim();
    return text === probe.nonce ? undefined : elsewhere(url, this.#deps.config.PORT, answer);
  }

  /**
   * A daemon tells how long it has run: of the same one the public answer lies between two of its own, one before and one after. Another
   * one's would have to have begun within the same few milliseconds.
   */
  async #sameDaemon(url: string, signal: AbortSignal): Promise<Finding | undefined> {
    const { config } = this.#deps;
    const before = await this.#uptime(this.#local, signal);
    const answer = await ask(this.#deps, { url: `${url}/health`, headers: {}, signal });
    const outside = uptimeOf(answer);
    const after = await this.#uptime(this.#local, signal);
    if (outside === undefined) return elsewhere(url, config.PORT, answer);
    if (before !== undefined && after !== undefined && before <= outside && outside <= after) return undefined;
    return fail(
      `another daemon than the one on port ${config.PORT} answers at ${url}`,
      'Point the tunnel, the proxy or DNS to this machine, or stop the other one. Behind a load balancer run the doctor on each instance until it passes.',
    );
  }

  async upgrade(signal: AbortSignal): Promise<Finding> {
    if (!this.#leadsHere) return skip('needs a public url that leads here');
    const url = `${this.#deps.config.PUBLIC_URL?.replace(/^http/i, 'ws')}${PATHS.mediaStream}`;
    const proofs = this.#deps.carriers.all.map(({ checks }) => checks.upgradeHeaders?.(url));
    const greeting = Promise.withResolvers<boolean>();
    try {
      const socket = await openSocket(
        url,
        {
          text: (data) => greeting.resolve(data.toString() === this.#probe?.nonce),
          binary() {},
          close: () => greeting.resolve(false),
        },
        {
          // Signed as the carrier does: such a socket does not count against those that prove nothing.
          headers: proofs.find((headers) => headers !== undefined) ?? {},
          connectTimeoutMs: UPGRADE_MS,
          maxMessageBytes: 64 * 1024,
          pingIntervalMs: 0,
          clock: this.#deps.clock,
          signal,
        },
      );
      if (this.#probe === undefined) {
        socket.close();
        return pass(`${url} was opened`);
      }
      const late = this.#deps.clock.after(GREETING_MS, () => greeting.resolve(false));
      const isThrough = await greeting.promise;
      late.cancel();
      socket.close();
      if (isThrough) return pass(`${url} was opened, and a message came through it`);
      return fail(
        `${url} was opened, but no message came through it`,
        'The proxy answers the handshake itself or holds messages back: let it pass WebSockets unbuffered.',
      );
    } catch (error) {
      return upgradeFailure(url, error);
    }
  }

  /**
   * Webhooks signed for the configured URL that name no call: they are judged like any, and start none. 400 WEBHOOK_INVALID says that
   * the signature was taken.
   */
  async signature(signal: AbortSignal): Promise<Finding> {
    const { config, carriers } = this.#deps;
    const proving = carriers.all.filter(({ isSigned }) => isSigned);
    const [first] = proving;
    if (first === undefined)
      return warn('no signing secret is set: anybody may place calls', `Set ${secretSettings(carriers)}.`);
    if (!this.#leadsHere || config.PUBLIC_URL === undefined) return skip('needs a public url that leads here');
    const publicUrl = config.PUBLIC_URL;
    const post = async (url: string, { headers, body }: Trial) => {
      const answer = await ask(this.#deps, { url, method: 'POST', headers, body, signal });
      const isTaken = answer.status === 400 && answer.body.includes('WEBHOOK_INVALID');
      return { isTaken, status: answer.status };
    };
    const trials = proving.flatMap((carrier) => {
      const url = publicUrl + addressOf(carrier, 'incoming-call');
      return carrier.checks.trials(url).map((trial) => ({ url, trial }));
    });
    for (const { url, trial } of trials) {
      const response = await post(url, trial);
      if (response.isTaken) continue;
      return response.status === 403
        ? fail(
            `a webhook signed with ${trial.setting} for ${url} is refused`,
            'Restart the daemon with these settings; if it has them, a proxy changes the path or the body, which the signature covers.',
          )
        : fail(`${url} answers HTTP ${response.status}`, 'Let POST pass unchanged and without redirects.');
    }
    const url = publicUrl + addressOf(first, 'incoming-call');
    if ((await post(url, first.checks.forged(url))).isTaken)
      return fail(
        `a webhook with a wrong signature is taken at ${url}`,
        'The daemon there runs without a signing secret, and anybody may place calls: restart it with these settings.',
      );
    return trials.length === 0
      ? pass(`webhooks that nobody signed are refused at ${url}`)
      : pass(`webhooks signed for ${url} are taken, and others refused`);
  }

  /** Meta's question whether the address is ours, and webhooks of no events: signed with each secret, and with none. */
  async whatsapp(signal: AbortSignal): Promise<Finding> {
    const { config } = this.#deps;
    if (!this.#leadsHere || config.PUBLIC_URL === undefined) return skip('needs a public url that leads here');
    const url = config.PUBLIC_URL + WHATSAPP_WEBHOOK_PATH;
    const restart = 'Restart the daemon with these settings; if it has them, a proxy changes the query or the body.';
    const challenge = 'the-doctor-asks';
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.verify_token': config.WHATSAPP_VERIFY_TOKEN ?? '',
      'hub.challenge': challenge,
    });
    const verified = await ask(this.#deps, { url: `${url}?${query}`, headers: {}, signal });
    if (verified.status === 403) return fail(`WHATSAPP_VERIFY_TOKEN is refused at ${url}`, restart);
    if (verified.status !== 200 || verified.body.toString() !== challenge)
      return fail(
        `${url} answers HTTP ${verified.status} without the challenge`,
        'Let GET pass with its query, and without redirects.',
      );
    const body = '{"object":"whatsapp_business_account","entry":[]}';
    const post = async (signature: string) => {
      const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
      return (await ask(this.#deps, { url, method: 'POST', headers, body, signal })).status;
    };
    for (const secret of config.WHATSAPP_APP_SECRET) {
      const status = await post(metaSignature(secret, Buffer.from(body)));
      if (status === 401) return fail(`a webhook signed with WHATSAPP_APP_SECRET is refused at ${url}`, restart);
      if (status !== 200)
        return fail(`${url} answers HTTP ${status}`, 'Let POST pass unchanged and without redirects.');
    }
    if ((await post(metaSignature('nobody has this secret', Buffer.from(body)))) === 200)
      return fail(
        `a webhook with a wrong signature is taken at ${url}`,
        'Something else than this daemon answers there: let the path lead here.',
      );
    return pass(`webhooks signed for ${url} are taken, and others refused`);
  }

  async close(): Promise<void> {
    await this.#probe?.close();
  }

  /** Seconds since the start of the daemon at this address; undefined where none answers. */
  async #uptime(base: string, signal: AbortSignal): Promise<number | undefined> {
    return uptimeOf(await ask(this.#deps, { url: `${base}/health`, headers: {}, signal }));
  }
}

function uptimeOf({ body }: HttpAnswer): number | undefined {
  const health = jsonObject(body);
  return typeof health?.['uptime'] === 'number' && typeof health['activeSessions'] === 'number'
    ? health['uptime']
    : undefined;
}

/** The address answers, but not with what this machine would have said. */
function elsewhere(url: string, port: number, { status, headers }: HttpAnswer): Finding {
  const seen = `${url} answers HTTP ${status}`;
  if (status >= 300 && status < 400)
    return fail(
      `${seen}, a redirect to ${originOf(headers.get('location'), url)}`,
      'Set PUBLIC_URL to the address that answers without a redirect: signatures are over it, and WebSockets follow none.',
    );
  // 52x and 530 are Cloudflare's for an origin or a tunnel that does not answer.
  if ((status >= 502 && status <= 504) || (status >= 520 && status <= 530))
    return fail(
      `${seen}: what stands in front does not reach port ${port} of this machine`,
      `Start the tunnel or the proxy’s way in, and let it lead to port ${port} (npm run tunnel; docs/tunnel.md).`,
    );
  return fail(
    `${seen}, and it is not this machine`,
    `Let ${url} lead to port ${port} of this machine: DNS, tunnel, proxy or firewall lead elsewhere.`,
  );
}

/** The address does not answer at all. */
function unreachable(url: string, error: unknown): Finding {
  const seen = `${url}: ${reasonOf(error)}`;
  const code = codeOf(error) ?? '';
  if (/^(ENOTFOUND|EAI_AGAIN|EAI_NODATA)$/.test(code))
    return fail(seen, 'The name has no address: correct PUBLIC_URL, or make its DNS record.');
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO/.test(code))
    return fail(
      seen,
      'Carriers refuse it, too: give the address a certificate of a public authority for this very name.',
    );
  if (/^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(code))
    return fail(
      seen,
      'Nothing takes connections there: start the tunnel or the proxy, or let its port through the firewall.',
    );
  return fail(seen, 'DNS, tunnel, proxy or firewall: look at what stands between that address and this machine.');
}

function upgradeFailure(url: string, error: unknown): Finding {
  const seen = `${url}: ${errorMessage(error)}`;
  const status = error instanceof BridgeError && error.code === 'SOCKET_REFUSED' ? error.status : undefined;
  if (status === undefined)
    return fail(seen, 'Plain requests come through and WebSockets do not: let proxy, tunnel or firewall pass them.');
  if (status === 403)
    return fail(
      seen,
      'The daemon refuses the signature: restart it with these settings, and let the proxy leave host and path as they are.',
    );
  if (status === 429 || status === 503)
    return fail(
      seen,
      'Too many media sockets without proof are open, or a proxy limits them: see MAX_PENDING_STREAMS.',
    );
  return fail(
    seen,
    `Let the proxy or tunnel pass WebSocket upgrades (HTTP/1.1 with Upgrade and Connection headers) and leave the path ${PATHS.mediaStream} as it is.`,
  );
}

function originOf(location: string | null, base: string): string {
  return location !== null && URL.canParse(location, base) ? new URL(location, base).origin : 'nowhere';
}
