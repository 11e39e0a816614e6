import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { KeptSpeech, removeUnusedSpeech } from '../../../../src/callers/test/speech.ts';
import { makeTone } from '../../../../src/media/tone.ts';
import { encodeWav } from '../../../../src/media/wav.ts';
import { FakeClock } from '../../../fakes/clock.ts';

interface Asked {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Record<string, unknown>;
}

/** A service that answers in turn, the last answer again and again. */
function service(...answers: Array<() => Response | Promise<Response>>) {
  const folder = mkdtempSync(join(tmpdir(), 'speech-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const asked: Asked[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    asked.push({
      url,
      headers: init.headers as Record<string, string>,
      body: JSON.parse(String(init.body)) as Record<string, unknown>,
    });
    return (answers[asked.length - 1] ?? answers.at(-1)!)();
  }) as typeof globalThis.fetch;
  const clock = new FakeClock();
  const open = (more: { url?: string | undefined; name?: string; model?: string } = {}) =>
    new KeptSpeech({
      ...{ url: 'https://speech.test/v1', apiKey: 'sk-1', model: 'm', voice: 'v', folder, clock, fetch },
      ...more,
    });
  return { folder, asked, clock, open };
}

const tone = makeTone(440, 24_000, 300, -12);
const wav =
  (samples = tone, rate = 24_000) =>
  () =>
    new Response(encodeWav([samples], rate));

it('asks once, and says the same samples from then on, also after a new start', async () => {
  const s = service(wav());
  const first = s.open();
  const [a, b] = await Promise.all([first.say({ text: 'Hello.' }), first.say({ text: 'Hello.' })]);
  expect(a).toEqual(tone);
  expect(b).toEqual(tone);
  expect(await s.open({ model: 'm' }).say({ text: 'Hello.' })).toEqual(tone);
  expect(s.asked).toHaveLength(1);
  expect(s.asked[0]).toEqual({
    url: 'https://speech.test/v1/audio/speech',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-1' },
    body: { model: 'm', input: 'Hello.', voice: 'v', response_format: 'wav' },
  });
  expect(readdirSync(s.folder)).toHaveLength(1);
});

it('finds what a service of this name made, wherever that listens now', async () => {
  const s = service(wav());
  await s.open({ name: 'embedded', url: 'http://127.0.0.1:40001/v1' }).say({ text: 'Hello.' });
  await s.open({ name: 'embedded', url: 'http://127.0.0.1:40002/v1' }).say({ text: 'Hello.' });
  expect(s.asked).toHaveLength(1);
  await s.open({ url: 'http://127.0.0.1:40002/v1' }).say({ text: 'Hello.' });
  expect(s.asked).toHaveLength(2);
});

it('keeps what is said again, and what is not goes in time, that alone', async () => {
  const s = service(wav());
  const speech = s.open();
  await speech.say({ text: 'Hello.' });
  const [first = ''] = readdirSync(s.folder);
  await speech.say({ text: 'Goodbye.' });
  writeFileSync(join(s.folder, `${first}.6e1f0a52-3a6e-4b3e-9d3e-000000000000`), 'half');
  writeFileSync(join(s.folder, 'note.txt'), 'no speech');
  const old = (s.clock.wall() - 10_000) / 1000;
  for (const name of readdirSync(s.folder)) utimesSync(join(s.folder, name), old, old);
  await s.open().say({ text: 'Hello.' });
  expect(await removeUnusedSpeech(s.folder, s.clock.wall() - 5_000)).toBe(2);
  expect(readdirSync(s.folder).sort()).toEqual([first, 'note.txt'].sort());
  expect(await removeUnusedSpeech(join(s.folder, 'none'), s.clock.wall())).toBe(0);
});

it('asks anew for other words, another voice, language or model', async () => {
  const s = service(wav());
  const speech = s.open();
  await speech.say({ text: 'Hello.' });
  await speech.say({ text: 'Hello!' });
  await speech.say({ text: 'Hello.', voice: 'w' });
  await speech.say({ text: 'Hello.', language: 'de' });
  await s.open({ model: 'n' }).say({ text: 'Hello.' });
  expect(s.asked.map(({ body }) => body)).toMatchObject([
    {},
    { input: 'Hello!' },
    { voice: 'w' },
    { instructions: 'Speak de.' },
    { model: 'n' },
  ]);
});

it('needs no service for what is kept, and says so for what is not', async () => {
  const s = service(wav());
  await s
    .open({ url: undefined })
    .say({ text: 'x' })
    .then(
      () => expect.unreachable(),
      (error) => expect(error).toMatchObject({ code: 'SPEECH_UNSET' }),
    );
  expect(s.asked).toHaveLength(0);
});

it('converts what comes at another rate, and makes anew what was damaged', async () => {
  const s = service(wav(makeTone(440, 48_000, 300), 48_000));
  expect((await s.open().say({ text: 'x' })).length).toBe(7_200);
  const [file = ''] = readdirSync(s.folder);
  writeFileSync(join(s.folder, file), 'no sound');
  expect((await s.open().say({ text: 'x' })).length).toBe(7_200);
  expect(s.asked).toHaveLength(2);
});

it('tries again where that may help, and as late as it is told', async () => {
  const refusal = () => new Response('slow down', { status: 429, headers: { 'retry-after': '7' } });
  const s = service(refusal, () => Promise.reject(new TypeError('fetch failed')), wav());
  let done = false;
  const said = s
    .open()
    .say({ text: 'x' })
    .finally(() => {
      done = true;
    });
  // The folder is looked at before anybody is asked.
  while (s.asked.length < 1) await new Promise(setImmediate);
  await s.clock.advanceAsync(6_900);
  expect(s.asked).toHaveLength(1);
  await s.clock.advanceAsync(200);
  expect(s.asked).toHaveLength(2);
  while (!done) {
    await s.clock.advanceAsync(100);
    await new Promise(setImmediate);
  }
  expect(await said).toEqual(tone);
});

it.each([
  [() => new Response('bad key sk-1', { status: 401 }), 'SPEECH_REFUSED', 'the service answers 401'],
  [() => new Response('busy', { status: 503, headers: { 'retry-after': '3600' } }), 'SPEECH_REFUSED', 'answers 503'],
  [() => new Response('no sound'), 'SPEECH_INVALID', 'no WAV file'],
  [() => new Response(encodeWav([new Int16Array()], 24_000)), 'SPEECH_INVALID', 'no WAV file'],
])('says what is wrong with an answer, and not what it said (%#)', async (answer, code, message) => {
  const s = service(answer);
  const error = await s
    .open()
    .say({ text: 'secret words' })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code });
  expect(String(error)).toContain(message);
  expect(String(error)).not.toMatch(/sk-1|secret/);
  expect(s.asked).toHaveLength(1);
  expect(readdirSync(s.folder)).toEqual([]);
});
