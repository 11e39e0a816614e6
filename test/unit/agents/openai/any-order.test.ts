import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallerTurns } from '../../../../src/agents/openai/caller-turns.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { type Run, run } from './run.ts';

/** Events of a server in any order, doubled or missing: the line is never dead for longer than the limit, and a turn has one answer. */

const LIMIT_MS = 30_000;

type Step =
  | { readonly do: 'started' | 'stopped' | 'committed' | 'created' | 'sound' | 'whole' | 'text' }
  | { readonly do: 'done'; readonly status: string }
  | { readonly do: 'heard' }
  | { readonly do: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom<Step>(
      ...(['started', 'stopped', 'committed', 'created', 'sound', 'whole', 'text', 'heard'] as const).map((what) => ({
        do: what,
      })),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('completed', 'failed', 'incomplete', 'cancelled')
      .map((status): Step => ({ do: 'done', status })),
  },
  { weight: 3, arbitrary: fc.integer({ min: 10, max: 9_000 }).map((ms): Step => ({ do: 'wait', ms })) },
);

/** A server that says what the steps say, about the latest turn and the latest response, and the caller who hears what was written. */
class Any {
  turn = 0;
  response = 0;
  /** When the wait that goes on began, as a caller would count it. */
  waitsSince = 0;
  /** The end of a turn was told whose beginning never was. */
  endedUnbegun = false;
  /** The turn has been answered, whole and heard. */
  answered = false;
  asked = 0;
  readonly r: Run;
  readonly state = new Map<number, { sounded: boolean; heard: boolean; done: boolean }>();

  constructor(r: Run) {
    this.r = r;
    r.hears = false;
  }

  get #id(): string {
    return `r${this.response}`;
  }

  async do(one: Step): Promise<void> {
    const { r } = this;
    const item = `u${this.turn}`;
    const now = this.state.get(this.response);
    switch (one.do) {
      case 'started':
        this.turn++;
        this.answered = false;
        this.state.clear();
        r.says({ ...says.speechStarted, item_id: `u${this.turn}` });
        this.waitsSince = r.clock.now();
        break;
      case 'stopped':
        r.says({ ...says.speechStopped, item_id: item });
        if (this.turn > 0 || this.endedUnbegun) break;
        // He spoke until now, and waits from here on for another answer, whatever ran before.
        this.endedUnbegun = true;
        this.answered = false;
        this.waitsSince = r.clock.now();
        break;
      case 'committed':
        r.says({ type: 'input_audio_buffer.committed', item_id: item });
        break;
      case 'created':
        this.response++;
        this.state.set(this.response, { sounded: false, heard: false, done: false });
        r.says(says.created(this.#id), says.message(this.#id, `i${this.response}`));
        break;
      case 'sound':
        if (now === undefined || now.done) break;
        r.says(says.delta(this.#id, `i${this.response}`, ulaw(100)));
        now.sounded = true;
        break;
      case 'whole':
        r.says(says.audioDone(this.#id, `i${this.response}`));
        break;
      case 'text':
        r.says({ type: 'response.output_text.done', response_id: this.#id, item_id: `i${this.response}`, text: 'x' });
        break;
      case 'done':
        if (this.response > 0) r.says(says.done(this.#id, one.status));
        if (now !== undefined && one.status === 'completed') now.done = true;
        else if (now !== undefined) this.state.delete(this.response);
        break;
      case 'heard':
        if (now?.sounded !== true) break;
        r.heard(this.#id, `i${this.response}`);
        now.heard = true;
        this.waitsSince = r.clock.now();
        break;
      case 'wait':
        for (let ms = 0; ms < one.ms && r.end === undefined; ms += 250) {
          r.clock.advance(Math.min(250, one.ms - ms));
          await Promise.resolve();
          this.check();
        }
        break;
      default:
        one satisfies never;
    }
    this.check();
    const after = this.state.get(this.response);
    if (after?.sounded && after.heard && after.done && !this.r.leg.waitedFor) this.answered = true;
  }

  check(): void {
    const { r } = this;
    if (!r.leg.waitedFor) this.waitsSince = Math.max(this.waitsSince, r.clock.now());
    if (r.end === undefined) expect(r.clock.now() - this.waitsSince).toBeLessThanOrEqual(LIMIT_MS + 1_000);
    const asked = r.model.last.of('response.create').length;
    if (this.answered) expect(asked).toBe(this.asked);
    this.asked = asked;
  }
}

describe('events in any order', () => {
  it('leave no line dead, and no turn with two answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const any = new Any(await run());
        for (const one of steps) {
          if (any.r.end !== undefined) break;
          await any.do(one);
        }
        // Then the caller says something whole, and the model nothing at all.
        if (any.r.end === undefined) {
          await any.do({ do: 'started' });
          await any.do({ do: 'stopped' });
          await any.do({ do: 'wait', ms: LIMIT_MS + 1_000 });
          expect(any.r.end).toMatchObject({ reason: expect.stringMatching(/^model-/) });
        }
        expect(any.r.clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

describe('CallerTurns', () => {
  it('takes each turn once, whatever is told twice, late or not at all', () => {
    const turns = new CallerTurns();
    expect([turns.started('a'), turns.started('a'), turns.stopped('a'), turns.stopped('a')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([turns.started('b'), turns.stopped('a'), turns.speaking]).toEqual([true, false, true]);
    expect([turns.committed('x'), turns.committed('b'), turns.stopped('b')]).toEqual([false, true, false]);
    expect([turns.stopped('c'), turns.stopped('c')]).toEqual([true, false]);
    expect([turns.started('d'), turns.started('e'), turns.stopped('e'), turns.speaking]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    turns.started('f');
    turns.lost();
    expect([turns.speaking, turns.stopped('f')]).toEqual([false, false]);
  });

  it('does without ids', () => {
    const turns = new CallerTurns();
    expect([
      turns.started(undefined),
      turns.started(undefined),
      turns.stopped(undefined),
      turns.stopped(undefined),
    ]).toEqual([true, false, true, false]);
  });
});
