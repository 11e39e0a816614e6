import { describe, expect, it } from 'vitest';
import { AgentSpeech } from '../../../src/rooms/worker/agent-speech.ts';
import { inTurn, spans } from '../../fakes/quiet.ts';

const RATE = 24_000;
const run = (ms: number, value: number) => new Int16Array((ms * RATE) / 1000).fill(value);
const ms = (samples: number) => (samples * 1000) / RATE;

/** A library that plays what it is given in real time, and a clock that ticks every 20 ms. */
function played(speech: AgentSpeech, ticks: number, at: (tick: number) => void = () => {}) {
  const out: number[] = [];
  let held: number[] = [];
  let most = 0;
  let gaps = 0;
  for (let tick = 0; tick < ticks; tick++) {
    at(tick);
    if (speech.overtakes(tick * 20)) held = [];
    const samples = speech.due(tick * 20);
    if (samples !== undefined) held.push(...samples);
    most = Math.max(most, ms(held.length));
    if (held.length < 480) gaps++;
    out.push(...held.slice(0, 480));
    held = held.slice(480);
  }
  return { out, most, gaps };
}

describe("the agent's speech", () => {
  it('is silence from the first tick on where there is none, as far ahead as speech is and no further', () => {
    const { out, most, gaps } = played(new AgentSpeech(RATE), 50);
    expect(out).toEqual(Array(50 * 480).fill(0));
    expect([most, gaps]).toEqual([180, 0]);
  });

  it('has its silence made whole again 40 ms at a time', () => {
    const speech = new AgentSpeech(RATE);
    speech.due(0);
    speech.due(20);
    const given = [40, 60, 80, 100, 120, 140].map((now) => ms(speech.due(now)?.length ?? 0));
    expect(given).toEqual([0, 40, 0, 40, 0, 40]);
  });

  it('goes on as silence while the process stands still for 140 ms', () => {
    const speech = new AgentSpeech(RATE);
    let endMs = 0;
    for (let now = 0; now < 1_000; now += 20) {
      if (now >= 400 && now < 540) continue;
      expect(now === 0 || endMs >= now).toBe(true);
      endMs = Math.max(endMs, now) + ms(speech.due(now)?.length ?? 0);
    }
  });

  it('goes out whole and without a gap, whatever lengths it comes in', () => {
    const speech = new AgentSpeech(RATE);
    const lengths = [7, 1_000, 480, 1, 3_333, 960, 219];
    let next = 1;
    const { out, gaps, most } = played(speech, 40, (tick) => {
      if (tick !== 3) return;
      for (const length of lengths)
        speech.write(
          Int16Array.from({ length }, () => next++),
          60,
        );
    });
    expect(out.filter((sample) => sample !== 0)).toEqual(Array.from({ length: next - 1 }, (_, i) => i + 1));
    const [from, to] = [out.indexOf(1), out.indexOf(next - 1)];
    expect(out.slice(from, to + 1).every((sample) => sample !== 0)).toBe(true);
    expect(gaps).toBe(0);
    expect(most).toBeLessThanOrEqual(180);
  });

  it('begins at once: a burst overtakes the silence in hand, all of it', () => {
    const speech = new AgentSpeech(RATE);
    const { out, gaps } = played(speech, 20, (tick) => {
      if (tick === 10) speech.write(run(100, 5), 200);
    });
    expect(ms(out.indexOf(5))).toBe(200);
    expect(out.filter((sample) => sample === 5).length).toBe(2_400);
    expect(gaps).toBe(0);
  });

  it('overtakes no speech, its own least, nor before the library, which may lag, has played the end of it', () => {
    const speech = new AgentSpeech(RATE);
    speech.write(run(100, 5), 0);
    speech.due(0);
    speech.due(80);
    speech.due(101);
    speech.write(run(100, 6), 102);
    expect([90, 102, 119, 120].map((now) => speech.overtakes(now))).toEqual([false, false, false, true]);
    expect(ms(speech.played(120))).toBe(100);
  });

  it('puts silence behind speech no sooner than it must: what comes a little late has no hole before it', () => {
    const speech = new AgentSpeech(RATE);
    const { out } = played(speech, 40, (tick) => {
      if (tick === 10) speech.write(run(200, 5), 200);
      // 40 ms before the end of the first is heard.
      if (tick === 18) speech.write(run(200, 6), 360);
    });
    expect(out.lastIndexOf(5) + 1).toBe(out.indexOf(6));
  });

  it('of a live source plays each frame 40 ms after it came, and without a gap', () => {
    const speech = new AgentSpeech(RATE);
    const { out, gaps } = played(speech, 60, (tick) => {
      if (tick >= 10 && tick < 40) speech.write(run(20, tick), tick * 20);
    });
    expect(gaps).toBe(0);
    for (let tick = 10; tick < 40; tick++) expect(ms(out.indexOf(tick)) - tick * 20).toBeLessThanOrEqual(40);
    expect(out.slice(out.indexOf(10), out.lastIndexOf(39)).includes(0)).toBe(false);
  });

  it('counts what is played by the clock, and what will be, and never silence', () => {
    const speech = new AgentSpeech(RATE);
    speech.write(run(60, 1), 0);
    speech.due(0);
    expect([0, 10, 59, 60, 500].map((now) => [ms(speech.ahead(now)), ms(speech.played(now))])).toEqual([
      [60, 0],
      [50, 10],
      [1, 59],
      [0, 60],
      [0, 60],
    ]);
  });

  it('holds speech ahead over several runs, up to the first silence between them', () => {
    const speech = new AgentSpeech(RATE);
    speech.write(run(80, 1), 0);
    speech.due(0);
    speech.write(run(20, 1), 50);
    speech.due(50);
    expect(ms(speech.ahead(60))).toBe(40);
    // Silence that keeps the source going, and speech behind it.
    speech.due(90);
    speech.write(run(20, 1), 95);
    speech.due(120);
    expect(ms(speech.ahead(96))).toBe(4);
  });

  it('drops all of it at a clear, begins the count anew, and is at once due again', () => {
    const speech = new AgentSpeech(RATE);
    speech.write(run(1_000, 1), 0);
    speech.due(0);
    speech.clear(30);
    expect(speech.played(30)).toBe(0);
    const next = speech.due(30)!;
    expect(ms(next.length)).toBe(120);
    expect(next.every((sample) => sample === 0)).toBe(true);
    speech.write(run(20, 2), 40);
    speech.due(50);
    expect(ms(speech.played(1_000))).toBe(20);
  });

  it('gives again what the library refused, in its place', () => {
    const speech = new AgentSpeech(RATE);
    const samples = Int16Array.from({ length: 5_000 }, (_, i) => i + 1);
    speech.write(samples, 0);
    const first = speech.due(0)!;
    speech.refused(first);
    expect(speech.played(500)).toBe(0);
    const again = speech.due(20)!;
    expect([...again.slice(0, 10)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const out = [...again];
    for (let now = 40; now < 400; now += 20) out.push(...(speech.due(now) ?? []));
    expect(out.filter((sample) => sample !== 0)).toEqual([...samples]);
  });

  it('after a stall of the process gives what makes the lead whole, and does not make up for the time', () => {
    const speech = new AgentSpeech(RATE);
    speech.due(0);
    expect([700, 720, 740].map((now) => ms(speech.due(now)?.length ?? 0))).toEqual([120, 80, 0]);
  });

  describe('of a live source', () => {
    /** A microphone that counts its frames from 1000 on, silence where `quiet` says so, and a process that stands still for a while. */
    const late = (source: 'microphone' | 'live agent' | 'agent', quiet: (tick: number) => boolean) => {
      const speech = new AgentSpeech(RATE, { microphone: source === 'microphone' });
      if (source === 'live agent') speech.live = true;
      const { out } = played(speech, 400, (tick) => {
        // For half a second nothing came, and then all of it.
        if (tick >= 50 && tick < 75) return;
        for (let frame = tick === 75 ? 50 : tick; frame <= tick; frame++)
          speech.write(run(20, quiet(frame) ? 0 : 1_000 + frame), tick * 20);
      });
      return { out, delayOf: (tick: number) => ms(out.indexOf(1_000 + tick)) - tick * 20 };
    };

    it.for(['microphone', 'live agent'] as const)(
      'is late by a stall no longer than until it is quiet, and loses no speech: a %s',
      (source) => {
        const { out, delayOf } = late(source, (tick) => tick >= 100 && tick < 140);
        expect(delayOf(99)).toBeGreaterThan(400);
        expect(delayOf(140)).toBeLessThanOrEqual(80);
        expect(delayOf(399 - 10)).toBeLessThanOrEqual(80);
        const heard = new Set(out);
        for (let tick = 0; tick < 390; tick++)
          if (tick < 100 || tick >= 140) expect(heard.has(1_000 + tick)).toBe(true);
      },
    );

    it('tells how long its audio waits until it is played, in the mean', () => {
      const speech = new AgentSpeech(RATE, { microphone: true });
      // For 100 ms nothing came, and then all of it: from then on it waits for longer, since it is never quiet.
      const { out } = played(speech, 60, (tick) => {
        if (tick >= 20 && tick < 25) return;
        for (let frame = tick === 25 ? 20 : tick; frame <= tick; frame++)
          speech.write(run(20, 1_000 + frame), tick * 20);
      });
      const waits = Array.from({ length: 50 }, (_, frame) => {
        const writtenMs = (frame >= 20 && frame < 25 ? 25 : frame) * 20;
        return ms(out.indexOf(1_000 + frame)) - writtenMs;
      });
      expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(80);
      const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
      expect(Math.abs(speech.wait.ms! - mean)).toBeLessThan(20);
    });

    it('of an agent loses no word of what is written at once, as the recorded ones are', () => {
      const speech = new AgentSpeech(RATE);
      speech.live = true;
      const { out } = played(speech, 200, (tick) => {
        for (let frame = 0; tick === 10 && frame < 150; frame++) speech.write(run(20, 1_000 + frame), 200);
      });
      const heard = new Set(out);
      expect(Array.from({ length: 150 }, (_, frame) => heard.has(1_000 + frame))).not.toContain(false);
    });

    it('of an agent keeps of what is written at once each pause, shorter, and what is quiet inside words', () => {
      const speech = new AgentSpeech(RATE);
      speech.live = true;
      const { out } = played(speech, 200, (tick) => {
        if (tick === 10) speech.write(inTurn(24, 200, 300, 100, 60, 100, 400, 200), 200);
      });
      expect(spans(out, 24)).toEqual([200, 60, 100, 60, 100, 60, 200]);
    });

    it('where it is never quiet is late a frame less each second, and never by more than a second', () => {
      const speech = new AgentSpeech(RATE, { microphone: true });
      const out: number[] = [];
      const delays: number[] = [];
      for (let tick = 0; tick < 3_000; tick++) {
        // For half a second nothing goes out, and later for ten.
        const stands = (tick >= 50 && tick < 75) || (tick >= 1_500 && tick < 2_000);
        speech.write(run(20, 1_000 + tick), tick * 20);
        const samples = stands ? undefined : speech.due(tick * 20);
        if (samples === undefined) continue;
        out.push(...samples);
        delays[tick] = (tick - (samples.at(-1)! - 1_000)) * 20;
      }
      expect(delays[76]).toBeGreaterThan(400);
      expect(delays[1_499]).toBeLessThanOrEqual(80);
      expect(delays[2_001]).toBeLessThanOrEqual(1_000);
      expect(delays[2_999]).toBeLessThan(delays[2_001]! - 300);
    });

    it('and an agent, who may speak faster than he is heard, keeps his pauses', () => {
      expect(late('agent', (tick) => tick >= 100 && tick < 140).delayOf(140)).toBeGreaterThan(400);
    });
  });

  it('holds five minutes at most', () => {
    const speech = new AgentSpeech(RATE);
    for (let i = 0; i < 301; i++) speech.write(run(1_000, 1), 0);
    expect(ms(speech.dropped)).toBe(1_000);
  });
});
