import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { rmsDbfs } from '../../src/media/level.ts';
import { readOggOpus } from '../../src/media/ogg-opus.ts';
import { createOpusDecoder, opusAvailable } from '../../src/media/opus.ts';
import { makeTone } from '../../src/media/tone.ts';
import { decodeWav, interleave } from '../../src/media/wav.ts';
import { Scribe } from '../../src/recording/scribe.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { audibleMs, hears, hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { askAsOperator } from './operator.ts';
import { asked, loudestTone, type Rig, sleep, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

const AGENT_HZ = 620;
const CALLER_HZ = 1_020;
const RECORDED = { RECORDING: 'wav', RECORDING_CONSENT: 'operator', RECORDINGS_MIN_FREE_MB: '0' };

interface Stereo {
  sampleRate: number;
  caller: Int16Array;
  agent: Int16Array;
}

const PARTED_MS = 60;
/** Of the 60 ms by which two ends may differ, what a process that stands still may take of them. */
const STOOD_MS = 40;

/** Beginnings and ends, ms, of what is louder than -35 dBFS, to 5 ms; shorter pauses than `PARTED_MS` do not part. */
function spans(samples: Int16Array, sampleRate: number): Array<[number, number]> {
  const window = sampleRate / 200;
  const found: Array<[number, number]> = [];
  for (let at = 0; at + window <= samples.length; at += window) {
    if (rmsDbfs(samples.subarray(at, at + window)) < -35) continue;
    const from = (at * 1000) / sampleRate;
    const last = found.at(-1);
    if (last !== undefined && from - last[1] < PARTED_MS) last[1] = from + 5;
    else found.push([from, from + 5]);
  }
  return found.filter(([from, to]) => to - from >= 40);
}

async function ask(rig: Rig, path: string, init: RequestInit = {}) {
  return askAsOperator(`${rig.url}/records/${path}`, init);
}

const callId = (rig: Rig) => rig.of('call_started')[0]?.info.id ?? '';

/** The recording of the rig's only call, once it is closed. */
async function recordingOf(rig: Rig): Promise<Uint8Array> {
  await until(() => rig.of('recording_stopped')[0], 'the end of the recording');
  const manifest = join(rig.dataDir, 'recordings', `${callId(rig)}.json`);
  await until(() => readFileSync(manifest, 'utf8').includes('"ended"'), 'the file to be closed');
  const answer = await ask(rig, `${callId(rig)}/recording`);
  expect(answer.status).toBe(200);
  return new Uint8Array(await answer.arrayBuffer());
}

function fromWav(bytes: Uint8Array): Stereo {
  const { sampleRate, channels } = decodeWav(bytes);
  const [caller, agent] = channels;
  if (caller === undefined || agent === undefined) throw new Error('not stereo');
  return { sampleRate, caller, agent };
}

function fromOpus(bytes: Uint8Array): Stereo {
  const file = readOggOpus(bytes);
  const decoder = createOpusDecoder({ sampleRate: 48_000, channels: 2 });
  const buffer = new Int16Array(decoder.maxSamples);
  const sides: [number[], number[]] = [[], []];
  for (const packet of file.packets) {
    const n = decoder.decode(packet, buffer);
    for (let i = 0; i < n; i++) sides[i % 2]?.push(buffer[i] as number);
  }
  const [caller, agent] = sides.map((side) =>
    Int16Array.from(side.slice(file.preSkip, file.preSkip + file.length48k)),
  ) as [Int16Array, Int16Array];
  return { sampleRate: 48_000, caller, agent };
}

const LINES = [
  { transport: 'websocket', format: 'wav', carrier: 'twilio', rate: 8_000, settings: {} },
  {
    transport: 'webrtc',
    format: 'wav',
    carrier: 'signalwire',
    rate: 24_000,
    settings: { SIGNALWIRE_CODEC: 'L16@24000h' },
  },
  { transport: 'webrtc', format: 'opus', carrier: 'twilio', rate: 8_000, settings: {} },
] as const;

// One after the other: what is compared here to the millisecond are two clocks of one process.
describe('a recorded call', () => {
  it.for(LINES)(
    'has each side alone, at its time, and ends what was interrupted where the caller stopped hearing it: $format over $transport, $carrier',
    { timeout: 240_000 },
    ({ transport, format, carrier, rate, settings }, { own, skip }) => {
      const opus = opusAvailable();
      if (format === 'opus' && !opus.ok) skip(`NOT TESTED: ${opus.reason}`);
      return judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(
          await startRig({
            transport,
            settings: { ...RECORDED, ...settings, RECORDING: format },
            model: { voice: { tone: AGENT_HZ, ms: 6_000, dbfs: -15 } },
          }),
        );
        const loop = own(watchLoop());
        const { phone, report } = rig.call({
          carrier,
          source: silenceSource(),
          interruptAtMs: 2_000,
          interruptWith: toneSource(CALLER_HZ, { ms: 600, dbfs: -12 }),
        });
        await until(() => rig.agentEvents('audio_started').length >= 2, 'the answer to the interruption', 20_000);
        await hears(phone, audibleMs(phone) + 1_200);
        phone.hangUp();
        await report;
        const [started] = rig.of('recording_started');
        expect(started).toMatchObject({ consent: 'operator', format, sampleRate: rate });
        const bytes = await recordingOf(rig);
        expect(rig.of('recording_stopped')).toMatchObject([{ reason: 'call-ended' }]);
        const recorded = format === 'wav' ? fromWav(bytes) : fromOpus(bytes);
        if (format === 'wav') expect(recorded.sampleRate).toBe(rate);

        // Each side alone.
        const { sampleRate, caller, agent } = recorded;
        expect(toneAloneMs(caller, sampleRate, CALLER_HZ)).toBeGreaterThanOrEqual(400);
        expect(loudestTone(caller, sampleRate, AGENT_HZ)).toBeLessThan(-45);
        expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_000);
        expect(loudestTone(agent, sampleRate, CALLER_HZ)).toBeLessThan(-45);

        // The phone's own recording says what was said and heard when.
        const truth = phone.recordedChannels();
        if (truth === undefined) throw new Error('the phone recorded nothing');
        const said = spans(truth.caller, truth.sampleRate)[0];
        const heard = spans(truth.agent, truth.sampleRate);
        const saidHere = spans(caller, sampleRate)[0];
        const heardHere = spans(agent, sampleRate);
        if (said === undefined || saidHere === undefined) throw new Error('the caller was not heard');
        // What the phone heard of the answer to the interruption may go on beyond the call's last recorded moment.
        expect(heard.length).toBeGreaterThanOrEqual(2);
        // Where all ends stood still in the middle of a word, one of them may have a hole there and another none.
        const shift = saidHere[0] - said[0];
        const off = (i: number, edge: 0 | 1) => Math.abs((heardHere[i]?.[edge] ?? 0) - shift - heard[i]![edge]);
        const saidOff = Math.abs(saidHere[1] - shift - said[1]);
        const isOff = saidOff > 40 || heard.some((_, i) => off(i, 0) > 60 || (i < heard.length - 1 && off(i, 1) > 60));
        loop.excuses(skip, isOff || heardHere.length !== heard.length, STOOD_MS);
        expect(heardHere).toHaveLength(heard.length);
        expect(saidOff).toBeLessThanOrEqual(40);
        for (const i of heard.keys()) {
          expect(off(i, 0), `beginning ${i}`).toBeLessThanOrEqual(60);
          if (i < heard.length - 1) expect(off(i, 1), `end ${i}`).toBeLessThanOrEqual(60);
        }

        // The outline shows the same, and the length is the call's.
        const outline = (await (await ask(rig, `${callId(rig)}/recording/peaks?buckets=60`)).json()) as {
          durationMs: number;
          caller: number[];
          agent: number[];
        };
        expect(outline.durationMs).toBeCloseTo((caller.length * 1000) / sampleRate, -1);
        const bucket = (ms: number) => Math.floor((ms / outline.durationMs) * 60);
        expect(outline.agent[bucket(heardHere[0]?.[0] ?? 0) + 3]).toBeGreaterThan(0.1);
        expect(outline.caller[bucket(saidHere[0]) + 2]).toBeGreaterThan(0.1);
        expect(outline.caller[bucket(saidHere[0]) - 3]).toBeLessThan(0.02);
        expect(statSync(join(rig.dataDir, 'recordings', `${callId(rig)}.json`)).mode & 0o777).toBe(0o600);
      });
    },
  );
});

