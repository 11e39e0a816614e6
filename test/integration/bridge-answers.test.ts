import { describe, expect } from 'vitest';
import {
  type AudioSource,
  type Phone,
  scriptSource,
  silenceSource,
  toneSource,
} from '../../src/simulator/phone/index.ts';
import type { ScenarioInput } from '../../src/simulator/realtime/index.ts';
import { hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { type Rig, startRig, TRANSPORTS, type Transport, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** An answer is what the caller heard. What "ends" without that is asked for again, covered, and told, by what comes out at the phone. */

const GREETING_HZ = 500;
const ANSWER_HZ = 620;
const CALLER_HZ = 1_020;
const tone = (hz: number, toneMs = 1_000) => ({ tone: hz, toneMs });
const greeting = tone(GREETING_HZ, 500);

/** One turn of the caller's. */
const oneTurn = () => toneSource(CALLER_HZ, { ms: 800 });

interface Heard {
  /** Ms in which this tone alone was heard. */
  tone(hz: number): number;
  /** Runs of sound, from and to, ms of the recording. */
  readonly runs: Array<{ fromMs: number; toMs: number }>;
  /** End of the caller's first words in the same recording, ms. */
  readonly saidUntilMs: number;
}

/** A call of one who speaks when he was greeted, may do more then, and hangs up so long after he began to speak. */
async function called(
  rig: Rig,
  hangUpAfterMs: number,
  words: AudioSource = oneTurn(),
  then: (phone: Phone) => Promise<void> = async () => {},
): Promise<Heard & { events: typeof rig.events; ended: string }> {
  const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
  await hearsOut(phone, 300);
  phone.say(words);
  const hangsUp = setTimeout(() => phone.hangUp(), hangUpAfterMs);
  await then(phone);
  await report;
  clearTimeout(hangsUp);
  const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
  const heard = phone.recordedChannels();
  const samples = heard?.agent ?? new Int16Array();
  const rate = heard?.sampleRate ?? 8_000;
  return {
    tone: (hz) => toneAloneMs(samples, rate, hz),
    runs: runsOf(samples, rate),
    saidUntilMs: runsOf(heard?.caller ?? new Int16Array(), rate)[0]?.toMs ?? Number.NaN,
    events: rig.events,
    ended: ended.end.reason,
  };
}

/** Runs of sound; pauses below 300 ms are part of one. */
function runsOf(samples: Int16Array, rate: number): Array<{ fromMs: number; toMs: number }> {
  const runs: Array<{ fromMs: number; toMs: number }> = [];
  const step = rate / 50;
  for (let at = 0; at + step <= samples.length; at += step) {
    if (!samples.subarray(at, at + step).some((sample) => Math.abs(sample) > 300)) continue;
    const fromMs = (at * 1000) / rate;
    const last = runs.at(-1);
    if (last !== undefined && fromMs - last.toMs < 300) last.toMs = fromMs + 20;
    else runs.push({ fromMs, toMs: fromMs + 20 });
  }
  return runs;
}

const finals = (rig: Rig) => {
  const words = new Map<string, string>();
  for (const event of rig.agentEvents('transcript')) {
    if (event['role'] === 'agent' && event['final'] === true) words.set(String(event['itemId']), String(event['text']));
  }
  return [...words.values()].filter((text) => text !== '');
};
const asked = (rig: Rig) => rig.model.sessions.map((session) => session.responses).reduce((sum, n) => sum + n, 0);

const withTurns = (turns: ScenarioInput['turns'], faults: ScenarioInput['faults'] = []): ScenarioInput => ({
  greeting: { ...greeting, text: 'Good day.' },
  turns,
  faults,
});

describe.concurrent('an answer that nobody heard', { timeout: 90_000 }, () => {
  it.for([
    ['text only', { as: 'text' }],
    ['no output at all', { as: 'nothing' }],
    ['words without audio', { as: 'words_only' }],
    ['incomplete before a sound', { as: 'nothing', end: { status: 'incomplete', reason: 'max_output_tokens' } }],
    ['held back by the filter', { as: 'nothing', end: { status: 'incomplete', reason: 'content_filter' } }],
    ['cancelled by the server', { as: 'nothing', end: { status: 'cancelled' } }],
  ] as const)('is asked for again once, and heard then: %s', async ([, broken], { own }) => {
    const answer = { ...tone(ANSWER_HZ), text: 'Open from nine to five.' };
    const scenario = withTurns([{ say: { ...tone(880), text: 'Unheard words.' }, ...broken }, { say: answer }]);
    const rig = own(await startRig({ scenario }));
    const heard = await called(rig, 10_000);
    expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(900);
    expect(heard.tone(ANSWER_HZ)).toBeLessThanOrEqual(1_300);
    expect(asked(rig)).toBe(3);
    expect(finals(rig)).toEqual(['Good day.', 'Open from nine to five.']);
    expect(await rig.counter('answer_unheard')).toBe(1);
    expect(rig.lines.filter(({ msg }) => msg === 'an answer was not heard')).toHaveLength(1);
  });

  it.for(TRANSPORTS)(
    'is told in words when it fails twice, and the call ends when those fail too: %s',
    async (transport, { own }) => {
      const empty = { as: 'nothing' } as const;
      const scenario = withTurns([empty, empty, { say: tone(ANSWER_HZ) }, empty, empty, empty]);
      const rig = own(await startRig({ transport, scenario }));
      const heard = await called(rig, 18_000, scriptSource([oneTurn(), { pauseMs: 5_000 }, oneTurn()]));
      expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(800);
      expect(heard.ended).toBe('model-silent');
      // The apology is the last thing heard.
      expect((heard.runs.at(-1)?.toMs ?? 0) - (heard.runs.at(-1)?.fromMs ?? 0)).toBeGreaterThan(1_000);
    },
  );

  it.for(TRANSPORTS)('is not asked for again when it failed after it had said all: %s', async (transport, { own }) => {
    const fail = { code: 'server_error', message: 'late' };
    const rig = own(
      await startRig({ transport, scenario: withTurns([{ say: tone(ANSWER_HZ), fail }, { say: tone(880) }]) }),
    );
    const heard = await called(rig, 10_000);
    expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(800);
    expect(heard.tone(ANSWER_HZ)).toBeLessThanOrEqual(1_300);
    expect(heard.tone(880)).toBe(0);
    expect(asked(rig)).toBe(2);
    expect(heard.ended).toBe('caller-hangup');
  });

  it('goes on where it was cut off', async ({ own }) => {
    const say = { ...tone(ANSWER_HZ, 2_000), text: 'We are open from nine to five on all days of the week.' };
    const fail = { code: 'server_error', message: 'half way' };
    const rig = own(await startRig({ scenario: withTurns([{ say, cutMs: 1_000, fail }, { say: tone(880) }]) }));
    const heard = await called(rig, 10_000);
    expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(900);
    expect(heard.tone(880)).toBeGreaterThanOrEqual(900);
    const asks = rig.model.sessions.flatMap(({ received }) =>
      received.filter(({ type }) => type === 'response.create'),
    );
    expect(JSON.stringify(asks.at(-1))).toContain('Finish what you were saying');
  });
});

describe.concurrent('a caller who waits', { timeout: 240_000 }, () => {
  it.for(TRANSPORTS)(
    'hears a sound 2.5 s after his turn, then the answer of a model that needs 9 s: %s',
    (transport, { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(await startRig({ transport, scenario: withTurns([{ waitMs: 9_000, say: tone(ANSWER_HZ) }]) }));
        const loop = own(watchLoop());
        const heard = await called(rig, 19_000);
        const stopped = rig.events.findIndex(
          (event) => event.type === 'agent' && event.event.type === 'speech_stopped',
        );
        expect(stopped).toBeGreaterThan(0);
        const [filler, answer] = heard.runs.filter(({ fromMs }) => fromMs > heard.saidUntilMs);
        expect(filler?.fromMs).toBeGreaterThan(heard.saidUntilMs + 2_500 - 100);
        const isLate = Number(filler?.fromMs) >= heard.saidUntilMs + 2_500 + 900;
        loop.excuses(skip, isLate, 100);
        expect(filler?.fromMs).toBeLessThan(heard.saidUntilMs + 2_500 + 900);
        expect(answer).toBeDefined();
        expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(800);
        expect(asked(rig)).toBe(2);
        expect(rig.agentEvents('answer_delayed').length).toBeGreaterThanOrEqual(1);
        // No word of it is the agent's.
        expect(rig.agentEvents('audio_started')).toHaveLength(2);
      }),
  );

  it('hears nothing while nothing is owed', async ({ own }) => {
    const rig = own(await startRig({ scenario: { greeting } }));
    const heard = await called(rig, 6_000, silenceSource());
    // The greeting, which a stall of the machine may part.
    const [{ fromMs = Number.NaN } = {}] = heard.runs;
    for (const { toMs } of heard.runs) expect(toMs - fromMs).toBeLessThan(2_500);
    expect(rig.agentEvents('answer_delayed')).toEqual([]);
  });

  it('is told by the apology when the model gets stuck after its first words', async ({ own }) => {
    const scenario: ScenarioInput = { greeting, faults: [{ fault: 'stuck_response', afterResponses: 1 }] };
    const settings = { ANSWER_RETRY_MS: '4000', ANSWER_LIMIT_MS: '9000' };
    const rig = own(await startRig({ scenario, settings }));
    const heard = await called(rig, 22_000);
    expect(heard.ended).toBe('model-silent');
    expect(rig.of('call_ended')[0]?.durationMs).toBeGreaterThan(11_500);
    expect(rig.of('call_ended')[0]?.durationMs).toBeLessThan(19_000);
    // The greeting, the answer, and what it was asked for again: not for ever.
    expect(asked(rig)).toBe(4);
  });

  it('is not asked about three times in two seconds when the model is at its limit, and gets his answer after the wait', async ({
    own,
  }) => {
    const fail = {
      type: 'tokens',
      code: 'rate_limit_exceeded',
      message: 'Rate limit reached. Please try again in 5.0s.',
    };
    const rig = own(await startRig({ scenario: withTurns([{ fail }, { say: tone(ANSWER_HZ) }]) }));
    const heard = await called(rig, 15_000);
    expect(asked(rig)).toBe(3);
    expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(900);
    const answer = heard.runs.at(-1);
    expect(answer?.fromMs).toBeGreaterThan(heard.saidUntilMs + 5_000);
    expect(answer?.fromMs).toBeLessThan(heard.saidUntilMs + 8_000);
    // Not in silence: the greeting, the sound, the answer.
    expect(heard.runs.length).toBeGreaterThanOrEqual(3);
  });
});

describe.concurrent("events of the caller's turn", { timeout: 90_000 }, () => {
  it('may lose the end of his speech: he is answered all the same', async ({ own }) => {
    const types = ['input_audio_buffer.speech_stopped', 'input_audio_buffer.committed'];
    const faults: ScenarioInput['faults'] = [
      { fault: 'lose_events', types, times: 1 },
      { fault: 'silent_model', afterResponses: 1 },
    ];
    const settings = { ANSWER_LIMIT_MS: '8000' };
    const rig = own(await startRig({ scenario: { greeting, faults }, settings }));
    const heard = await called(rig, 22_000);
    // The model answers nobody here: what matters is that the line is not dead.
    expect(heard.ended).toBe('model-silent');
    expect(rig.of('call_ended')[0]?.durationMs).toBeLessThan(19_000);
  });

  it('may tell the end of his speech after the answer began: there is no second answer', async ({ own }) => {
    const faults: ScenarioInput['faults'] = [
      { fault: 'late_events', types: ['input_audio_buffer.speech_stopped', 'input_audio_buffer.committed'], ms: 3_000 },
    ];
    const rig = own(await startRig({ scenario: withTurns([{ say: tone(ANSWER_HZ) }], faults) }));
    const heard = await called(rig, 14_000);
    expect(asked(rig)).toBe(2);
    expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(900);
  });

  it.for(['double_events', 'lose_events'] as const)('may come doubled or not at all: %s', async (fault, { own }) => {
    const types = [
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
    ];
    const rig = own(await startRig({ scenario: withTurns([{ say: tone(ANSWER_HZ) }], [{ fault, types }]) }));
    const heard = await called(rig, 14_000);
    expect(asked(rig)).toBe(2);
    expect(heard.tone(ANSWER_HZ)).toBeGreaterThanOrEqual(900);
  });
});

describe.concurrent('words that nobody heard', { timeout: 90_000 }, () => {
  it.for(TRANSPORTS)(
    'are not kept as said when the caller speaks before an answer behind a tool begins: %s',
    async (transport: Transport, { own }) => {
      const first = { ...tone(ANSWER_HZ, 2_500), text: 'One moment please, I am looking that up for you now.' };
      const second = { ...tone(880, 3_000), text: 'Your appointment is at nine on Tuesday.' };
      const scenario = withTurns([{ say: first, tools: [{ name: 'nobody_has_this' }], afterTools: second }]);
      const rig = own(await startRig({ transport, scenario }));
      const heard = await called(rig, 6_500, oneTurn(), async (phone) => {
        await until(() => rig.agentEvents('response_done').length === 3, 'the answer behind the tool to be generated');
        phone.say(oneTurn());
      });
      expect(heard.tone(880)).toBe(0);
      expect(finals(rig).join('|')).not.toContain('Tuesday');
      expect(rig.agentEvents('transcript').some(({ text }) => String(text).includes('Tuesday'))).toBe(true);
      const [session] = rig.model.sessions;
      expect(session?.errors).toEqual([]);
    },
  );
});
