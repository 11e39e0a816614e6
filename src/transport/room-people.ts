import type { RoomLibrary } from './room.ts';
import type { LinkKind, LinkPerson } from './room-link.ts';

type RemoteParticipant = InstanceType<RoomLibrary['RemoteParticipant']>;

/**
 * Participants as LiveKit's library has them. Of what somebody may do it keeps what his token said when he came, by an inner name, and is deaf to the server's word
 * that it has changed: who may more since is known by what he does.
 */
export class RoomPeople {
  readonly #library: RoomLibrary;
  /** Those who had a microphone, or wrote. */
  readonly #takePart = new WeakSet<RemoteParticipant>();

  constructor(library: RoomLibrary) {
    this.#library = library;
  }

  read(person: RemoteParticipant): LinkPerson {
    const { TrackKind, TrackSource, ParticipantKind } = this.#library;
    const audio = [...person.trackPublications.values()].filter(({ kind }) => kind === TrackKind.KIND_AUDIO);
    // Who comes by SIP may have a track of no named source; beside a microphone such a track is something else.
    const microphone =
      audio.find(({ source }) => source === TrackSource.SOURCE_MICROPHONE) ??
      audio.find(({ source }) => source === TrackSource.SOURCE_UNKNOWN);
    if (microphone !== undefined) this.#takePart.add(person);
    return {
      identity: person.identity,
      sid: person.sid ?? '',
      name: person.name ?? '',
      kind: (ParticipantKind[person.kind]?.toLowerCase() ?? 'standard') as LinkKind,
      attributes: { ...person.attributes },
      microphone: microphone && { sid: microphone.sid ?? '', muted: microphone.muted ?? false },
      observes: !this.#takePart.has(person) && !mayTakePart(person),
    };
  }

  /** Somebody wrote. True where he looked on alone before, and is to be read anew. */
  wrote(person: RemoteParticipant | undefined): boolean {
    if (person === undefined || this.#takePart.has(person)) return false;
    this.#takePart.add(person);
    return !mayTakePart(person);
  }
}

function mayTakePart({ info }: RemoteParticipant): boolean {
  const { permission } = info;
  return permission === undefined || permission.canPublish === true || permission.canPublishData === true;
}