describe('a recorded call whose line breaks and comes back', () => {
  it.for([
    { transport: 'websocket', carrier: 'twilio', settings: {} },
    { transport: 'webrtc', carrier: 'signalwire', settings: { SIGNALWIRE_CODEC: 'L16@24000h' } },
  ] as const)(
    '[twilio, signalwire] recovery: is one recording, both parts, the gap between them, both sides where they were: $carrier over $transport',
    { timeout: 240_000 },
    ({ transport, carrier, settings }, { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(
          await startRig({
            transport,
            settings: { ...RECORDED, ...settings },
            model: { voice: { tone: AGENT_HZ, ms: 1_800, dbfs: -15 } },
          }),
        );
        const loop = own(watchLoop());
        const { phone, report } = rig.call({ carrier, source: silenceSource() });
        const burst = () => phone.say(toneSource(CALLER_HZ, { ms: 400, dbfs: -12 }));
        await until(() => rig.of('connected')[0], 'both ends to be there');
        await until(() => (phone.stream?.ear.utteranceMs(performance.now()) ?? 0) > 700, 'the agent to be heard');
        // In the middle of the greeting, and of what the caller says.
        burst();
        await sleep(200);
        phone.stream?.breakLine();
        await until(() => rig.of('caller_joined').length === 2, 'the caller to be back');
        const speaks = () => (phone.stream?.ear.utteranceMs(performance.now()) ?? 0) > 0;
        await until(speaks, 'the agent to speak again');
        await until(() => !speaks(), 'the agent to have said it');
        burst();
        await sleep(1_000);
        phone.hangUp();
        await report;

        const bytes = await recordingOf(rig);
        expect(rig.of('recording_started')).toHaveLength(1);
        expect(rig.of('recording_stopped')).toMatchObject([{ reason: 'call-ended' }]);
        const { sampleRate, caller, agent } = fromWav(bytes);
        const truth = phone.recordedChannels();
        if (truth === undefined) throw new Error('the phone recorded nothing');
        const [said, heard] = [spans(truth.caller, truth.sampleRate), spans(truth.agent, truth.sampleRate)];
        const [saidHere, heardHere] = [spans(caller, sampleRate), spans(agent, sampleRate)];
        expect(said.length).toBeGreaterThanOrEqual(2);
        expect(heard.length).toBeGreaterThanOrEqual(2);
        const shift = (saidHere[0]?.[0] ?? 0) - (said[0]?.[0] ?? 0);
        const off = (here: Array<[number, number]>, there: Array<[number, number]>) =>
          Math.max(...there.map(([from], i) => Math.abs((here[i]?.[0] ?? 0) - shift - from)));
        const isOff = off(saidHere, said) > 60 || off(heardHere, heard) > 60;
        loop.excuses(skip, isOff || saidHere.length !== said.length || heardHere.length !== heard.length, STOOD_MS);
        expect(saidHere).toHaveLength(said.length);
        expect(heardHere).toHaveLength(heard.length);
        expect(off(saidHere, said)).toBeLessThanOrEqual(60);
        expect(off(heardHere, heard)).toBeLessThanOrEqual(60);
      }),
  );
});

