import { delay } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { Peer } from '../transport/peer.ts';
import { type Check, type Finding, fail, pass, skip } from './check.ts';
import type { DoctorDeps } from './deps.ts';
import type { Machine } from './environment.ts';

/** The relay of WebRTC, where one is set. */

const GATHER_MS = 5_000;
const POLL_MS = 50;

export const turnChecks = (deps: DoctorDeps, machine: Machine): Check[] => [
  { name: 'turn', run: () => turn(deps, machine) },
];

/** An allocation at the TURN server (RFC 8656): it was given when a relay candidate comes. */
async function turn({ config, clock }: DoctorDeps, machine: Machine): Promise<Finding> {
  const servers = config.ICE_SERVERS.filter(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
  if (servers.length === 0) return skip('no TURN server is set in ICE_SERVERS');
  if (!machine.webrtc) return skip('needs the WebRTC library');
  if (!machine.mediaPorts) return skip('needs a free port of RTC_PORT_RANGE');
  const advice =
    'Check address, transport, username and credential of the TURN server in ICE_SERVERS, and that UDP (or TCP) reaches it.';
  try {
    const peer = new Peer(
      {
        iceServers: servers,
        relayOnly: true,
        clock,
        ...(config.RTC_PORT_RANGE === undefined ? {} : { portRange: config.RTC_PORT_RANGE }),
      },
      {},
    );
    try {
      await peer.createOffer();
      // Only relay candidates are gathered, so any candidate is one; the others need not be waited for.
      const end = clock.now() + GATHER_MS;
      while (!peer.hasLocalCandidates && clock.now() < end) await delay(clock, POLL_MS);
      return peer.hasLocalCandidates
        ? pass('a relay candidate was given')
        : fail('no relay candidate was given', advice);
    } finally {
      peer.close();
    }
  } catch (error) {
    return fail(errorMessage(error), advice);
  }
}
