import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../../call/clock.ts';
import type { Count } from '../../../call/counters.ts';
import { dtmfSamples } from '../../../call/dtmf-tones.ts';
import type { CallerEvent } from '../../../call/events.ts';
import type { CallerLeg, LegContext, Log } from '../../../call/leg.ts';
import { termination } from '../../../call/termination.ts';
import type { Ticker } from '../../../call/ticker.ts';
import { errorCode } from '../../../errors.ts';
import { type Fleet, peerUnreachable } from '../../../fleet/fleet.ts';
import type { UpgradeRouter } from '../../../http/upgrade.ts';
import type { StreamedLeg } from '../../../orders/lines.ts';
import { jsonObject } from '../../../transport/http.ts';
import { CLOSE, openSocket, type Socket, SocketAcceptor } from '../../../transport/socket.ts';
import { DIGITS } from '../protocol.ts';
import { pcmBytes, pcmSamples, type RelayedLine, RemoteLine } from './remote-line.ts';

/**
 * The line of somebody who was called to answer, passed on from the instance at which his carrier opened it to the one that has the call: audio as samples, keys
 * and the end as JSON, over a socket within the private network. Whoever is let in has a ticket, which is given by the fleet's own questions.
 */

export const RELAY_PATH = '/internal-line';
const TICKET = 'phone.dialled-line';
const ASK_MS = 3_000;
const CONNECT_MS = 3_000;
/** A line that is dead without saying so ends within two of these, ms. */
const PING_INTERVAL_MS = 5_000;
const MESSAGE_MOST_BYTES = 256 * 1024;
/** Audio that waits for the other instance, bytes: a second at 24 kHz. What comes then is dropped. */
const WAITS_MOST_BYTES = 48_000;
/** How long a ticket is good, ms, and how many there may be. */
const GOOD_MS = 10_000;
const TICKETS_MOST = 1_000;

interface Asked extends RelayedLine {
  readonly id: string;
}

export interface DialledRelayDeps {
  readonly fleet: Fleet;
  readonly upgrades: UpgradeRouter;
  /** Whether a line under this id is waited for here, and who gets it. */
  readonly expects: (id: string) => boolean;
  readonly join: (id: string, leg: StreamedLeg) => Promise<boolean>;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  readonly count: Count;
}

export class DialledRelay {
  readonly #deps: DialledRelayDeps;
  readonly #tickets = new Map<string, { readonly asked: Asked; readonly until: number }>();
  readonly #open = new Set<Socket>();

  constructor(deps: DialledRelayDeps) {
    this.#deps = deps;
    const { fleet, upgrades, expects, clock } = deps;
    fleet.serve<Asked, string | null>(TICKET, async (asked) => (expects(asked.id) ? this.#give(asked) : null));
    const acceptor = new SocketAcceptor({
      maxMessageBytes: MESSAGE_MOST_BYTES,
      pingIntervalMs: PING_INTERVAL_MS,
      clock,
      media: true,
    });
    upgrades.serve(
      RELAY_PATH,
      async (request, stream, head) => {
        const asked = this.#take(request);
        if (asked === undefined) return upgrades.refuse(stream, 403, 'PEER_REFUSED');
        acceptor.accept(request, stream, head, (attach) => {
          const line = new RemoteLine(asked, clock);
          const socket = attach(line.handlers);
          line.connect(socket);
          void this.#deps.join(asked.id, line).then((taken) => taken || socket.close(CLOSE.normal, 'too late'));
        });
      },
      'webhook',
      { named: true },
    );
  }

  /** Passes a line on. False where the other does not wait for it any more, or cannot be reached: then nothing was done with the leg. Never rejects. */
  async pass(id: string, leg: StreamedLeg, instance: string): Promise<boolean> {
    const { fleet, clock, log } = this.#deps;
    try {
      const { kind, rate, carrierCallId } = leg;
      const asked: Asked = { id, kind, rate, playedRate: leg.audio.sampleRate, carrierCallId };
      const ticket = await fleet.ask<Asked, string | null>(instance, TICKET, asked, { withinMs: ASK_MS });
      if (ticket === null) return false;
      const url = (await fleet.instances()).find((one) => one.id === instance)?.url;
      if (url === undefined) throw peerUnreachable('it has told no address');
      await this.#pass(`${url.replace(/^http/, 'ws')}${RELAY_PATH}/${instance}`, ticket, leg, clock);
      return true;
    } catch (error) {
      log.warn({ instance, code: errorCode(error) }, 'the line of somebody who was called cannot be passed on');
      return false;
    }
  }

  /** Lets go of the lines that pass through here. */
  close(): void {
    for (const socket of this.#open) socket.close(CLOSE.goingAway, 'closing');
  }

  async #pass(url: string, ticket: string, leg: CallerLeg, clock: Clock): Promise<void> {
    const { ticker, log, count } = this.#deps;
    const over = new AbortController();
    const end = () => {
      if (over.signal.aborted) return;
      this.#open.delete(socket);
      over.abort();
      void leg.close(termination('agent-hangup'));
    };
    const socket = await openSocket(
      url,
      {
        binary: (data) => leg.audio.write({ samples: pcmSamples(data), sampleRate: leg.audio.sampleRate }),
        text: (data) => {
          const digit = String(jsonObject(data)?.['digit']);
          if (!DIGITS.test(digit) || leg.sendDigit?.(digit) === true) return;
          const { sampleRate } = leg.audio;
          leg.audio.write({ samples: dtmfSamples(digit, sampleRate), sampleRate, whole: true });
        },
        close: end,
      },
      {
        maxMessageBytes: MESSAGE_MOST_BYTES,
        pingIntervalMs: PING_INTERVAL_MS,
        connectTimeoutMs: CONNECT_MS,
        headers: { authorization: `Ticket ${ticket}` },
        clock,
      },
    );
    this.#open.add(socket);
    const context: LegContext<CallerEvent> = {
      callId: '',
      peer: {
        sampleRate: leg.rate,
        write: ({ samples }) => {
          if (socket.bufferedBytes <= WAITS_MOST_BYTES) socket.sendBinary(pcmBytes(samples));
          else count('ms_dropped_backpressure', (samples.length * 1000) / leg.rate);
        },
        clear() {},
        toString: () => 'another instance',
      },
      emit: (event) => {
        socket.send(JSON.stringify(event));
        if (event.type === 'ended') socket.close(CLOSE.normal);
      },
      count,
      log,
      clock,
      ticker,
      signal: over.signal,
    };
    leg.setPace?.('live');
    await leg.start(context).catch(() => socket.close(CLOSE.internal));
  }

  #give(asked: Asked): string {
    const now = this.#deps.clock.now();
    for (const [old, { until }] of this.#tickets) {
      if (until > now && this.#tickets.size < TICKETS_MOST) break;
      this.#tickets.delete(old);
    }
    const ticket = randomBytes(32).toString('base64url');
    this.#tickets.set(ticket, { asked, until: now + GOOD_MS });
    return ticket;
  }

  #take({ headers }: IncomingMessage): Asked | undefined {
    const ticket = /^Ticket (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const found = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    return found === undefined || found.until <= this.#deps.clock.now() ? undefined : found.asked;
  }
}
