import type { LinkPerson } from '../../transport/room-link.ts';
import type { Microphone, Person, RoomRole } from '../room.ts';

/** A person as a worker tells of it; when it was told is the daemon's to say. */
export type ToldPerson = Omit<Person, 'joinedAt'>;

export type PersonChange = 'joined' | 'left' | 'changed';

/** Whose microphone is for us: people's, however they came. Agents, recorders and streams are participants too, and another agent's voice is not a caller's. */
const HEARD_KINDS: ReadonlySet<string> = new Set(['standard', 'sip', 'connector', 'bridge']);
/** Set by what publishes in an agent's name, an avatar for one. https://docs.livekit.io/agents/integrations/avatar/ */
const ON_BEHALF = 'lk.publish_on_behalf';

/** Whether this participant is told of. Who observes takes no part in anything: to the agent he is not there until he does. */
export function isTold({ observes }: LinkPerson, by: RoomRole = 'agent'): boolean {
  return by === 'person' || !observes;
}

/** Whether this participant's microphone is heard by who we are: a person hears agents, and whoever else is there. */
export function isHeard(person: LinkPerson, by: RoomRole = 'agent'): boolean {
  if (by === 'person') return person.kind !== 'egress';
  return HEARD_KINDS.has(person.kind) && person.attributes[ON_BEHALF] === undefined;
}

/**
 * Who is in the room, as it was told. What the library says is compared with that, so that nothing is told twice, whichever of its events came, and who seems to
 * leave because the link is away is kept until that is known.
 */
export class People {
  readonly #told = new Map<string, ToldPerson>();
  readonly #tell: (change: PersonChange, person: ToldPerson) => void;

  constructor(tell: (change: PersonChange, person: ToldPerson) => void) {
    this.#tell = tell;
  }

  /** Tells what is new in who is there now. With `keep` nobody has left. */
  update(there: readonly LinkPerson[], keep: boolean): void {
    const now = new Map(there.map((person) => [person.identity, toldOf(person)]));
    if (!keep) {
      for (const [identity, person] of this.#told) {
        if (now.has(identity)) continue;
        this.#told.delete(identity);
        this.#tell('left', { ...person, microphone: 'none' });
      }
    }
    for (const [identity, person] of now) {
      const before = this.#told.get(identity);
      if (before !== undefined && isSame(before, person)) continue;
      this.#told.set(identity, person);
      this.#tell(before === undefined ? 'joined' : 'changed', person);
    }
  }
}

function toldOf({ identity, sid, name, kind, attributes, microphone }: LinkPerson): ToldPerson {
  const state: Microphone = microphone === undefined ? 'none' : microphone.muted ? 'muted' : 'live';
  return { identity, sid, name, kind, attributes, microphone: state };
}

function isSame(a: ToldPerson, b: ToldPerson): boolean {
  const names = Object.keys(a.attributes);
  return (
    a.sid === b.sid &&
    a.name === b.name &&
    a.kind === b.kind &&
    a.microphone === b.microphone &&
    names.length === Object.keys(b.attributes).length &&
    names.every((name) => a.attributes[name] === b.attributes[name])
  );
}
