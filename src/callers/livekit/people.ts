import type { Participant } from '../../call/events.ts';
import type { Person, PersonKind } from '../../rooms/room.ts';

/** Kinds of participants that somebody speaks through. Agents, recorders and streams are none: they are let be, and nobody is greeted for them. */
const PEOPLE: ReadonlySet<PersonKind> = new Set(['standard', 'sip', 'connector', 'bridge']);
/** A participant with this attribute publishes in an agent's name. https://docs.livekit.io/agents/models/avatar/ */
const ON_BEHALF = 'lk.publish_on_behalf';

/** Longest name that is shown, characters. */
const NAME_MOST = 64;
/** People of whom the name is known although they left: what they said is written down later. */
const REMEMBER = 200;

/** Whether a participant is a person. */
export function isPerson({ kind, attributes }: Pick<Person, 'kind' | 'attributes'>): boolean {
  return PEOPLE.has(kind) && attributes[ON_BEHALF] === undefined;
}

/**
 * Whether somebody can be spoken to. A telephone is in the room from its first ring on, and says how far it has come; one that says nothing of it is there.
 * https://docs.livekit.io/reference/telephony/sip-participant/
 */
export function isOnTheLine({ kind, attributes }: Pick<Person, 'kind' | 'attributes'>): boolean {
  if (kind !== 'sip') return true;
  const status = attributes['sip.callStatus'] ?? '';
  return status === '' || status === 'active';
}

/** What somebody is called, in one line: names are what people's own tokens say. */
function shownName({ name, identity }: Pick<Person, 'name' | 'identity'>): string {
  const plain = (text: string) =>
    text
      .replace(/[\p{C}\s]+/gu, ' ')
      .trim()
      .slice(0, NAME_MOST);
  return plain(name) || plain(identity) || 'somebody';
}

/** The people in one room, and what they are called. Other participants are counted nowhere. Pure. */
export class People {
  readonly #here = new Map<string, Person>();
  /** By identity, oldest first; nobody else of this room has the name. */
  readonly #names = new Map<string, string>();

  /** What the room tells. True where it is news of a person: of somebody who came or left, or is told anew. */
  take(change: 'joined' | 'left' | 'changed', person: Person): boolean {
    const { identity } = person;
    const was = this.#here.has(identity);
    if (change === 'left') return this.#here.delete(identity);
    if (!isPerson(person)) return false;
    this.#here.set(identity, person);
    this.#name(person);
    return change === 'changed' || !was;
  }

  get size(): number {
    return this.#here.size;
  }

  /** In the order in which they came. */
  get all(): readonly Person[] {
    return [...this.#here.values()];
  }

  get(identity: string): Person | undefined {
    return this.#here.get(identity);
  }

  /** Whether anybody here could be heard. */
  get canSpeak(): boolean {
    for (const { microphone } of this.#here.values()) if (microphone === 'live') return true;
    return false;
  }

  /** Whether anybody here is on a telephone. */
  get hasPhone(): boolean {
    for (const { kind } of this.#here.values()) if (kind === 'sip') return true;
    return false;
  }

  /** The only person here; undefined where there are several, or none. */
  get only(): Person | undefined {
    return this.#here.size === 1 ? this.#here.values().next().value : undefined;
  }

  /** As others are told of somebody who is here, or was; undefined for who never was. */
  participant(identity: string): Participant | undefined {
    const name = this.#names.get(identity);
    return name === undefined ? undefined : { identity, name };
  }

  #name(person: Person): void {
    const { identity } = person;
    const plain = shownName(person);
    const before = this.#names.get(identity);
    if (before !== undefined && (before === plain || before.startsWith(`${plain} (`))) return;
    const taken = new Set(this.#names.values());
    let name = plain;
    for (let n = 2; taken.has(name); n++) name = `${plain} (${n})`;
    this.#names.delete(identity);
    this.#names.set(identity, name);
    if (this.#names.size <= REMEMBER) return;
    for (const known of this.#names.keys()) {
      if (this.#here.has(known)) continue;
      this.#names.delete(known);
      return;
    }
  }
}
