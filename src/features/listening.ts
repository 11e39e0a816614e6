import { CallEars } from '../listening/call-ears.ts';
import { ListeningDesk } from '../listening/desk.ts';
import { listenSockets } from '../listening/http/listen-socket.ts';
import { Tickets } from '../listening/tickets.ts';
import type { Base, Feature } from './feature.ts';

/** Operators who listen in to calls, whisper to agents, and speak with callers. */
export function openListening({ config, clock, log, fleet }: Base): Feature {
  const ears = new CallEars();
  return {
    tap: (info) => ears.tap(info),
    install({ http, admin, calls, people: { sessions, note } }) {
      const desk = new ListeningDesk({
        ...{ calls, ears, clock, note, log },
        listenNotice: config.LISTEN_NOTICE,
        takeoverNotice: config.TAKEOVER_NOTICE,
        most: config.OPERATORS_LISTENING,
      });
      const tickets = new Tickets(clock);
      listenSockets({ http, admin, sessions, publicUrl: config.PUBLIC_URL, desk, tickets, fleet, clock, log });
    },
  };
}
