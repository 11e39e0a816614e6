import { describe, expect, it } from 'vitest';
import { Aftermath } from '../../../src/aftermath/aftermath.ts';
import { shortened } from '../../../src/aftermath/ask.ts';
import { formOf, type Line, type Made, madeOf } from '../../../src/aftermath/wanted.ts';
import { BridgeError } from '../../../src/errors.ts';
import { afterCallKey } from '../../../src/prompts/after-call.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { Telling } from '../../fakes/record-events.ts';

const WANTED = afterCallKey.parse({
  outcome: ['booked', 'other'],
  fields: {
    name: {},
    size: { type: 'number', description: 'How many people.' },
    urgent: { type: 'boolean' },
    day: { values: ['Monday', 'Friday'] },
  },
});

describe('what a prompt asks for', () => {
  it.each([
    [{ summary: false }, 'asks for nothing'],
    [{ outcome: ['one'] }, 'needs two'],
    [{ fields: { 'a b': {} } }, 'letters, digits'],
    [{ fields: { a: { type: 'number', values: ['1'] } } }, 'only strings'],
    [{ fields: { a: { typ: 'string' } } }, 'typ'],
  ])('is refused where it is wrong: %j', (value, why) => {
    const result = afterCallKey.safeParse(value);
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).toContain(why);
  });

  it('is told to the model as JSON Schema in which nothing need be guessed', () => {
    expect(formOf(WANTED)).toEqual({
      type: 'object',
      additionalProperties: false,
      required: ['summary', 'outcome', 'fields'],
      properties: {
        summary: { type: 'string' },
        outcome: { type: ['string', 'null'], enum: ['booked', 'other', null] },
        fields: {
          type: 'object',
          additionalProperties: false,
          required: ['name', 'size', 'urgent', 'day'],
          properties: {
            name: { type: ['string', 'null'] },
            size: { type: ['number', 'null'], description: 'How many people.' },
            urgent: { type: ['boolean', 'null'] },
            day: { type: ['string', 'null'], enum: ['Monday', 'Friday', null] },
          },
        },
      },
    });
    expect(formOf(afterCallKey.parse({ summary: false, outcome: ['a', 'b'] }))).toMatchObject({
      required: ['outcome'],
    });
  });
});

describe('what a model answers', () => {
  it('is taken as far as it is what was asked for', () => {
    const said = {
      summary: ' Two sentences. ',
      outcome: 'booked',
      fields: { name: 'Ann', size: 3, urgent: false, day: 'Friday' },
    };
    expect(madeOf(JSON.stringify(said), WANTED)).toEqual({ ...said, summary: 'Two sentences.' });
    expect(madeOf(`\`\`\`json\n${JSON.stringify(said)}\n\`\`\``, WANTED)?.outcome).toBe('booked');
    const odd = { summary: 5, outcome: 'sold', fields: { name: '', size: '3', urgent: 'yes', day: 'Sunday', more: 1 } };
    expect(madeOf(JSON.stringify(odd), WANTED)).toEqual({
      summary: null,
      outcome: null,
      fields: { name: null, size: null, urgent: null, day: null },
    });
    expect(madeOf('{}', WANTED)?.fields).toEqual({ name: null, size: null, urgent: null, day: null });
    expect(madeOf(JSON.stringify({ summary: 'x'.repeat(9_000) }), WANTED)?.summary).toHaveLength(2_000);
  });

  it.each(['I cannot do that.', '[]', 'null', ''])('is none where it is no object: %j', (content) => {
    expect(madeOf(content, WANTED)).toBeUndefined();
  });
});

