import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveKitServer, People } from '../../src/simulator/livekit/index.ts';
import { toneSource } from '../../src/simulator/phone/index.ts';
import { noChromium, type Opened as OpenedBrowser, openChromium } from './browser-chromium.ts';
import { type LiveKitRig, type Opened, startLiveKitRig } from './livekit-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { asked, until } from './rig.ts';

/** What LiveKit's components show of a room with the agent in it: `test/fixtures/livekit-components.js` says which, and reads as they do. */

const READER = readFileSync(join(import.meta.dirname, '../fixtures/livekit-components.js'), 'utf8');
const AGENT_HZ = 620;
const GREETING = { text: 'Good day to you all', tone: AGENT_HZ, toneMs: 1_500 };
const ANSWER = { text: 'One two three four five six seven eight nine ten', tone: AGENT_HZ, toneMs: 30_000 };

interface Said {
  readonly text: string;
  readonly identity: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface View {
  readonly local: string;
  readonly state: string;
  readonly isConnected: boolean;
  readonly agent?: { readonly identity: string; readonly name: string; readonly attributes: Record<string, string> };
  readonly audioTrack?: { readonly sid: string; readonly subscribed: boolean };
  readonly microphone?: string;
  readonly transcriptions: readonly Said[];
  readonly agentTranscriptions: ReadonlyArray<{ readonly id: string; readonly text: string; readonly final: boolean }>;
  readonly messages: ReadonlyArray<{
    readonly type: 'userTranscript' | 'agentTranscript' | 'chatMessage';
    readonly id: string;
    readonly message: string;
    readonly from: string;
  }>;
}

/** A microphone that hears a tone when the page is told to say one, whatever the machine's pace. */
const MICROPHONE = `{
  const context = new AudioContext();
  const [mouth, gain, out] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
  mouth.frequency.value = 1_020;
  gain.gain.value = 0;
  mouth.connect(gain).connect(out);
  mouth.start();
  navigator.mediaDevices.getUserMedia = async () => out.stream.clone();
  globalThis.say = (seconds) => {
    gain.gain.setValueAtTime(0.25, context.currentTime);
    gain.gain.setValueAtTime(0, context.currentTime + seconds);
  };
}`;

/** A page in the room, which reads it as the components do. */
async function enter(rig: LiveKitRig, { serverUrl, accessToken }: Opened) {
  const opened: OpenedBrowser = await openChromium({ microphone: new Int16Array(48_000) });
  const { page } = opened;
  await page.route('**/console/test-components.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: READER }),
  );
  await page.goto(`${rig.url}/console/livekit.html`);
  const start = `import('/console/test-components.js').then(async ({ ComponentsReader }) => {
    globalThis.reader = new ComponentsReader();
    await reader.start(${JSON.stringify(serverUrl)}, ${JSON.stringify(accessToken)});
  })`;
  await page.evaluate(MICROPHONE);
  await page.evaluate(start);
  const read = <T>(what: string) => page.evaluate<T>(`reader.${what}`);
  return {
    faults: opened.faults,
    view: () => read<View>('view()'),
    read,
    say: (seconds: number) => page.evaluate(`say(${seconds})`),
    send: (text: string) => page.evaluate(`reader.send(${JSON.stringify(text)})`),
    /** The view in which this holds. */
    async until(check: (view: View) => unknown, what: string) {
      return asked(
        async () => {
          const view = await read<View>('view()');
          return check(view) ? view : undefined;
        },
        what,
        20_000,
      );
    },
    close: () => opened.close(),
  };
}

const missing = noLiveKit ?? noChromium;
if (missing !== undefined) it('LiveKit’s components', ({ skip }) => skip(missing));
describe.skipIf(missing !== undefined)('LiveKit’s components', () => {
  let server: LiveKitServer;
  let people: People;
  beforeAll(async () => {
    [server, people] = await Promise.all([startLiveKit(), People.start()]);
  }, 60_000);
  afterAll(async () => {
    await people?.close();
    await server?.stop();
  });

  it('show the agent, its state, its track, and who said what; what is cut off stays where it was', async () => {
    const rig = await startLiveKitRig({
      server,
      people,
      settings: { LIVEKIT_AGENT_NAME: 'Ada' },
      scenario: { greeting: GREETING, turns: [{ say: ANSWER }], loop: true },
    });
    let page: Awaited<ReturnType<typeof enter>> | undefined;
    try {
      const opened = await rig.post<Opened>('create-room', { participantName: 'Paula' });
      page = await enter(rig, opened);
      const anna = await rig.follow(opened, 'Anna');

      // useAgent, useVoiceAssistant.
      const greeted = await page.until(({ agentTranscriptions: [first] }) => first?.final, 'the greeting');
      expect(greeted.agent).toMatchObject({ name: 'Ada', identity: expect.stringMatching(/^agent-/) });
      expect(greeted.audioTrack).toMatchObject({ subscribed: true });
      expect(greeted.agentTranscriptions).toMatchObject([{ text: GREETING.text, final: true }]);
      const agent = greeted.agent!.identity;

      // useTranscriptions, by participant and by track; a line of hers is hers.
      const states = () => page!.read<string[]>('agentStates');
      await asked(async () => /speaking.*listening$/.test((await states()).join()), 'the greeting to be over');
      await page.say(1.2);
      const answered = await page.until(
        ({ transcriptions }) => transcriptions.some(({ text }) => text.startsWith('One')),
        'the answer',
      );
      await until(
        () => rig.agentEvents('transcript').some(({ role, final }) => role === 'caller' && final),
        'her words',
      );
      const heard = await page.until(
        ({ transcriptions }) => transcriptions.some(({ identity }) => identity === answered.local),
        'her words in the room',
      );
      const [hers] = heard.transcriptions.filter(({ identity }) => identity === heard.local);
      expect(hers!.attributes).toMatchObject({
        'lk.transcription_final': 'true',
        'lk.transcribed_track_id': heard.microphone,
        'lk.segment_id': expect.stringMatching(/./),
      });
      for (const { attributes } of heard.transcriptions.filter(({ identity }) => identity === agent))
        expect(attributes['lk.transcribed_track_id']).toBe(heard.audioTrack!.sid);

      // Somebody else cuts the answer off and is answered: it is told anew, as far as it was heard, in its place, and as no new message.
      const before = heard.messages.map(({ id }) => id);
      await page.until(({ state }) => state === 'speaking', 'the agent to be heard');
      await anna.say(toneSource(1_500, { ms: 900, dbfs: -15 }));
      await until(() => rig.of('barge_in')[0], 'the barge-in', 15_000);
      const cut = await page.until(
        ({ messages, agentTranscriptions }) =>
          messages.filter(({ message }) => message.startsWith('One'))[1]?.message === ANSWER.text &&
          agentTranscriptions.at(-1)?.text === ANSWER.text,
        'all of the next answer',
      );
      expect(cut.messages.map(({ id }) => id).slice(0, before.length)).toEqual(before);
      const [shorter, whole] = cut.messages.filter(({ message }) => message.startsWith('One'));
      expect(shorter!.message.length).toBeLessThan(ANSWER.text.length);
      expect(whole!.message).toBe(ANSWER.text);
      const segments = cut.transcriptions.map(({ attributes }) => attributes['lk.segment_id']);
      expect(new Set(segments).size).toBe(segments.length);
      expect((await page.read<string[]>('received')).toSorted()).toEqual(cut.messages.map(({ id }) => id).toSorted());
      expect(cut.agentTranscriptions.map(({ text }) => text)).toEqual([GREETING.text, shorter!.message, ANSWER.text]);

      // useChat: one turn, though it is sent in two forms.
      await page.send('What did you say?');
      const typed = () => rig.of('caller').flatMap(({ event }) => (event.type === 'text' ? [event] : []));
      await until(() => typed()[0], 'the line that was written');
      expect(typed()).toMatchObject([{ text: 'What did you say?', by: { identity: cut.local, name: 'Paula' } }]);

      expect(await states()).toEqual(expect.arrayContaining(['listening', 'thinking', 'speaking']));
      expect(await page.read('assistantStates')).toEqual(expect.arrayContaining(['connecting', 'listening']));

      await rig.post('end-call', { connectionId: opened.connectionId });
      await page.until(({ state }) => state === 'disconnected' || state === 'pre-connect-buffering', 'the end');
      expect(await page.read('failures')).toEqual([]);
      expect(page.faults).toEqual([]);
    } finally {
      await page?.close();
      await rig.close();
    }
  }, 120_000);
});
