import { describe, expect, it } from 'vitest';
import { ModelCircuit } from '../../../src/admission/circuit.ts';
import { type TerminationReason, termination } from '../../../src/call/termination.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

function make() {
  const clock = new FakeClock();
  const log = fakeLog();
  const circuit = new ModelCircuit({ clock, log });
  let made = 0;
  const begin = (model = 'm') => {
    const id = `call-${++made}`;
    const info = { id, direction: 'inbound', model } as const;
    circuit.onEvent(id, { type: 'call_started', at: 0, direction: 'inbound', info });
    return {
      served: () =>
        circuit.onEvent(id, {
          type: 'agent',
          event: { type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 's', resumed: false },
        }),
      ends: (reason: TerminationReason) =>
        circuit.onEvent(id, { type: 'call_ended', durationMs: 0, end: termination(reason), counters: {} }),
    };
  };
  const refuse = (reason: TerminationReason = 'model-auth', model?: string) => begin(model).ends(reason);
  return { clock, log, circuit, begin, refuse };
}

describe('the circuit to a model', () => {
  it('spares callers once two in a row were refused for good, and lets one try after the pause', () => {
    const { circuit, clock, refuse } = make();
    refuse('model-auth');
    expect(circuit.admits('m')).toBe(true);
    refuse('model-quota');
    expect([circuit.admits('m'), circuit.isOpen('m')]).toEqual([false, true]);
    clock.advance(14_999);
    expect(circuit.admits('m')).toBe(false);
    clock.advance(1);
    expect([circuit.admits('m'), circuit.admits('m')]).toEqual([true, false]);
    expect(circuit.isOpen('m')).toBe(true);
  });

  it('keeps orders back as long as calls are spared, without taking the trial from whoever calls', () => {
    const { circuit, clock, refuse } = make();
    expect(circuit.spares('m')).toBe(false);
    refuse();
    refuse();
    expect(circuit.spares('m')).toBe(true);
    clock.advance(15_000);
    expect([circuit.spares('m'), circuit.spares('m'), circuit.admits('m')]).toEqual([false, false, true]);
    expect(circuit.spares('m')).toBe(true);
  });

  it('waits longer with each trial that is refused, five minutes at most, and takes calls again with the first that is served', () => {
    const { circuit, clock, refuse, begin, log } = make();
    refuse();
    refuse();
    for (const pause of [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000]) {
      clock.advance(pause - 1);
      expect(circuit.admits('m'), `${pause} ms`).toBe(false);
      clock.advance(1);
      expect(circuit.admits('m'), `${pause} ms`).toBe(true);
      refuse();
    }
    clock.advance(300_000);
    expect(circuit.admits('m')).toBe(true);
    begin().served();
    expect([circuit.admits('m'), circuit.isOpen('m')]).toEqual([true, false]);
    refuse();
    expect(circuit.admits('m')).toBe(true);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(8);
  });

  it('is opened by nothing else: not by a caller, a busy model, or a refusal between calls that are served', () => {
    const { circuit, refuse, begin } = make();
    for (const reason of ['caller-hangup', 'model-unavailable', 'model-rate-limited', 'model-rejected'] as const) {
      refuse(reason);
      refuse(reason);
      expect(circuit.admits('m'), reason).toBe(true);
    }
    refuse();
    begin().served();
    refuse();
    expect(circuit.admits('m')).toBe(true);
  });

  it('opens once for many calls that began together, and gives the trial up of which nothing is heard', () => {
    const { circuit, clock, begin } = make();
    const calls = Array.from({ length: 20 }, () => begin());
    for (const call of calls) call.ends('model-auth');
    clock.advance(15_000);
    expect(circuit.admits('m')).toBe(true);
    begin().ends('caller-hangup');
    clock.advance(19_999);
    expect(circuit.admits('m')).toBe(false);
    clock.advance(1);
    expect(circuit.admits('m')).toBe(true);
  });

  it('spares the callers of one model only', () => {
    const { circuit, refuse } = make();
    refuse('model-auth', 'gone');
    refuse('model-auth', 'gone');
    expect([circuit.admits('gone'), circuit.admits('m')]).toEqual([false, true]);
  });
});
