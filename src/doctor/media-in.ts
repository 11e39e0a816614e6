import { createSocket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import { isPrivateHost, isPublicAddress } from '../addresses.ts';
import { delay } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { Peer } from '../transport/peer.ts';
import { type Check, type Finding, fail, pass, skip, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';
import type { Machine } from './environment.ts';
import { stunAddress } from './stun.ts';

/**
 * The way in for media of callers by WebRTC: what they are told of where this machine is, whether UDP comes through there, and whether a whole
 * connection does. Looked at from here, through the announced address: most hosts and many routers lead that back in.
 */

const KNOCK_MS = 1_000;
const CONNECT_MS = 5_000;

export function mediaInChecks(deps: DoctorDeps, machine: Machine): Check[] {
  const { config } = deps;
  // Without either nobody comes this way but pages in this network.
  if (config.WHATSAPP_PHONE_NUMBER_ID.length === 0 && config.RTC_PUBLIC_IP.length === 0) return [];
  const way = new WayIn(deps, machine);
  return [
    { name: 'public ip', run: (signal) => way.address(signal) },
    { name: 'udp from outside', run: () => way.ports() },
    { name: 'media self-test', run: (signal) => way.media(signal) },
  ];
}

class WayIn {
  readonly #deps: DoctorDeps;
  readonly #machine: Machine;
  /** Whether UDP to the announced address arrives here. */
  #isThrough = false;

  constructor(deps: DoctorDeps, machine: Machine) {
    this.#deps = deps;
    this.#machine = machine;
  }

  /** Where callers are told that this machine is; IPv4 first, which all have. */
  get #announced(): string | undefined {
    const { RTC_PUBLIC_IP: set } = this.#deps.config;
    const all = set.length > 0 ? set : this.#deps.addresses().filter(isPublicAddress);
    return all.find((address) => isIP(address) === 4) ?? all[0];
  }

  async address(signal: AbortSignal): Promise<Finding> {
    const { config } = this.#deps;
    const address = this.#announced;
    const isTrial = isPrivateHost(new URL(config.GRAPH_API_URL).hostname);
    const advice = 'Set RTC_PUBLIC_IP to the address under which UDP from the internet gets here.';
    if (address === undefined) {
      const seen = 'RTC_PUBLIC_IP is not set, and no address of this machine is public';
      return isTrial
        ? pass(`${seen}; the far end of a trial is in this network`)
        : fail(`${seen}: callers are told addresses that they cannot reach`, advice);
    }
    if (!isPublicAddress(address) && !isTrial)
      return fail(`RTC_PUBLIC_IP: ${address} is no address of the internet`, advice);
    const own = config.RTC_PUBLIC_IP.length > 0 ? 'is announced to callers' : "is this machine's own";
    const server = stunServer(config.ICE_SERVERS);
    const outside =
      server === undefined ? undefined : await stunAddress(server, isIPv6(address) ? 6 : 4, this.#deps.clock, signal);
    if (outside === undefined) return pass(`${address} ${own}`);
    if (outside === address) return pass(`${address} ${own}, and is what the STUN server sees`);
    return warn(
      `${address} ${own}, but the STUN server sees ${outside}`,
      `Set RTC_PUBLIC_IP to ${outside}, unless what goes out takes another way than what comes in.`,
    );
  }

  /** Knocks at both ends of the range, through the announced address. */
  async ports(): Promise<Finding> {
    const { config, inContainer, knock = knocked } = this.#deps;
    const address = this.#announced;
    const range = config.RTC_PORT_RANGE;
    if (range === undefined) {
      const seen = 'RTC_PORT_RANGE is not set: the system chooses the ports';
      return inContainer()
        ? fail(
            `${seen}, and none of a container's is published`,
            'Set RTC_PORT_RANGE and publish these very ports for UDP, one to one (docs/deploy.md).',
          )
        : warn(seen, 'Set RTC_PORT_RANGE and let these ports in for UDP, or let in all.');
    }
    if (!this.#machine.mediaPorts) return skip('needs a free port of RTC_PORT_RANGE');
    if (address === undefined) return skip('needs a public ip');
    const ends = range.min === range.max ? [range.min] : [range.min, range.max];
    const came = await Promise.all(ends.map((port) => knock(address, port)));
    // A port that a running call holds cannot be bound.
    const tried = ends.filter((_, i) => came[i] !== undefined);
    const open = ends.filter((_, i) => came[i] === true);
    const span = `UDP ports ${range.min} to ${range.max}`;
    const advice = `Publish ${span} of ${address} one to one: each to the same port here (container: "${range.min}-${range.max}:${range.min}-${range.max}/udp"; router, cloud: a rule for the whole range). No HTTP tunnel carries UDP.`;
    if (tried.length === 0) return skip('needs a free port at an end of RTC_PORT_RANGE');
    this.#isThrough = open.length > 0;
    if (open.length === tried.length) return pass(`${span} are reached at ${address} (tried: ${tried.join(' and ')})`);
    if (open.length > 0)
      return fail(
        `of ${span} ${open.join()} is reached at ${address} and ${tried.filter((port) => !open.includes(port)).join()} is not`,
        advice,
      );
    return warn(
      `nothing sent to ${address} came back in to ${span}: it is not published, or what stands in front does not lead its own address back`,
      `${advice} Whether that is so shows from another network: nc -u ${address} ${range.min} while tcpdump listens here.`,
    );
  }

  /** A whole connection of WebRTC, ours at the announced address and a caller's beside it. */
  async media(signal: AbortSignal): Promise<Finding> {
    const { config, clock } = this.#deps;
    const address = this.#announced;
    if (!this.#machine.webrtc) return skip('needs the WebRTC library');
    if (address === undefined || !this.#isThrough) return skip('needs udp from outside');
    const { RTC_PORT_RANGE: portRange } = config;
    const up = Promise.withResolvers<boolean>();
    const ours = new Peer({ iceServers: [], clock, ...(portRange === undefined ? {} : { portRange }) }, {});
    const caller = new Peer(
      { iceServers: [], clock },
      {
        state: (state) => {
          if (state === 'connected') up.resolve(true);
          if (state === 'failed') up.resolve(false);
        },
      },
    );
    const late = new AbortController();
    void delay(clock, CONNECT_MS, AbortSignal.any([signal, late.signal])).then(
      () => up.resolve(false),
      () => up.resolve(false),
    );
    try {
      // Without candidates of the caller's only his checks can find the way, and they go where the answer says.
      const answer = await ours.answer(await caller.createOffer(), KNOCK_MS);
      await caller.acceptAnswer(onlyAt(answer, address));
      if (await up.promise) return pass(`a call's media is up through ${address}`);
      return fail(
        `UDP comes through ${address}, and a call's media does not`,
        'Something on the way changes ports or lets single packets through alone: publish the range one to one.',
      );
    } catch (error) {
      return fail(errorMessage(error), 'See the lines "optional parts" and "port range".');
    } finally {
      late.abort();
      ours.close();
      caller.close();
    }
  }
}

/** The description with one candidate: the announced address, on the port that our own candidate of its family has. */
function onlyAt(sdp: string, address: string): string {
  const lines = sdp.split('\r\n');
  const own = lines.find((line) => {
    const [, , protocol, , ip = ''] = line.split(' ');
    return line.startsWith('a=candidate:') && protocol?.toLowerCase() === 'udp' && isIP(ip) === isIP(address);
  });
  return lines
    .flatMap((line) => {
      if (!line.startsWith('a=candidate:')) return [line];
      return line === own ? [line.replace(/^((?:\S+ ){4})\S+/, `$1${address}`)] : [];
    })
    .join('\r\n');
}

function stunServer(servers: DoctorDeps['config']['ICE_SERVERS']): string | undefined {
  return servers.flatMap(({ urls }) => [urls].flat()).find((url) => url.startsWith('stun:'));
}

/** Whether a packet to this port of the address arrives at the same port here; undefined where that is not ours to bind. */
function knocked(address: string, port: number): Promise<boolean | undefined> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  return new Promise((resolve) => {
    const door = createSocket(type);
    const visitor = createSocket(type);
    const word = `voicebridge doctor ${Math.random()}`;
    const timer = setTimeout(() => end(false), KNOCK_MS);
    const end = (came: boolean | undefined) => {
      clearTimeout(timer);
      door.close();
      visitor.close();
      resolve(came);
    };
    door.once('error', () => end(undefined));
    visitor.on('error', () => {});
    door.on('message', (message) => {
      if (message.toString() === word) end(true);
    });
    door.bind({ port, exclusive: true }, () => visitor.send(word, port, address, () => {}));
  });
}
