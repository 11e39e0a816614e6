/** Agents of a real livekit-server's: what is sent into a room by its name comes, greets, answers and gives way. */

import { type Clock, systemClock, type Timer } from '../../call/clock.ts';
import type { RoomConnection, Rooms } from '../../rooms/room.ts';
import { RoomServer } from '../../transport/room-server.ts';
import { heldOf } from '../talker/held.ts';
import { Talker, type TalkerScript, USUAL_SCRIPT } from '../talker/talker.ts';

const RATE = 24_000;
const FRAME = (RATE * 20) / 1000;
/** How often the server is asked which rooms want one, ms. */
const LOOK_MS = 150;

export interface RoomAgentsOptions {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly rooms: Rooms;
  readonly agentName: string;
  readonly talker?: Partial<TalkerScript>;
  /** So long after somebody came it hangs up, ms. */
  readonly hangsUpAfterMs?: number;
}

/** One agent at work. */
export interface AtWork {
  readonly roomName: string;
  readonly metadata: string;
  readonly heard: Int16Array[];
  readonly talker: Talker;
  isOver: boolean;
}

export class RoomAgents {
  readonly jobs: AtWork[] = [];
  readonly #o: RoomAgentsOptions;
  readonly #server: RoomServer;
  readonly #clock: Clock = systemClock;
  readonly #seen = new Set<string>();
  readonly #connections: RoomConnection[] = [];
  readonly #abort = new AbortController();
  #timer: Timer;

  constructor(options: RoomAgentsOptions) {
    this.#o = options;
    this.#server = new RoomServer(options);
    this.#timer = this.#clock.after(0, () => void this.#look());
  }

  async close(): Promise<void> {
    this.#abort.abort(new Error('the agents go home'));
    this.#timer.cancel();
    await Promise.all(this.#connections.map((one) => one.close('the agents go home')));
  }

  async #look(): Promise<void> {
    for (const room of await this.#server.list().catch(() => [])) {
      if (this.#seen.has(room)) continue;
      const asked = await this.#server.dispatches(room).catch(() => []);
      const mine = asked.find(({ agentName }) => agentName === this.#o.agentName);
      if (mine === undefined) continue;
      this.#seen.add(room);
      void this.#work(room, mine.metadata).catch(() => {});
    }
    if (!this.#abort.signal.aborted) this.#timer = this.#clock.after(LOOK_MS, () => void this.#look());
  }

  async #work(roomName: string, metadata: string): Promise<void> {
    const { url, rooms, talker: script, hangsUpAfterMs } = this.#o;
    let room: RoomConnection | undefined;
    let lines = 0;
    const talker = new Talker({ ...USUAL_SCRIPT, ...script }, RATE, {
      gaveWay: () => room?.clear(),
      said: (role, text) =>
        room?.transcript({
          segmentId: `SG_${++lines}`,
          identity: role === 'user' ? 'caller' : undefined,
          text,
          final: true,
        }),
    });
    const job: AtWork = { roomName, metadata, heard: [], talker, isOver: false };
    this.jobs.push(job);
    const frame = new Int16Array(FRAME);
    let isThere = false;
    const leave = () => {
      if (job.isOver) return;
      job.isOver = true;
      void room?.close('the job is done');
    };
    room = await rooms.join(
      {
        url,
        roomName,
        token: () =>
          this.#server.token({ room: roomName, identity: 'agent-1', name: 'Agent', ttlSeconds: 600, agent: true }),
        trackName: 'voice',
        audio: 'mix',
        rate: RATE,
        connectMs: 15_000,
        lostMs: 5_000,
        attributes: {},
        signal: this.#abort.signal,
      },
      {
        audio: (samples) => {
          if (!isThere || job.isOver) return;
          job.heard.push(samples.slice());
          talker.heldMs = room === undefined ? 0 : heldOf(room.quality());
          talker.hear(samples, RATE);
          talker.pull(frame);
          room?.write(frame.slice());
        },
        participant: (change) => {
          if (change === 'left') leave();
          if (change !== 'joined' || isThere) return;
          isThere = true;
          if (hangsUpAfterMs !== undefined) this.#clock.after(hangsUpAfterMs, leave);
        },
        text: () => {},
        digit: () => {},
        link: () => {},
        ended: leave,
      },
    );
    this.#connections.push(room);
    // It speaks as somebody does, and nothing of it is there ahead of time.
    room.setPace('live');
  }
}