describe('a conversation that is longer than is sent', () => {
  const line = (text: string): Line => ({ speaker: 'caller', text });
  const texts = (lines: readonly Line[]) => shortened(lines, 20).map(({ text }) => text);

  it('has its beginning and its end, half of the characters each, however long its lines are', () => {
    expect(texts([line('0123456789'), line('abcdefghij')])).toEqual(['0123456789', 'abcdefghij']);
    // Nearly all of it in the first line.
    const unequal = [line('x'.repeat(100)), ...Array.from('abcdefghijklmno', line)];
    expect(texts(unequal)).toEqual(['x'.repeat(10), ...'fghijklmno']);
    expect(texts([...'abcde'].map(line).concat(line('0123456789'.repeat(9)), line('z')))).toEqual([
      ...['a', 'b', 'c', 'd', 'e', '01234'],
      ...['123456789', 'z'],
    ]);
  });

  it('is not empty where it is one line, and has no half of a character', () => {
    expect(texts([line(`${'a'.repeat(30)}${'b'.repeat(30)}`)])).toEqual(['a'.repeat(10), 'b'.repeat(10)]);
    const [first, last] = texts([line(`a${'😀'.repeat(20)}b`)]);
    expect([first?.isWellFormed(), last?.isWellFormed(), first?.length, last?.length]).toEqual([true, true, 10, 10]);
  });
});

