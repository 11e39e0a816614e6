import { describe, expect, it } from 'vitest';
import { quietUpdate } from '../../../../src/agents/openai/session.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { Run } from './run.ts';

/** An agent that is to hear and say nothing, while an operator speaks with the caller. */

const updates = (run: Run) =>
  run.model.last.sent
    .map((json) => (typeof json === 'string' ? JSON.parse(json) : json) as { type: string; session?: object })
    .filter(({ type }) => type === 'session.update')
    .slice(1)
    .map(({ session }) => session);

async function quiet() {
  const run = new Run();
  await run.start();
  run.leg.hush(true);
  return run;
}

describe('an agent that is quiet', () => {
  it('has the model answer nothing by itself, and holds it to that; then the other way', async () => {
    const run = await quiet();
    const detection = { type: 'server_vad', create_response: false, interrupt_response: false };
    expect(updates(run)).toEqual([{ type: 'realtime', audio: { input: { turn_detection: detection } } }]);
    // The session that the model states is the one that was asked for.
    run.says({ type: 'session.updated', session: { id: 's', audio: { input: { turn_detection: detection } } } });
    expect(run.end).toBeUndefined();
    run.leg.hush(true);
    expect(updates(run)).toHaveLength(1);
    run.leg.hush(false);
    expect(updates(run)[1]).toMatchObject({ audio: { input: { turn_detection: { create_response: true } } } });
  });

  it('waits for no answer to what is said meanwhile, and tells the words', async () => {
    const run = await quiet();
    run.says(says.speechStarted, says.speechStopped, says.callerSaid('item_user', 'I want a refund'));
    expect(run.leg.waitedFor).toBe(false);
    await run.after(30_000);
    expect(run.of('answer_delayed')).toEqual([]);
    expect(run.model.last.types).not.toContain('response.create');
    expect(run.of('transcript')).toMatchObject([{ role: 'caller', text: 'I want a refund' }]);
    expect(run.leg.said()).toMatchObject([{ kind: 'message', role: 'caller', text: 'I want a refund' }]);
  });

  it('cancels an answer that the model had begun before it knew, and nobody hears it', async () => {
    const run = await quiet();
    run.says(says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(200)));
    expect(run.model.last.types.at(-1)).toBe('response.cancel');
    expect(run.peer.heard).toEqual([]);
    run.says(says.done('r1', 'cancelled'));
    await run.after(10_000);
    expect(run.model.last.types).not.toContain('response.create');
  });

  it('answers again when it may', async () => {
    const run = await quiet();
    run.says(says.speechStarted, says.speechStopped);
    run.leg.hush(false);
    run.leg.respond('say that you are back');
    expect(run.model.last.types.at(-1)).toBe('response.create');
    run.answers('r2', 'i2');
    expect(run.peer.heard.length).toBeGreaterThan(0);
  });
});

describe('the session that is asked for', () => {
  const options = { keyApi: 'client_secrets', format: 'pcmu' } as Parameters<typeof quietUpdate>[0];

  it('keeps what is set of the turn detection, but for an answer to silence, and gets it back', () => {
    const turnDetection = { type: 'server_vad', threshold: 0.7, idleTimeoutMs: 6_000 } as const;
    const of = (quietly: boolean) => quietUpdate({ ...options, turnDetection }, quietly)?.['audio'];
    expect(of(true)).toEqual({
      input: {
        turn_detection: { type: 'server_vad', threshold: 0.7, create_response: false, interrupt_response: false },
      },
    });
    expect(of(false)).toEqual({
      input: {
        turn_detection: {
          ...{ type: 'server_vad', threshold: 0.7, idle_timeout_ms: 6_000 },
          ...{ create_response: true, interrupt_response: true },
        },
      },
    });
  });

  it('is left alone where nothing is answered by itself', () => {
    expect(quietUpdate({ ...options, turnDetection: null }, true)).toBeUndefined();
    const own = { type: 'semantic_vad', createResponse: false } as const;
    expect(quietUpdate({ ...options, turnDetection: own }, false)).toMatchObject({
      audio: { input: { turn_detection: { create_response: false } } },
    });
  });

  it('is flat in the beta', () => {
    expect(quietUpdate({ ...options, keyApi: 'sessions' }, true)).toEqual({
      turn_detection: { type: 'server_vad', create_response: false, interrupt_response: false },
    });
  });
});
