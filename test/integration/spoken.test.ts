import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeTone } from '../../src/media/tone.ts';
import { encodeWav } from '../../src/media/wav.ts';
import { silenceSource } from '../../src/simulator/phone/index.ts';
import { type RigOptions, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What a caller hears where no agent can speak: in the language and the voice of the line that was called. */

const GERMAN = '+4930123456';
const ENGLISH = '+12025550100';
const APOLOGY_HZ = 1_500;

/** Two lines, of which one has words of its own. */
function lines(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'spoken-'));
  const tone = makeTone(APOLOGY_HZ, 44_100, 1_500, -12);
  writeFileSync(join(folder, 'es-tut-uns-leid.wav'), encodeWav([tone, tone], 44_100));
  const say = `{ language: de-DE, voice: Google.de-DE-Standard-A, fallback: 'Es tut "uns" leid & so.', busy: Besetzt., apology: es-tut-uns-leid.wav }`;
  writeFileSync(
    join(folder, 'routes.yaml'),
    `routes:\n  - { name: german, to: "${GERMAN}", prompt: default, say: ${say} }\n  - { name: all, prompt: default }\n`,
  );
  return { ROUTES_FILE: join(folder, 'routes.yaml'), SAY_LANGUAGE: 'en-GB', SAY_VOICE: 'Polly.Amy-Neural' };
}

const ask = async (url: string, path: string, form: Record<string, string>) => {
  const answer = await fetch(url + path, { method: 'POST', body: new URLSearchParams(form) });
  return (await answer.text()).replace(/^<\?xml[^>]*\?>/, '');
};

const AT_TWILIO = { CallSid: `CA${'a1'.repeat(16)}`, AccountSid: `AC${'b2'.repeat(16)}` };
const AT_SIGNALWIRE = {
  CallSid: '8b5b7a4e-0f1c-4f4e-9a51-1c2d3e4f5a6b',
  AccountSid: '0c5b7a4e-0f1c-4f4e-9a51-1c2d3e4f5a6b',
};

describe.concurrent('a caller without an agent', () => {
  it('is told in the words, the language and the voice of his line, as his carrier names it', async ({ own }) => {
    const rig = own(await startRig({ settings: { ...lines(), FALLBACK_DIAL: '+12025550199' } }));
    // Of this call nobody knows: it was lost with its process.
    const lost = (ids: object, To: string) =>
      ask(rig.url, '/call-continue', { ...ids, From: '+12025550143', To, Direction: 'inbound' });
    const said = 'Es tut &quot;uns&quot; leid &amp; so.';
    expect(await lost(AT_TWILIO, GERMAN)).toBe(
      `<Response><Say language="de-DE" voice="Google.de-DE-Standard-A">${said}</Say><Dial timeLimit="7200">+12025550199</Dial><Hangup/></Response>`,
    );
    expect(await lost(AT_SIGNALWIRE, GERMAN)).toContain(
      `<Say language="de-DE" voice="gcloud.de-DE-Standard-A">${said}</Say>`,
    );
    expect(await lost(AT_TWILIO, ENGLISH)).toMatch(
      /^<Response><Say language="en-GB" voice="Polly.Amy-Neural">We are sorry, .*<\/Say>/,
    );
  });

  it('who withholds his number is connected to the fallback under one that can be shown', async ({ own }) => {
    const rig = own(await startRig({ settings: { ...lines(), FALLBACK_DIAL: '+12025550199' } }));
    const wrapped = ['sip:+12025550143@pbx.example.com', 'client:+12025550143', '12025550143'];
    for (const From of ['Anonymous', '+266696687', '', 'sip:alice@pbx.example.com', ...wrapped])
      expect(await ask(rig.url, '/call-continue', { ...AT_TWILIO, From, To: ENGLISH })).toContain(
        `<Dial timeLimit="7200" callerId="${ENGLISH}">+12025550199</Dial>`,
      );
  });

  it('is turned away in them, too', async ({ own }) => {
    const rig = own(await startRig({ settings: { ...lines(), MAX_CALLS: '1' } }));
    const call = (n: number, To: string) =>
      ask(rig.url, '/incoming-call', { ...AT_TWILIO, CallSid: `CA${String(n).repeat(32)}`, From: '+12025550143', To });
    expect(await call(1, ENGLISH)).toContain('<Connect>');
    expect(await call(2, GERMAN)).toBe(
      '<Response><Say language="de-DE" voice="Google.de-DE-Standard-A">Besetzt.</Say><Hangup/></Response>',
    );
    expect(await call(3, ENGLISH)).toContain('<Say language="en-GB" voice="Polly.Amy-Neural">All lines are busy');
  });

  const failing: RigOptions = { scenario: { faults: [{ fault: 'refuse_key', status: 401 }] } };

  it('hears the recording of his line, and others that of all', async ({ own }) => {
    const rig = own(await startRig({ ...failing, settings: lines() }));
    const heardOn = async (to: string) => {
      const { phone, report } = rig.call({ source: silenceSource(), to });
      await report;
      const heard = phone.recordedChannels();
      return toneAloneMs(heard?.agent ?? new Int16Array(), heard?.sampleRate ?? 8_000, APOLOGY_HZ);
    };
    expect(await heardOn(GERMAN)).toBeGreaterThanOrEqual(1_200);
    await until(() => rig.of('call_ended').length === 1, 'the first end');
    expect(await heardOn(ENGLISH)).toBe(0);
  });

  it('hears the operator’s own recording', async ({ own }) => {
    const file = join(mkdtempSync(join(tmpdir(), 'spoken-')), 'sorry.wav');
    writeFileSync(file, encodeWav([makeTone(APOLOGY_HZ, 11_025, 1_500, -12)], 11_025));
    const rig = own(await startRig({ ...failing, settings: { APOLOGY_FILE: file } }));
    const { phone, report } = rig.call({ source: silenceSource() });
    await report;
    const heard = phone.recordedChannels();
    expect(toneAloneMs(heard?.agent ?? new Int16Array(), 8_000, APOLOGY_HZ)).toBeGreaterThanOrEqual(1_200);
  });
});

describe('a recording that cannot be played', () => {
  it('stops the daemon, with its name and the reason', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'spoken-')), 'sorry.wav');
    writeFileSync(file, 'this is an mp3');
    await expect(startRig({ settings: { APOLOGY_FILE: file } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(file),
    });
    const settings = lines();
    writeFileSync(join(settings['ROUTES_FILE'] ?? '', '../es-tut-uns-leid.wav'), 'nor this');
    await expect(startRig({ settings })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
