import { ROOM_FRAME_MS, type Speaker } from '../../rooms/room.ts';

/**
 * Whose words they are. The model hears one stream and writes down turns; who was heard in each frame, and how loud, the room tells. A turn belongs to
 * whoever was the loudest in most of its frames, and who else was so for a good part of it is named beside.
 */

/** So long before the model noticed that somebody speaks he had spoken already, frames: what it waits for, and the way to it. */
const BEFORE = 600 / ROOM_FRAME_MS;
/** Somebody is the one who speaks who was the loudest in so many of the last frames. */
const WINDOW = 300 / ROOM_FRAME_MS;
const ENOUGH = 200 / ROOM_FRAME_MS;
/** Who was the loudest in so many frames of a turn, and in this part of those in which anybody was heard, spoke in it, too. */
const OTHER_LEAST = 300 / ROOM_FRAME_MS;
const OTHER_PART = 0.2;
/** Whoever is within this of the loudest speaks at the same time, dB. */
const TOGETHER_DB = 6;
/** Turns that are remembered: words come some seconds after they were said. */
const REMEMBER = 64;
/** How long words may come after a turn of which the model told no id, frames: whatever comes later is of another one, and some turns have no words. */
const UNCLAIMED = 10_000 / ROOM_FRAME_MS;

/** Whose a turn's words are, by identity. */
export interface Attributed {
  readonly by: string;
  readonly others: readonly string[];
}

/** How often each was the loudest; who speaks at the same time has half of it. */
type Tally = Map<string, number>;

/** A turn that goes on. */
interface Turn {
  /** Undefined where the model tells none with its turns: then words come under ids that nobody has heard of. */
  readonly itemId: string | undefined;
  readonly tally: Tally;
  /** Ids of words that came while it went on, and are of no other. */
  readonly claimed: Set<string>;
}

export class Attribution {
  /** The last frames, the oldest first: who was heard in each. */
  readonly #last: Array<readonly Speaker[]> = [];
  /** Turns whose words may still come, each by its item. */
  readonly #turns = new Map<string, Attributed | undefined>();
  /** Turns without an id whose words have not come, the oldest first; `at`: the frame at which each ended. */
  readonly #unclaimed: Array<{ readonly whose: Attributed | undefined; readonly at: number }> = [];
  /** Frames so far. */
  #frames = 0;
  #current: Turn | undefined;
  #latest: Attributed | undefined;
  #speaker: string | undefined;

  /** Whoever spoke last, or speaks. */
  get speaker(): string | undefined {
    return this.#speaker;
  }

  /** One frame, and who is heard in it, the loudest first. Returns who speaks now, where that is another than before. */
  heard(by: readonly Speaker[]): string | undefined {
    // Most frames are silence, and are one and the same to it.
    const frame = by.length === 0 ? SILENCE : by.slice();
    this.#frames++;
    this.#last.push(frame);
    if (this.#last.length > BEFORE) this.#last.shift();
    if (this.#current !== undefined) count(this.#current.tally, frame);
    const loudest = frame[0]?.identity;
    if (loudest === undefined || loudest === this.#speaker) return undefined;
    let times = 0;
    for (let i = Math.max(0, this.#last.length - WINDOW); i < this.#last.length; i++)
      if (this.#last[i]![0]?.identity === loudest) times++;
    if (times < ENOUGH) return undefined;
    this.#speaker = loudest;
    return loudest;
  }

  /** Somebody wrote, and so is the one that the conversation is with. True where that is another than before. */
  wrote(identity: string): boolean {
    const changed = identity !== this.#speaker;
    this.#speaker = identity;
    return changed;
  }

  /** The model noticed that somebody speaks. */
  began(itemId: string | undefined): void {
    const tally: Tally = new Map();
    for (const frame of this.#last) count(tally, frame);
    this.#current = { itemId, tally, claimed: new Set() };
  }

  /** The model noticed that he stopped. */
  ended(itemId: string | undefined): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    const whose = judge(current.tally);
    if (whose !== undefined) this.#latest = whose;
    const key = itemId ?? current.itemId;
    if (key !== undefined) this.#keep(key, whose);
    for (const id of current.claimed) this.#keep(id, whose);
    if (key !== undefined || current.claimed.size > 0) return;
    this.#unclaimed.push({ whose, at: this.#frames });
    if (this.#unclaimed.length > REMEMBER) this.#unclaimed.shift();
  }

  /**
   * Whose words these are, as far as it is known by now; undefined where nobody was heard. Words come in the order of the turns: those of an id that no turn has
   * told are of the oldest turn without one whose words have not come. Where there is none they are of the last turn in which somebody was heard.
   */
  of(itemId: string): Attributed | undefined {
    if (this.#turns.has(itemId)) return this.#turns.get(itemId);
    const current = this.#current;
    if (current?.itemId === itemId || current?.claimed.has(itemId)) return judge(current.tally);
    while (this.#unclaimed[0] !== undefined && this.#frames - this.#unclaimed[0].at > UNCLAIMED)
      this.#unclaimed.shift();
    const turn = this.#unclaimed.shift();
    if (turn !== undefined) {
      this.#keep(itemId, turn.whose);
      return turn.whose;
    }
    if (current === undefined || current.itemId !== undefined) return this.#latest;
    if (current.claimed.size < REMEMBER) current.claimed.add(itemId);
    return judge(current.tally);
  }

  #keep(key: string, whose: Attributed | undefined): void {
    this.#turns.delete(key);
    this.#turns.set(key, whose);
    if (this.#turns.size > REMEMBER) this.#turns.delete(this.#turns.keys().next().value!);
  }
}

const SILENCE: readonly Speaker[] = [];

function count(tally: Tally, frame: readonly Speaker[]): void {
  const [loudest, ...rest] = frame;
  if (loudest === undefined) return;
  tally.set(loudest.identity, (tally.get(loudest.identity) ?? 0) + 1);
  for (const { identity, level } of rest)
    if (level > loudest.level - TOGETHER_DB) tally.set(identity, (tally.get(identity) ?? 0) + 0.5);
}

function judge(tally: Tally): Attributed | undefined {
  const [first, ...rest] = [...tally].sort((a, b) => b[1] - a[1]);
  if (first === undefined) return undefined;
  const all = rest.reduce((sum, [, times]) => sum + times, first[1]);
  const others = rest.filter(([, times]) => times >= OTHER_LEAST && times / all >= OTHER_PART);
  return { by: first[0], others: others.map(([identity]) => identity) };
}
