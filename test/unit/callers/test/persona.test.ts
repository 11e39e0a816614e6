import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../../../src/call/events.ts';
import type { LegContext } from '../../../../src/call/leg.ts';
import { termination } from '../../../../src/call/termination.ts';
import type { PersonaOrder } from '../../../../src/callers/test/kind.ts';
import { makeTone, toneLevel } from '../../../../src/media/tone.ts';
import { FakeAgent } from '../../../fakes/legs.ts';
import { PER_MS, rig } from './rig.ts';

/** A model that plays the caller, by hand. */
class Player extends FakeAgent {
  startWith: 'ready' | 'ended' = 'ready';

  override async start(ctx: LegContext<AgentEvent>): Promise<void> {
    await super.start(ctx);
    if (this.startWith === 'ready') this.ready();
    else this.emit({ type: 'ended', end: termination('model-auth') });
  }

  /** Says an item of so many ms at once, as a model does that answers faster than it can be spoken. */
  say(itemId: string, ms: number, words: string, hz = 700): void {
    this.emit({ type: 'audio_started', responseId: `r ${itemId}`, itemId, contentIndex: 0 });
    this.ctx?.peer.write({ samples: makeTone(hz, this.rate, ms, -15), sampleRate: this.rate });
    this.emit({ type: 'audio_done', responseId: `r ${itemId}`, itemId });
    this.emit({ type: 'transcript', role: 'agent', itemId, text: words, final: true });
  }

  hangUp(): void {
    this.emit({ type: 'tool_call', toolCallId: 't', name: 'hang_up', arguments: '{}', responseId: 'r' });
  }
}

async function played(more: Record<string, unknown> = {}, rate = 24_000) {
  const player = new Player(rate);
  const orders: PersonaOrder[] = [];
  const persona = async (order: PersonaOrder) => {
    orders.push(order);
    return player;
  };
  const spec = {
    kind: 'persona',
    persona: 'A hurried man.',
    goal: 'To book a table.',
    voice: 'ash',
    language: 'en',
    ...more,
  };
  return { player, orders, r: await rig(spec, { persona }) };
}