describe.concurrent('a recording', () => {
  it('is played in parts, and deleted', async ({ own }) => {
    const rig = own(
      await startRig({
        settings: { ...RECORDED, ADMIN_TOKEN: 'open-sesame-of-the-operators' },
        model: { voice: { tone: AGENT_HZ, ms: 500 } },
      }),
    );
    const { phone, report } = rig.call({ source: silenceSource() });
    await hearsOut(phone, 300);
    phone.hangUp();
    await report;
    await until(() => rig.of('recording_stopped')[0], 'the end of the recording');
    const file = join(rig.dataDir, 'recordings', `${callId(rig)}.wav`);
    await until(() => readFileSync(file.replace('.wav', '.json'), 'utf8').includes('"ended"'), 'the closed file');
    const whole = readFileSync(file);
    const path = `${callId(rig)}/recording`;
    const headers = { authorization: 'Bearer open-sesame-of-the-operators' };
    expect((await ask(rig, path)).status).toBe(401);
    expect((await ask(rig, 'nobody/recording', { headers })).status).toBe(404);
    expect((await (await ask(rig, 'nobody/recording', { headers })).json()) as unknown).toMatchObject({
      error: { code: 'RECORDING_UNKNOWN' },
    });
    expect((await ask(rig, '..%2Fvoicebridge/recording', { headers })).status).toBe(400);

    const full = await ask(rig, path, { headers });
    expect(full.headers.get('content-type')).toBe('audio/wav');
    expect(Buffer.from(await full.arrayBuffer()).equals(whole)).toBe(true);
    const part = async (range: string, more = {}) => {
      const answer = await ask(rig, path, { headers: { ...headers, range, ...more } });
      return {
        status: answer.status,
        range: answer.headers.get('content-range'),
        bytes: Buffer.from(await answer.arrayBuffer()),
      };
    };
    const size = whole.length;
    expect(await part('bytes=10-19')).toEqual({
      status: 206,
      range: `bytes 10-19/${size}`,
      bytes: whole.subarray(10, 20),
    });
    expect(await part('bytes=-7')).toMatchObject({ status: 206, bytes: whole.subarray(size - 7) });
    expect(await part(`bytes=${size - 3}-`)).toMatchObject({ status: 206, bytes: whole.subarray(size - 3) });
    expect(await part(`bytes=${size}-`)).toMatchObject({ status: 416, range: `bytes */${size}` });
    expect(await part('bytes=0-1', { 'if-range': '"another"' })).toMatchObject({ status: 200 });
    expect((await ask(rig, path, { method: 'HEAD', headers })).headers.get('content-length')).toBe(String(size));

    expect((await ask(rig, path, { method: 'DELETE', headers })).status).toBe(204);
    expect((await ask(rig, path, { headers })).status).toBe(404);
    expect(existsSync(file)).toBe(false);
  });

  it('begins when the caller has heard the notice, and not before', async ({ own }) => {
    const rig = own(
      await startRig({
        settings: { ...RECORDED, RECORDING_CONSENT: 'notice', RECORDING_NOTICE: 'This call is recorded.' },
        // What the model is told to say it says in its voice; the greeting has another.
        model: { voice: { tone: 900, ms: 1_000 } },
        scenario: { greeting: { tone: AGENT_HZ, toneMs: 1_500, text: 'Hello.' } },
      }),
    );
    const { phone, report } = rig.call({ source: silenceSource() });
    // The notice of a second, and most of the greeting behind it.
    await hearsOut(phone, 2_000);
    phone.hangUp();
    await report;
    const recorded = fromWav(await recordingOf(rig));
    expect(rig.of('recording_started')).toMatchObject([{ consent: 'notice' }]);
    const session = rig.model.sessions[0];
    const asked = session?.received.filter((event) => event['type'] === 'response.create') ?? [];
    expect(JSON.stringify(asked[0])).toContain('This call is recorded.');
    // Nothing of the notice, and all of what came after it.
    expect(loudestTone(recorded.agent, recorded.sampleRate, 900)).toBeLessThan(-45);
    expect(toneAloneMs(recorded.agent, recorded.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(1_300);
  });

  it('of the embedded model begins with the notice too: it is spoken, its words are told, and the greeting follows', async ({
    own,
  }) => {
    const notice = 'This call is recorded, "for quality". Say so if you mind.';
    const rig = own(
      await startRig({
        settings: { ...RECORDED, RECORDING_CONSENT: 'notice', RECORDING_NOTICE: notice },
        // As it is where no key is set: no script, no tones, a voice.
        model: {},
      }),
    );
    const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
    await until(() => rig.of('recording_started')[0], 'the recording to begin');
    // Heard to its end before the recording began, and audible: about four seconds of speech.
    const spoken = phone.recordedChannels();
    const loud = spans(spoken?.agent ?? new Int16Array(), spoken?.sampleRate ?? 8_000);
    expect(loud.reduce((sum, [from, to]) => sum + to - from, 0)).toBeGreaterThan(1_500);
    const transcripts = () => rig.agentEvents('transcript').filter(({ role, final }) => role === 'agent' && final);
    await until(() => transcripts().length >= 2, 'the words of the greeting');
    await hears(phone, audibleMs(phone) + 500);
    phone.hangUp();
    await report;
    const said = transcripts();
    expect(said[0]).toMatchObject({ text: notice });
    expect(String(said[1]?.['text'])).toMatch(/welcome|hello|test line/i);
    expect(rig.of('recording_stopped')).toMatchObject([{ reason: 'call-ended' }]);
    // The greeting is in the recording.
    const recorded = fromWav(await recordingOf(rig));
    expect(spans(recorded.agent, recorded.sampleRate).length).toBeGreaterThan(0);
    // It is told to whoever looks at the call later, with the consent.
    const found = await asked(async () => {
      const told = (await (await ask(rig, callId(rig))).json()) as {
        record: { recording: { stopped: unknown } | null };
      };
      return told.record.recording?.stopped === 'call-ended' ? told : undefined;
    }, 'the record of a recording that was closed');
    expect(found.record.recording).toMatchObject({ consent: 'notice', format: 'wav', stopped: 'call-ended' });
  });

  it('is not one when the notice was not said', async ({ own }) => {
    const rig = own(
      await startRig({
        settings: { ...RECORDED, RECORDING_CONSENT: 'notice' },
        scenario: {
          greeting: { tone: 900, toneMs: 300, text: 'Good morning.' },
          loop: true,
          turns: [{ say: { tone: AGENT_HZ, toneMs: 300, text: 'How can I help you?' } }],
        },
      }),
    );
    const { report } = rig.call({
      source: scriptSource([{ pauseMs: 1_500 }, toneSource(CALLER_HZ, { ms: 500 }), { pauseMs: 5_000 }]),
      hangUpAfterMs: 4_000,
    });
    await report;
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(rig.of('recording_started')).toEqual([]);
    expect(existsSync(join(rig.dataDir, 'recordings', `${callId(rig)}.wav`))).toBe(false);
  });

  it('goes on when the disk is full: the recording stops and is playable as far as it goes', async ({ own, skip }) => {
    const dir = mkdtempSync(join(tmpdir(), 'voicebridge-full-'));
    try {
      // 8 kHz stereo is 32 kB a second: room for two seconds and a half.
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=88k', 'none', dir], { stdio: 'pipe' });
    } catch {
      rmSync(dir, { recursive: true });
      skip('NOT TESTED: a full disk needs a small file system, and mounting one needs root');
    }
    try {
      const rig = own(
        await startRig({
          settings: { ...RECORDED, RECORDINGS_DIR: dir },
          model: { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } },
        }),
      );
      const { phone, report } = rig.call({ source: silenceSource() });
      const greeting = await hearsOut(phone, 800);
      await until(() => rig.of('recording_stopped')[0], 'the disk to be full');
      phone.say(toneSource(CALLER_HZ, { ms: 1_000, dbfs: -15 }));
      await hearsOut(phone, greeting + 800);
      phone.hangUp();
      const result = await report;
      await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(result.reason).toBe('audio went both ways');
      expect(rig.of('recording_stopped')).toMatchObject([{ reason: 'disk-full' }]);
      expect(rig.of('call_ended')[0]?.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
      // The greeting before it and the answer after it.
      const heard = phone.recordedChannels();
      if (heard === undefined) throw new Error('the phone recorded nothing');
      expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
      expect(result.streams[0]?.faultCount).toBe(0);
      const kept = fromWav(readFileSync(join(dir, `${callId(rig)}.wav`)));
      expect(kept.agent.length / kept.sampleRate).toBeGreaterThan(1);
      expect(JSON.parse(readFileSync(join(dir, `${callId(rig)}.json`), 'utf8'))).toMatchObject({
        ended: { reason: 'disk-full' },
      });
      const metrics = await (await fetch(`${rig.url}/metrics`)).text();
      expect(metrics).toContain('voicebridge_recordings_stopped_total{reason="disk-full"} 1');
      expect(rig.lines.filter((line) => line['msg'] === 'the recording stops; the call goes on')).toHaveLength(1);
      await rig.app.close();
    } finally {
      execFileSync('umount', ['-l', dir]);
      rmSync(dir, { recursive: true });
    }
  });
});

describe('an Ogg Opus file', () => {
  it('is in order for the reference tools, also when its process was killed', ({ skip }) => {
    const opus = opusAvailable();
    if (!opus.ok) skip(`NOT TESTED: ${opus.reason}`);
    const dir = mkdtempSync(join(tmpdir(), 'voicebridge-ogg-'));
    try {
      try {
        execFileSync('opusinfo', ['-h'], { stdio: 'pipe' });
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ENOENT')
          skip('NOT TESTED: opusinfo is missing (Debian package opus-tools)');
      }
      const scribe = new Scribe({ dir, minFreeBytes: 0, fs }, () => undefined);
      for (const id of ['ended', 'killed']) {
        scribe.take({
          type: 'open',
          id,
          format: 'opus',
          sampleRate: 24_000,
          consent: 'operator',
          startedAt: Date.now(),
        });
        for (let i = 0; i < 7; i++) {
          const stereo = new Int16Array(
            interleave([makeTone(CALLER_HZ, 24_000, 490), makeTone(AGENT_HZ, 24_000, 490)]).buffer,
          );
          scribe.take({ type: 'write', id, stereo });
        }
      }
      scribe.take({ type: 'close', id: 'ended', reason: 'call-ended' });
      // What a page that was being written leaves.
      appendFileSync(join(dir, 'killed.opus'), 'OggS torn');
      new Scribe({ dir, minFreeBytes: 0, fs }, () => undefined).answer({ type: 'sweep', before: undefined });
      for (const [id, seconds] of [
        ['ended', '3.430'],
        ['killed', '3.4'],
      ] as const) {
        const said = execFileSync('opusinfo', [join(dir, `${id}.opus`)], { encoding: 'utf8' });
        expect(said).toContain('Pre-skip: 312');
        expect(said).toContain('CONSENT=operator');
        expect(said).toContain(`Playback length: 0m:0${seconds}`);
        expect(said).not.toMatch(/warning|error|invalid|corrupt|EOS not set/i);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
