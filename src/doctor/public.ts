import { errorMessage } from '../errors.ts';
import { PATHS } from '../http/answers.ts';
import { twilioSignature } from '../http/signature.ts';
import { openSocket } from '../transport/socket.ts';
import { type Check, type DoctorDeps, type Finding, fail, pass, reasonOf, skip, warn } from './check.ts';
import { type ProbeServer, startProbeServer } from './probe-server.ts';

/** The way in: from the public address to this machine, as a carrier takes it. */

export interface PublicChecks {
  readonly checks: readonly Check[];
  close(): Promise<void>;
}

/** Times of the same start, told by two answers, may be so far apart, seconds. */
const UPTIME_DOUBT_S = 5;

export function publicChecks(deps: DoctorDeps): PublicChecks {
  const way = new Way(deps);
  return {
    checks: [
      { name: 'port', run: (signal) => way.port(signal) },
      { name: 'public url', run: (signal) => way.reachable(signal) },
      { name: 'websocket upgrade', run: (signal) => way.upgrade(signal) },
      { name: 'webhook signature', run: (signal) => way.signature(signal) },
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

  get #secrets() {
    const { TWILIO_AUTH_TOKEN: twilio, SIGNALWIRE_SIGNING_KEY: signalwire } = this.#deps.config;
    return { twilio, signalwire };
  }

  get #local(): string {
    const { HOST, PORT } = this.#deps.config;
    const host = HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST;
    return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`;
  }

  /** Listens where the daemon would; where something listens already, finds out whether that is the daemon. */
  async port(signal: AbortSignal): Promise<Finding> {
    const { HOST: host, PORT: port, PUBLIC_URL: publicUrl } = this.#deps.config;
    try {
      this.#probe = await startProbeServer({ host, port, publicUrl, secrets: this.#secrets });
      return pass(`port ${this.#probe.port} is free; the doctor listens there in the daemon's place`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
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
    const { fetch, config } = this.#deps;
    const url = config.PUBLIC_URL;
    if (url === undefined)
      return warn(
        'PUBLIC_URL is not set',
        'Set it to where carriers reach this daemon, e.g. https://voice.example.com.',
      );
    if (this.#probe === undefined && !this.#isDaemon) return skip('needs the port');
    const advice = `Let ${url} lead to port ${config.PORT} of this machine: DNS, tunnel, proxy or firewall lead elsewhere.`;
    try {
      if (this.#probe === undefined) {
        const [outside, inside] = await Promise.all([this.#uptime(url, signal), this.#uptime(this.#local, signal)]);
        if (outside === undefined) return fail(`${url}/health is not answered by a daemon`, advice);
        if (inside === undefined || Math.abs(outside - inside) > UPTIME_DOUBT_S)
          return fail(`${url} is answered by another daemon than the one on port ${config.PORT}`, advice);
      } else {
        const response = await fetch(url + this.#probe.path, { signal, redirect: 'manual' });
        const text = (await response.text()).trim();
        if (text !== this.#probe.nonce)
          return fail(`${url} answers HTTP ${response.status}, and it is not this machine`, advice);
      }
    } catch (error) {
      return fail(`${url}: ${reasonOf(error)}`, advice);
    }
    this.#leadsHere = true;
    if (url.startsWith('http:'))
      return pass(`${url} leads here (without TLS: fit for a stand-in, no carrier opens a media stream to it)`);
    return pass(`${url} leads here`);
  }

  async upgrade(signal: AbortSignal): Promise<Finding> {
    if (!this.#leadsHere) return skip('needs a public url that leads here');
    const url = `${this.#deps.config.PUBLIC_URL?.replace(/^http/i, 'ws')}${PATHS.mediaStream}`;
    const [secret] = this.#secrets.twilio;
    try {
      const socket = await openSocket(
        url,
        { text() {}, binary() {}, close() {} },
        {
          // Signed as the carrier does: such a socket does not count against those that prove nothing.
          headers: secret === undefined ? {} : { 'X-Twilio-Signature': twilioSignature(secret, url, {}) },
          connectTimeoutMs: 8_000,
          maxMessageBytes: 64 * 1024,
          pingIntervalMs: 0,
          clock: this.#deps.clock,
          signal,
        },
      );
      socket.close();
      return pass(`${url} was opened`);
    } catch (error) {
      return fail(
        `${url}: ${errorMessage(error)}`,
        'Let the proxy or tunnel pass WebSocket upgrades (HTTP/1.1 with Upgrade and Connection headers).',
      );
    }
  }

  /**
   * A webhook signed for the configured URL but without a CallSid: it is judged like any, and starts no call. 400 WEBHOOK_INVALID says that
   * the signature was taken.
   */
  async signature(signal: AbortSignal): Promise<Finding> {
    const { config, fetch } = this.#deps;
    const { twilio, signalwire } = this.#secrets;
    const signed = [
      ...twilio.map((secret) => ({ setting: 'TWILIO_AUTH_TOKEN', header: 'X-Twilio-Signature', secret })),
      ...signalwire.map((secret) => ({ setting: 'SIGNALWIRE_SIGNING_KEY', header: 'X-SignalWire-Signature', secret })),
    ];
    if (signed.length === 0)
      return warn(
        'no signing secret is set: anybody may place calls',
        'Set TWILIO_AUTH_TOKEN or SIGNALWIRE_SIGNING_KEY.',
      );
    if (!this.#leadsHere || config.PUBLIC_URL === undefined) return skip('needs a public url that leads here');
    const url = config.PUBLIC_URL + PATHS.incomingCall;
    const form = { AccountSid: 'doctor', CallStatus: 'ringing' };
    for (const { setting, header, secret } of signed) {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          [header]: twilioSignature(secret, url, form),
        },
        body: new URLSearchParams(form).toString(),
        redirect: 'manual',
        signal,
      });
      const text = await response.text();
      if (response.status === 400 && text.includes('WEBHOOK_INVALID')) continue;
      return response.status === 403
        ? fail(
            `a webhook signed with ${setting} for ${url} is refused`,
            'Restart the daemon with these settings; if it has them, a proxy changes the path or the body, which the signature covers.',
          )
        : fail(`${url} answers HTTP ${response.status}`, 'Let POST pass unchanged and without redirects.');
    }
    return pass(`webhooks signed for ${url} are taken`);
  }

  async close(): Promise<void> {
    await this.#probe?.close();
  }

  /** Seconds since the start of the daemon at this address; undefined where none answers. */
  async #uptime(base: string, signal: AbortSignal): Promise<number | undefined> {
    const response = await this.#deps.fetch(`${base}/health`, { signal, redirect: 'manual' });
    const health = (await response.json().catch(() => ({}))) as { uptime?: unknown; activeSessions?: unknown } | null;
    return typeof health?.uptime === 'number' && typeof health.activeSessions === 'number' ? health.uptime : undefined;
  }
}
