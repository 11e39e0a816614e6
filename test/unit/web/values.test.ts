import { describe, expect, it } from 'vitest';
import { terminationReasons } from '../../../src/call/termination.ts';
import { loopDelayOf } from '../../../web/js/health.js';
import { cost, duration, meterFill, phoneNumber, prettyJson, spokenDuration } from '../../../web/js/lib/format.js';
import { leftOutWords } from '../../../web/js/lib/thin.js';
import { backOff, base64url } from '../../../web/js/live-stream.js';
import { eventsOnAxis } from '../../../web/js/model/axis.js';
import { callFrom } from '../../../web/js/model/call-state.js';
import { filtersOf, searchOf } from '../../../web/js/model/past-filters.js';
import { barOf, quantile, scaleOf, sorted } from '../../../web/js/model/waterfall.js';
import { carrierWords, errorWords, nameCarriers, partyWords, reasonWords } from '../../../web/js/model/words.js';
import { parseRoute, routeTo } from '../../../web/js/router.js';
import { stream } from './events.ts';

describe('the waterfall of an answer', () => {
  it('has a part for each step, from the last word on', () => {
    const bar = barOf({
      index: 2,
      callerStoppedMs: 1_000,
      detectedMs: 1_500,
      responseMs: 1_510,
      firstAudioMs: 1_900,
      heardMs: 2_050,
      cushionMs: 90,
    });
    expect(bar).toEqual({
      index: 2,
      atMs: 1_000,
      totalMs: 1_050,
      cushionMs: 90,
      segments: [
        { name: 'detect', fromMs: 0, ms: 500 },
        { name: 'think', fromMs: 500, ms: 400 },
        { name: 'deliver', fromMs: 900, ms: 150 },
      ],
      tools: [],
    });
  });

  it('has the tools that ran while the caller waited, and no others', () => {
    const turn = { index: 0, callerStoppedMs: 1_000, detectedMs: 1_500, firstAudioMs: 2_900, heardMs: 3_000 };
    const tools = [
      { name: 'before', fromMs: 100, ms: 800 },
      { name: 'book', fromMs: 1_600, ms: 900 },
      { name: 'after', fromMs: 3_100, ms: 50 },
    ];
    expect(barOf(turn, tools)?.tools).toEqual([{ name: 'book', fromMs: 600, ms: 900 }]);
  });

  it('stands in order or the slowest first', () => {
    const bars = [800, 3_000, undefined].map((totalMs, index) => ({
      index,
      atMs: 0,
      totalMs,
      segments: [],
      tools: [],
    }));
    expect(sorted(bars, 'order').map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(sorted(bars, 'slowest').map(({ index }) => index)).toEqual([2, 1, 0]);
  });

  it('leaves out what is not known, and never runs backwards', () => {
    expect(barOf({ index: 0 })).toBeUndefined();
    expect(barOf({ index: 0, callerStoppedMs: 1_000, detectedMs: 1_500 })?.totalMs).toBeUndefined();
    const late = barOf({ index: 0, detectedMs: 1_500, firstAudioMs: 1_400, heardMs: 1_600 });
    expect(late?.segments).toEqual([
      { name: 'think', fromMs: 0, ms: 0 },
      { name: 'deliver', fromMs: 0, ms: 100 },
    ]);
  });

  it('has a scale of few steps, and honest quantiles', () => {
    const bar = (ms: number) => ({
      index: 0,
      atMs: 0,
      totalMs: ms,
      segments: [{ name: 'think' as const, fromMs: 0, ms }],
      tools: [],
    });
    expect([0, 900, 1_001, 4_000, 34_000].map((ms) => scaleOf([bar(ms)]))).toEqual([
      1_000, 1_000, 2_000, 5_000, 40_000,
    ]);
    expect(quantile([], 0.5)).toBeUndefined();
    expect([0.5, 1].map((share) => quantile([300, 100, 200, 400], share))).toEqual([200, 400]);
  });
});

describe('the time axis', () => {
  it('has what happened within the recording, and not who spoke', () => {
    const tell = stream('c');
    const call = callFrom('c', [
      tell('caller.dtmf', { digit: '1' }, 500),
      tell('agent.transcript', { role: 'agent', itemId: 'a', text: 'Hi', final: true }, 1_500),
      tell('tool.tool_started', { toolCallId: 't', name: 'book' }, 2_000),
      tell('agent.error', { code: 'x', message: '' }, 9_000),
    ]);
    expect(eventsOnAxis(call, 1_000, 4_000)).toEqual({
      marks: [{ key: 'tool-t', share: 0.25, kind: 'tool', text: 'Tool book', atMs: 1_000 }],
      all: 1,
    });
    expect(eventsOnAxis(call, 0, 0)).toEqual({ marks: [], all: 0 });
  });

  it('has marks over all of a long call, every error, and says how many there are', () => {
    const tell = stream('c');
    const tools = Array.from({ length: 1_000 }, (_, n) =>
      tell('tool.tool_started', { toolCallId: `t${n}`, name: 'book' }, n * 1_000),
    );
    const call = callFrom('c', [...tools, tell('agent.error', { code: 'x', message: '' }, 999_500)]);
    const { marks, all } = eventsOnAxis(call, 0, 1_000_000);
    expect([marks.length, all]).toEqual([200, 1_001]);
    expect(marks.at(-1)).toMatchObject({ kind: 'error', atMs: 999_500 });
    // No stretch of the call is bare.
    const gaps = marks.map(({ atMs }, n) => atMs - (marks[n - 1]?.atMs ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(7_000);
    expect(leftOutWords(200, 1_001, 'Elsewhere.')).toContain('200 of 1001');
    expect(leftOutWords(3, 3, 'Elsewhere.')).toBe('');
  });
});

describe('what is shown', () => {
  it('is written as people read it', () => {
    expect([0, 65_000, 3_723_000].map((ms) => duration(ms))).toEqual(['0:00', '1:05', '1:02:03']);
    expect(spokenDuration(61_000)).toBe('1 minute 1 second');
    expect(phoneNumber('+12025550143')).toBe('+1 202 555 0143');
    expect([phoneNumber('+493012345'), phoneNumber('')]).toEqual(['+493012345', 'Unknown number']);
    expect([cost(null), cost(0.0123).includes('0.0123'), cost(1.5).includes('1.50')]).toEqual(['', true, true]);
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(prettyJson('{broken')).toBe('{broken');
    expect([null, Number.NEGATIVE_INFINITY, -90, -30, 3].map(meterFill)).toEqual([0, 0, 0, 0.5, 1]);
  });

  it('has words for every way a call can end', () => {
    for (const reason of terminationReasons) expect(reasonWords(reason), reason).not.toBe(reason);
  });

  it('explains errors, those of single fields and unknown ones too', () => {
    expect(errorWords({ code: 'ADMIN_TOKEN_MISSING' })).toContain('admin-token');
    expect(
      errorWords({ code: 'REQUEST_INVALID', message: 'x', issues: [{ path: 'body.to', message: 'must be a number' }] }),
    ).toBe('to: must be a number');
    expect(errorWords({ code: 'OF_TOMORROW', message: 'something' })).toBe('something (OF_TOMORROW)');
  });
});

describe('the health', () => {
  it('finds how late the event loop runs among the metrics', () => {
    const metrics = [
      '# TYPE voicebridge_event_loop_delay_seconds gauge',
      'voicebridge_event_loop_delay_seconds{stat="max"} 0.5',
      'voicebridge_event_loop_delay_seconds{stat="smoothed"} 0.0042',
    ];
    expect(loopDelayOf(metrics.join('\n'))).toBeCloseTo(4.2);
    expect(loopDelayOf('up 1')).toBeUndefined();
  });
});

describe('the address', () => {
  it('leads to a view and back', () => {
    expect(parseRoute('')).toMatchObject({ view: 'live', id: undefined });
    expect(parseRoute(routeTo('calls', 'a/b c'))).toMatchObject({ view: 'calls', id: 'a/b c' });
    const route = parseRoute('#/calls?text=two+words');
    expect(route.query.get('text')).toBe('two words');
    expect(parseRoute('#/live/%E0%A4%A').id).toBe('%E0%A4%A');
  });

  it('keeps filters, and asks for whole days', () => {
    const form = new FormData();
    for (const [name, value] of Object.entries({
      text: ' refund ',
      number: '',
      since: '2026-03-01',
      until: '2026-03-01',
    }))
      form.set(name, value);
    const filters = filtersOf(form);
    expect(filters.toString()).toBe('text=refund&since=2026-03-01&until=2026-03-01');
    const query = new URLSearchParams(searchOf(filters, { limit: 50 }));
    expect(Date.parse(query.get('until') ?? '') - Date.parse(query.get('since') ?? '')).toBe(86_400_000);
    expect(searchOf(new URLSearchParams({ number: '(202) 555-01' }), { limit: 5, cursor: 'c' })).toBe(
      'limit=5&number=20255501&cursor=c',
    );
    const user = 'whatsapp:US.13491208655302741918';
    expect(new URLSearchParams(searchOf(new URLSearchParams({ number: user }), { limit: 5 })).get('number')).toBe(user);
  });
});

describe('the stream', () => {
  it('waits longer each time, up to a bound, and never the same for all', () => {
    expect([0, 1, 5, 50].map((n) => backOff(n, () => 0.5))).toEqual([500, 1_000, 15_000, 15_000]);
    expect([backOff(0, () => 0), backOff(0, () => 1)]).toEqual([375, 625]);
  });

  it('writes a token so that it fits a subprotocol', () => {
    expect(base64url('ü+/?token')).toBe(Buffer.from('ü+/?token').toString('base64url'));
  });
});

describe('who is on the other end', () => {
  it.each([
    [{ direction: 'inbound', from: '+12025550143', callerKind: 'number' }, '+1 202 555 0143'],
    [{ direction: 'inbound', from: 'client:alice', callerKind: 'identity' }, 'client:alice'],
    [
      { direction: 'inbound', from: 'whatsapp:US.1349', callerKind: 'identity', carrier: 'whatsapp' },
      'whatsapp:US.1349',
    ],
    [{ direction: 'inbound', to: '+12025550100', callerKind: 'withheld' }, 'Number withheld'],
    [{ direction: 'inbound', carrier: 'browser', callerKind: 'identity' }, 'A web page'],
    [{ direction: 'outbound', from: '+12025550100', to: '+12025550143', callerKind: 'number' }, '+1 202 555 0143'],
    [{ direction: 'inbound' }, 'Unknown number'],
  ])('%o is shown as %s', (info, words) => expect(partyWords(info)).toBe(words));
});

describe('where a call comes from', () => {
  it('is written as people write it, where the daemon told the page how', () => {
    expect(['example', 'browser', 'whatsapp', undefined].map(carrierWords)).toEqual([
      'example',
      'Browser',
      'WhatsApp',
      undefined,
    ]);
    nameCarriers({ example: 'Example & Co' });
    expect(carrierWords('example')).toBe('Example & Co');
  });
});
