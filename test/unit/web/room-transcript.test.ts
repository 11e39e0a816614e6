import { describe, expect, it } from 'vitest';
import { Transcript } from '../../../web/livekit/transcript.js';

/** A text stream as LiveKit's client hands it over. */
function stream(chunks: string[], attributes: Record<string, string>, id = 'stream', breaks = false) {
  return {
    info: { id, attributes },
    async *[Symbol.asyncIterator]() {
      yield* chunks;
      if (breaks) throw new Error('the connection broke');
    },
  };
}
const segment = (id: string, final: boolean) => ({ 'lk.segment_id': id, 'lk.transcription_final': String(final) });

describe('what a room page shows of what is said', () => {
  it('grows by the chunks of a stream, and is final when the stream says so', async () => {
    const seen: string[] = [];
    const transcript = new Transcript(() => seen.push(transcript.lines.map(({ text }) => text).join('|')));
    await transcript.read(stream(['Good', ' day'], segment('s1', true)), 'Agent');
    expect(seen).toEqual(['Good', 'Good day', 'Good day']);
    expect(transcript.lines).toEqual([{ id: 's1', name: 'Agent', text: 'Good day', isFinal: true }]);
  });

  it('has one line for one segment, in the order in which they began, whatever stream brings its last words', async () => {
    const transcript = new Transcript(() => {});
    await transcript.read(stream(['I wo'], segment('s1', false), 'a'), 'Anna');
    await transcript.read(stream(['Yes.'], segment('s2', true), 'b'), 'Agent');
    await transcript.read(stream(['I would like'], segment('s1', true), 'c'), 'Anna');
    expect(transcript.lines.map(({ name, text, isFinal }) => [name, text, isFinal])).toEqual([
      ['Anna', 'I would like', true],
      ['Agent', 'Yes.', true],
    ]);
  });

  it('keeps what came of a stream that broke, shows what was written, and shows no empty line', async () => {
    const transcript = new Transcript(() => {});
    await transcript.read(stream(['Half of'], segment('s1', true), 'a', true), 'Anna');
    await transcript.read(stream([], segment('s2', true)), 'Ben');
    transcript.wrote('m1', 'And when?');
    expect(transcript.lines.map(({ name, text }) => [name, text])).toEqual([
      ['Anna', 'Half of'],
      ['You wrote', 'And when?'],
    ]);
    transcript.clear();
    expect(transcript.lines).toEqual([]);
  });

  it('takes back a line of which nothing was heard', async () => {
    const transcript = new Transcript(() => {});
    await transcript.read(stream(['Good'], segment('s1', false)), 'Agent');
    await transcript.read(stream([' '], segment('s1', true)), 'Agent');
    expect(transcript.lines).toEqual([]);
  });

  it('is bounded', () => {
    const transcript = new Transcript(() => {});
    for (let i = 0; i < 600; i++) transcript.wrote(`m${i}`, String(i));
    expect(transcript.lines.length).toBe(500);
    expect(transcript.lines[0]?.text).toBe('100');
  });
});
