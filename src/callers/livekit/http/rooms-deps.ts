import type { Calls } from '../../../call/calls.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { Intake } from '../../../intake/intake.ts';
import type { Strangers } from '../../../intake/strangers.ts';
import type { PcmFrame } from '../../../media/frame.ts';
import type { ProcessMemory } from '../../../memory/memory.ts';
import type { RoomAudio, Rooms } from '../../../rooms/room.ts';
import type { RoomServer } from '../../../transport/room-server.ts';
import type { LivekitMetrics } from '../metrics.ts';
import type { Clearing } from './clearing.ts';

/** What rooms are made with. */
export interface LivekitRoomsDeps {
  readonly rooms: Rooms;
  readonly server: Pick<RoomServer, 'token' | 'create' | 'find' | 'removeParticipant'>;
  readonly clearing: Pick<Clearing, 'deleteRoom' | 'hangUp' | 'check'>;
  readonly intake: Intake;
  readonly calls: Pick<Calls, 'join'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: LivekitMetrics;
  /** The other processes, and what all of them remember. */
  readonly fleet: Fleet;
  readonly memory: Pick<ProcessMemory, 'space' | 'leases'>;
  /** Recorded words for people whose call cannot be had. */
  readonly apology: PcmFrame | undefined;
  /** What strangers may have together. */
  readonly strangers: Strangers;
  /** `ws:` or `wss:`, as we reach it. */
  readonly url: string;
  readonly audio: RoomAudio;
  readonly tellSpeaker: boolean;
  readonly agentName: string;
  /** Most rooms of one tenant; 0: as many as there is room for. */
  readonly perTenant: number;
  readonly joinMs: number;
  readonly leaveMs: number;
  readonly idleMs: number;
  /** How long a participant's token opens the room, s. */
  readonly tokenSeconds: number;
}