describe('what calls came to', () => {
  const MADE: Made = { summary: 's', outcome: 'other', fields: {} };

  function rig(answers: Array<Made | Error> = []) {
    const clock = new FakeClock();
    const log = fakeLog();
    const told: RecordedEvent[] = [];
    const counts: string[] = [];
    const asked: Array<readonly Line[]> = [];
    let gate: Promise<void> | undefined;
    const telling = new Telling('aaaaaa', 1_700_000_000_000);
    let n = 0;
    const aftermath = new Aftermath({
      wantedOf: (prompt) => (prompt === 'default' ? WANTED : undefined),
      async ask(lines, _, signal) {
        asked.push(lines);
        await gate;
        signal.throwIfAborted();
        const answer = answers.shift() ?? MADE;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      model: 'm',
      tell: (event) => told.push(event),
      ids: { next: () => `z${n++}` },
      clock,
      log,
      count: (end) => counts.push(end),
    });
    const take = (events: readonly RecordedEvent[]) => {
      for (const event of events) aftermath.onRecord(event);
    };
    const call = (id: string, prompt = 'default') => {
      take(telling.start(id, { prompt }));
      take(telling.turn(id, 'A table for three', 'For when?'));
      const [end] = telling.end(id);
      take([end!]);
      return end!;
    };
    return {
      clock,
      log,
      told,
      counts,
      asked,
      aftermath,
      telling,
      take,
      call,
      hold: (until: Promise<void>) => (gate = until),
    };
  }

  it('are told as an event of the call behind its end, of calls whose prompt asks for it alone', async () => {
    const { clock, told, counts, asked, call } = rig();
    const end = call('a');
    call('b', 'another');
    await clock.advanceAsync(10);
    expect(asked).toEqual([
      [
        { speaker: 'caller', text: 'A table for three' },
        { speaker: 'agent', text: 'For when?' },
      ],
    ]);
    expect(told).toMatchObject([
      { callId: 'a', seq: end.seq + 1, type: 'call_summarized', transient: false, data: { ...MADE, model: 'm' } },
    ]);
    expect(told[0]!.offsetMs).toBeGreaterThanOrEqual(end.offsetMs);
    expect(counts).toEqual(['made']);
  });

  it('know an operator’s words from the caller’s, and are none where only he spoke', async () => {
    const { clock, asked, telling, take } = rig();
    const hers = (itemId: string) =>
      ({
        type: 'agent',
        event: { type: 'transcript', role: 'caller', itemId, text: 'Ten percent off.', final: true, operator: true },
      }) as const;
    const begun = (itemId: string) => ({ type: 'agent', event: { type: 'speech_started', itemId } }) as const;
    take(telling.start('a'));
    take(telling.turn('a', 'How much is it?', 'Twenty dollars.'));
    take(telling.tell('a', [begun('j'), hers('j')]));
    take(telling.end('a'));
    take(telling.start('b'));
    take(telling.tell('b', [begun('j'), hers('j')]));
    take(telling.end('b'));
    await clock.advanceAsync(10);
    expect(asked).toEqual([
      [
        { speaker: 'caller', text: 'How much is it?' },
        { speaker: 'agent', text: 'Twenty dollars.' },
        { speaker: 'operator', text: 'Ten percent off.' },
      ],
    ]);
  });

  it('have the lines in the order in which they were begun, whenever their words are known', async () => {
    const { clock, asked, telling, take } = rig();
    take(telling.start('a'));
    const words = (role: 'caller' | 'agent', itemId: string, text: string) =>
      ({ type: 'agent', event: { type: 'transcript', role, itemId, text, final: true } }) as const;
    take(
      telling.tell('a', [
        { type: 'agent', event: { type: 'speech_started', itemId: 'i1' } },
        { type: 'agent', event: { type: 'audio_started', responseId: 'r', itemId: 'i2', contentIndex: 0 } },
        { type: 'agent', event: { type: 'speech_started', itemId: 'i3' } },
        words('agent', 'i2', 'It is booked.'),
        words('caller', 'i1', 'A table, please.'),
      ]),
    );
    take(telling.end('a'));
    await clock.advanceAsync(10);
    expect(asked).toEqual([
      [
        { speaker: 'caller', text: 'A table, please.' },
        { speaker: 'agent', text: 'It is booked.' },
      ],
    ]);
  });

  it('are not asked for where the caller said nothing, or the call went on elsewhere', async () => {
    const { clock, asked, telling, take } = rig();
    take(telling.start('a'));
    take(telling.end('a'));
    take(telling.start('b'));
    take(telling.turn('b', 'Hello', 'Hello'));
    take(telling.tell('b', [{ type: 'call_moved', to: 'x', durationMs: 1 }]));
    await clock.advanceAsync(10);
    expect(asked).toEqual([]);
  });

  it('are asked for again where that may help, and given up where it does not', async () => {
    const later = new BridgeError('AFTER_CALL_FAILED', 'busy', { retryable: true });
    const never = new BridgeError('AFTER_CALL_FAILED', 'no');
    const { clock, told, counts, asked, log, call } = rig([later, later, MADE, never]);
    call('a');
    await clock.advanceAsync(20_000, 500);
    expect(told).toHaveLength(1);
    expect(asked).toHaveLength(3);
    call('b');
    await clock.advanceAsync(10);
    expect(asked).toHaveLength(4);
    expect(counts).toEqual(['made', 'failed']);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(JSON.stringify(log.lines)).not.toContain('table for three');
  });

  it('are asked for once more where the answer was of no use, and never put back, whatever came between', async () => {
    const unusable = () => new BridgeError('AFTER_CALL_INVALID', 'is no JSON', { retryable: true });
    const away = () => new BridgeError('AFTER_CALL_FAILED', 'away', { retryable: true });
    const { clock, told, counts, asked, call } = rig([unusable(), MADE, ...Array.from({ length: 50 }, unusable)]);
    call('a');
    await clock.advanceAsync(20_000, 500);
    expect([told.length, asked.length]).toEqual([1, 2]);
    call('b');
    await clock.advanceAsync(3_600_000, 10_000);
    expect([told.length, asked.length, clock.pending]).toEqual([1, 4, 0]);
    expect(counts).toEqual(['made', 'failed']);
    // Put back for what may pass, it is not asked for anew as often as that.
    const mixed = rig([
      away(),
      away(),
      unusable(),
      away(),
      away(),
      unusable(),
      ...Array.from({ length: 50 }, unusable),
    ]);
    mixed.call('c');
    await mixed.clock.advanceAsync(3_600_000, 10_000);
    expect([mixed.asked.length, mixed.counts, mixed.clock.pending]).toEqual([6, ['failed'], 0]);
  });

  it('are made once the model is back, though it was away for an hour, and given up after a day', async () => {
    const away = () => new BridgeError('AFTER_CALL_FAILED', 'away', { retryable: true });
    const hour = 3_600_000;
    // Six rounds of four tries.
    const { clock, told, counts, asked, call } = rig(Array.from({ length: 24 }, away));
    const end = call('a');
    await clock.advanceAsync(hour, 10_000);
    expect([told.length, counts]).toEqual([0, []]);
    await clock.advanceAsync(hour / 2, 10_000);
    expect(told).toMatchObject([{ callId: 'a', type: 'call_summarized' }]);
    // It stands where it was made, by the call's own time.
    expect(told[0]!.offsetMs - end.offsetMs).toBeGreaterThan(hour);
    expect(counts).toEqual(['made']);
    const before = asked.length;

    const dead = rig(Array.from({ length: 2_000 }, away));
    dead.call('b');
    await dead.clock.advanceAsync(23 * hour, 60_000);
    expect(dead.counts).toEqual([]);
    await dead.clock.advanceAsync(2 * hour, 60_000);
    expect(dead.counts).toEqual(['failed']);
    const tries = dead.asked.length;
    await dead.clock.advanceAsync(2 * hour, 60_000);
    expect([dead.asked.length, dead.clock.pending]).toEqual([tries, 0]);
    expect(before).toBeGreaterThan(20);
  });

  it('that are asked for again later are forgotten with their calls, and hold up no end', async () => {
    const away = () => new BridgeError('AFTER_CALL_FAILED', 'away', { retryable: true });
    const { clock, told, log, aftermath, call } = rig(Array.from({ length: 8 }, away));
    for (const id of ['a', 'b']) call(id);
    await clock.advanceAsync(100_000, 1_000);
    let finished = false;
    void aftermath.finish(new AbortController().signal).then(() => {
      finished = true;
    });
    await clock.advanceAsync(10);
    expect(finished).toBe(true);
    aftermath.forget(['a']);
    aftermath.close();
    expect(log.lines.at(-1)).toMatchObject({ fields: { calls: 1 } });
    await clock.advanceAsync(700_000, 10_000);
    expect([told, clock.pending]).toEqual([[], 0]);
  });

  it('are made two at a time, and not of calls that are forgotten, nor after the close', async () => {
    let open = () => {};
    const { clock, told, asked, aftermath, call, hold } = rig();
    hold(new Promise((resolve) => (open = resolve)));
    for (const id of ['a', 'b', 'c', 'd']) call(id);
    await clock.advanceAsync(10);
    expect(asked).toHaveLength(2);
    aftermath.forget(['a', 'c']);
    open();
    await clock.advanceAsync(10);
    expect(told.map(({ callId }) => callId).sort()).toEqual(['b', 'd']);
    aftermath.close();
    call('e');
    await clock.advanceAsync(10);
    expect(told).toHaveLength(2);
  });

  it('are waited for until nothing is left, or for as long as there is time', async () => {
    let open = () => {};
    const { clock, told, aftermath, call, hold } = rig();
    const over: string[] = [];
    const finish = (name: string, signal = new AbortController().signal) =>
      void aftermath.finish(signal).then(() => over.push(name));
    finish('nothing to be made');
    await clock.advanceAsync(10);
    hold(new Promise((resolve) => (open = resolve)));
    for (const id of ['a', 'b', 'c']) call(id);
    const late = new AbortController();
    finish('cut short', late.signal);
    finish('all made');
    await clock.advanceAsync(5_000, 500);
    late.abort();
    await clock.advanceAsync(10);
    expect(over).toEqual(['nothing to be made', 'cut short']);
    open();
    await clock.advanceAsync(10);
    expect([over.at(-1), told.length]).toEqual(['all made', 3]);
    hold(new Promise(() => {}));
    call('d');
    finish('closed');
    await clock.advanceAsync(10);
    expect(over).toHaveLength(3);
    aftermath.close();
    await clock.advanceAsync(10);
    expect(over.at(-1)).toBe('closed');
  });
});
