import { describe, expect, it } from 'vitest';
import { addEvent, type CallRecord, closeAsLost, newRecord } from '../../../src/records/call-record.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';
import { PRICES, Telling, TURN_COST } from '../../fakes/record-events.ts';

function fold(events: readonly RecordedEvent[], prices = PRICES): CallRecord {
  const record = newRecord(events[0]!.callId, 'aaaaaa', events[0]!);
  for (const event of events) addEvent(record, event, prices);
  return record;
}

const recording = (seq: number, type: string, data: Record<string, unknown>): RecordedEvent => ({
  id: `x${seq}`,
  callId: 'c1',
  seq,
  at: 1_700_000_009_000,
  offsetMs: 9_000,
  type,
  data,
  transient: false,
});

describe('the record of a call', () => {
  it('sums usage and cost over its responses', () => {
    const telling = new Telling();
    telling.start('c1');
    telling.turn('c1', 'a', 'b');
    telling.turn('c1', 'a', 'b');
    const record = fold(telling.told);
    expect(record.cost).toBeCloseTo(2 * TURN_COST, 9);
    expect(record).toMatchObject({ currency: 'USD', turns: 2, usage: { outputAudioTokens: 400, cachedTokens: 1_000 } });
  });

  it('has no cost when the model has no price, and costs nothing when nothing was used', () => {
    const telling = new Telling();
    telling.start('c1', { model: 'somebody-elses' });
    expect(fold(telling.told)).toMatchObject({ cost: 0, currency: null });
    telling.turn('c1', 'a', 'b');
    expect(fold(telling.told)).toMatchObject({ cost: null, currency: null, usage: { inputTextTokens: 1_000 } });
  });

  it('survives events that lack what they should have', () => {
    const record = fold([
      recording(0, 'call_started', {}),
      recording(1, 'agent.response_done', { usage: { inputTextTokens: -5, outputAudioTokens: 'x' } }),
      recording(2, 'call_ended', { end: null }),
    ]);
    expect(record).toMatchObject({ cost: 0, direction: 'inbound', from: null, result: null, durationMs: 0 });
    expect(record.usage.inputTextTokens).toBe(0);
  });

  it('gathers what the recorder tells, also after the call', () => {
    const telling = new Telling();
    telling.start('c1');
    telling.end('c1');
    const record = fold([
      ...telling.told,
      recording(8, 'recording_started', { consent: 'notice', format: 'wav', sampleRate: 8_000 }),
      recording(9, 'recording_stopped', { reason: 'call-ended', durationMs: 5_000, file: 'c1.wav', bytes: 12 }),
    ]);
    expect(record.recording).toEqual({
      consent: 'notice',
      format: 'wav',
      durationMs: 5_000,
      stopped: 'call-ended',
      file: 'c1.wav',
      bytes: 12,
    });
    expect(record.reason).toBe('caller-hangup');
  });

  it('that was closed as lost is opened by what its process still tells, and not by nothing', () => {
    const telling = new Telling();
    const record = fold(telling.start('c1'));
    closeAsLost(record);
    expect(record).toMatchObject({ result: 'indeterminate', reason: 'process-lost', durationMs: 200 });
    addEvent(record, telling.turn('c1', 'a', 'b')[0]!, PRICES);
    expect(record).toMatchObject({ result: null, reason: null, endedAt: null, durationMs: null });
  });
});
