import { expect, it } from 'vitest';
import { AgentState } from '../../../../src/callers/livekit/agent-state.ts';
import { FakeClock } from '../../../fakes/clock.ts';

function rig() {
  const told: string[] = [];
  const at = { played: 0, written: 0 };
  const clock = new FakeClock();
  const state = new AgentState(
    clock,
    () => ({ playedMs: () => at.played, writtenMs: () => at.written }),
    (now) => told.push(now),
  );
  const write = (ms: number, loud: boolean) => {
    at.written += ms;
    state.wrote(new Int16Array(ms * 24).fill(loud ? 5_000 : 0), at.written, 24_000);
  };
  const play = (ms: number) => {
    at.played = Math.min(at.written, at.played + ms);
    clock.advance(ms);
    state.look();
  };
  return { state, told, at, write, play };
}

it('the agent is initializing until both ends are there', () => {
  const { state, told } = rig();
  state.look();
  expect(state.state).toBe('initializing');
  state.begin();
  expect(told).toEqual(['listening']);
});

it('speaks while it is heard, thinks while it owes an answer, and listens otherwise', () => {
  const { state, told, write, play } = rig();
  state.begin();
  state.onAgent({ type: 'speech_started' });
  state.onAgent({ type: 'speech_stopped' });
  state.onAgent({ type: 'response_started', responseId: 'r' });
  write(1_000, true);
  state.onAgent({ type: 'response_done', responseId: 'r', status: 'completed' });
  for (let t = 0; t < 1_000; t += 100) play(100);
  write(1_000, false);
  for (let t = 0; t < 1_000; t += 100) play(100);
  expect(told).toEqual(['listening', 'thinking', 'speaking', 'listening']);
});

it('a pause within a sentence is none of the state', () => {
  const { state, told, write, play } = rig();
  state.begin();
  for (const loud of [true, false, true]) {
    for (let t = 0; t < 400; t += 20) {
      write(20, loud);
      play(20);
    }
  }
  expect(told).toEqual(['listening', 'speaking']);
});

it('is not speaking any more once what it had to say is gone', () => {
  const { state, told, at, write, play } = rig();
  state.begin();
  write(5_000, true);
  play(200);
  at.written = at.played;
  state.onAgent({ type: 'speech_started' });
  state.cleared();
  expect(told).toEqual(['listening', 'speaking', 'listening']);
});