describe('a caller whom a model plays', () => {
  it('is told who it is, what it wants and how it hangs up', async () => {
    const { orders } = await played({ patience: 'low', talkativeness: 'high' });
    expect(orders).toMatchObject([{ voice: 'ash', language: 'en', tools: [{ name: 'hang_up' }] }]);
    const words = orders[0]?.instructions ?? '';
    for (const part of ['A hurried man.', 'To book a table.', 'impatient', 'You talk much', 'Speak en'])
      expect(words).toContain(part);
  });

  it('hears the agent, speaks at the pace of speech, and hangs up after its last words', async () => {
    const { r, player } = await played();
    await r.speak(500);
    expect(player.audio.heard.length).toBe(500 * PER_MS);
    player.say('one', 600, 'Hello, a table please.');
    await r.pass(1_000);
    player.say('two', 400, 'Goodbye.');
    player.hangUp();
    await r.pass(200);
    expect(r.outcome).toBeUndefined();
    await r.pass(400);
    expect(r.outcome).toMatchObject({ state: 'done', expectations: [], end: termination('caller-hangup') });
    const marks = r.outcome?.marks ?? [];
    expect(marks.map(({ kind, text }) => [kind, text])).toEqual([
      ['say', 'Hello, a table please.'],
      ['said', undefined],
      ['say', 'Goodbye.'],
      ['said', undefined],
      ['hang-up', undefined],
    ]);
    expect((marks[1]?.at ?? 0) - (marks[0]?.at ?? 0)).toBe(600 * PER_MS);
    const from = marks[0]?.at ?? 0;
    expect(toneLevel(r.tape.tape().caller.subarray(from, from + 14_400), 24_000, 700)).toBeCloseTo(-15, 0);
    expect(player.closedWith).toHaveLength(1);
    expect(r.ticker.size).toBe(0);
  });

  it('stops when the agent speaks over it, and the model learns how far it was heard', async () => {
    const { r, player } = await played();
    player.say('one', 5_000, 'A long story.');
    await r.pass(1_000, 1_500);
    player.emit({ type: 'speech_started' });
    await r.pass(500);
    expect(player.interruptions).toEqual([
      [{ itemId: 'one', contentIndex: 0, responseId: 'r one', heardMs: 1_000, writtenMs: 5_000 }],
    ]);
    expect(
      r.tape
        .tape()
        .caller.subarray(-4_800)
        .every((sample) => sample === 0),
    ).toBe(true);
    player.say('two', 300, 'Yes?');
    await r.pass(500);
    player.hangUp();
    await r.pass(100);
    expect(r.outcome?.marks.map(({ kind, text }) => [kind, text])).toEqual([
      ['say', 'A long story.'],
      ['said', undefined],
      ['say', 'Yes?'],
      ['said', undefined],
      ['hang-up', undefined],
    ]);
    // Its words are not all on its channel.
    expect(r.outcome?.marks.map(({ cut = false }) => cut)).toEqual([true, false, false, false, false]);
    const [say, said] = r.outcome?.marks ?? [];
    expect((said?.at ?? 0) - (say?.at ?? 0)).toBeLessThanOrEqual(1_020 * PER_MS);
    expect(player.told.at(-1)).toEqual(['two', 300]);
  });

  it('is through where the agent hangs up at its goodbye, and not where it had more to say', async () => {
    const leaving = await played();
    leaving.player.say('one', 1_000, 'Goodbye.');
    leaving.player.hangUp();
    await leaving.r.pass(300);
    leaving.r.agent.emit({ type: 'ended', end: termination('agent-hangup') });
    await leaving.r.pass(100);
    expect(leaving.r.outcome).toMatchObject({ state: 'done', end: { reason: 'agent-hangup' } });
    const talking = await played();
    talking.player.say('one', 1_000, 'Hello.');
    await talking.r.pass(300);
    talking.r.agent.emit({ type: 'ended', end: termination('agent-hangup') });
    await talking.r.pass(100);
    expect(talking.r.outcome).toMatchObject({ state: 'hung-up-on' });
  });

  it('speaks first when nobody does', async () => {
    const { r, player } = await played();
    await r.pass(5_900);
    expect(player.did).toEqual([]);
    await r.pass(200);
    expect(player.did).toHaveLength(1);
    expect(player.did[0]).toContain('Say hello');
  });

  it('asks when nobody answers, and gives up soon', async () => {
    const { r, player } = await played({ patience: 'low' });
    await r.speak(500);
    player.say('one', 600, 'A table, please.');
    await r.pass(6_500);
    expect(player.did).toEqual([]);
    await r.pass(300);
    expect(player.did).toHaveLength(1);
    expect(player.did[0]).toContain('Ask whether somebody is still there');
    player.say('two', 400, 'Hello?');
    await r.pass(6_500);
    expect(player.did).toHaveLength(2);
    await r.pass(6_200);
    expect(r.outcome).toMatchObject({
      state: 'gave-up',
      reason: 'the agent said nothing for 19 s',
      end: termination('caller-hangup'),
    });
  });

  it('does not count a silence that the agent ended', async () => {
    const { r, player } = await played({ patience: 'low' });
    for (let turn = 0; turn < 4; turn++) {
      player.say(`turn ${turn}`, 400, 'Hello?');
      await r.pass(7_000);
      await r.speak(500);
    }
    expect(player.did).toHaveLength(4);
    expect(r.outcome).toBeUndefined();
  });

  it('blames its own model where that says nothing', async () => {
    const { r } = await played({ patience: 'low' });
    await r.speak(500);
    await r.pass(18_600);
    expect(r.outcome).toMatchObject({ state: 'invalid', reason: 'the model that plays the caller says nothing' });
  });

  it('is through with its words though a live model sends silence behind them', async () => {
    const { r, player } = await played();
    player.pace = 'live';
    const silence = { samples: new Int16Array(480), sampleRate: 24_000 };
    const quiet = async (ms: number) => {
      for (let at = 0; at < ms; at += 20) {
        player.ctx?.peer.write(silence);
        await r.pass(20);
      }
    };
    await quiet(6_200);
    expect(player.did).toHaveLength(1);
    player.say('one', 600, 'Goodbye.');
    player.hangUp();
    await quiet(500);
    expect(r.outcome).toBeUndefined();
    await quiet(400);
    expect(r.outcome).toMatchObject({ state: 'done' });
  });

  it('is bound to its turns and to its time', async () => {
    const turns = await played({ max_turns: 2 });
    for (const id of ['a', 'b', 'c']) {
      turns.player.say(id, 200, id);
      await turns.r.pass(400);
    }
    expect(turns.r.outcome).toMatchObject({ state: 'timeout', reason: 'the caller had more than 2 turns' });
    const time = await played({ max_seconds: 3 });
    await time.r.pass(3_100);
    expect(time.r.outcome).toMatchObject({ state: 'timeout', reason: 'the call was longer than 3 s' });
  });

  it('makes the call invalid where its own model is lost, and no call where that was never there', async () => {
    const { r, player } = await played();
    await r.pass(200);
    player.emit({ type: 'ended', end: termination('model-session-lost') });
    await r.pass(100);
    expect(r.outcome).toMatchObject({
      state: 'invalid',
      reason: 'the model that plays the caller is gone: model-session-lost',
    });
    const dead = new Player();
    dead.startWith = 'ended';
    const spec = { kind: 'persona', persona: 'x', goal: 'y' };
    await expect(rig(spec, { persona: async () => dead })).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    expect(dead.closedWith).toHaveLength(1);
    await expect(rig(spec)).rejects.toMatchObject({ code: 'TEST_CALLER_INVALID' });
  });

  it('speaks through a session of another rate', async () => {
    const { r, player } = await played({}, 48_000);
    player.say('one', 600, 'x', 900);
    await r.pass(1_000, 1_500);
    expect(player.audio.heard.length).toBeCloseTo(48_000, -3);
    expect(toneLevel(r.tape.tape().caller.subarray(4_800, 12_000), 24_000, 900)).toBeCloseTo(-15, 0);
  });
});
