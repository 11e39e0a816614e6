import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { openPeers } from '../../src/transport/peer.ts';
import { noChromium, type Opened, type OpenOptions, openChromium, shoot, speech } from './browser-chromium.ts';
import { faintControls } from './console-contrast.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { loudestTone, type Rig, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** The page of the browser phone in a real Chromium, against the whole daemon and a model's far end of its own. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const VOICE = { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } };

type Own = <T extends { close(): Promise<void> }>(what: T) => T;

async function open(own: Own, rig: Pick<Rig, 'url'>, options: OpenOptions, query = 'raw=1'): Promise<Opened> {
  const opened = own(await openChromium(options));
  await opened.page.goto(`${rig.url}/console/phone.html?${query}#token=${OPERATOR_TOKEN}`);
  return opened;
}

/**
 * What the page's analyser hears of the agent: the loudest frequency of any moment that was loud, and how long such moments lasted. Looked at by
 * the page itself, every 20 ms, from before the call on.
 */
async function listen({ page }: Opened): Promise<() => Promise<{ loudMs: number; hz: number[]; meters: number[] }>> {
  await page.evaluate(() => {
    const phone = Reflect.get(globalThis, 'phone');
    const { document } = globalThis as unknown as {
      document: { querySelector(what: string): { style: { transform?: string } } };
    };
    // How far the meter of the microphone and the agent's face ever went, as parts of the whole.
    const shown = (part: string) =>
      Number(/scale[XY]\(([\d.]+)/.exec(document.querySelector(part).style.transform ?? '')?.[1] ?? 0);
    const heard = { loudMs: 0, hz: {} as Record<string, number>, meters: [0, 0] };
    Reflect.set(globalThis, 'heard', heard);
    let at = performance.now();
    setInterval(() => {
      const now = performance.now();
      const analyser = phone.agentAnalyser;
      heard.meters = ['.vb-mine-fill', '.vb-bars i:nth-child(3)'].map((part, i) =>
        Math.max(heard.meters[i] ?? 0, shown(part)),
      );
      if (analyser !== undefined && phone.levels.agent > -35) {
        heard.loudMs += now - at;
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const loudest = bins.indexOf(Math.max(...bins));
        const hz = Math.round((loudest * analyser.context.sampleRate) / analyser.fftSize);
        heard.hz[hz] = (heard.hz[hz] ?? 0) + 1;
      }
      at = now;
    }, 20);
  });
  return () =>
    page.evaluate(() => {
      const { loudMs, hz, meters } = Reflect.get(globalThis, 'heard') as {
        loudMs: number;
        hz: Record<string, number>;
        meters: number[];
      };
      // Frequencies heard often: the onset of a tone has all of them for a moment.
      const often = Object.entries(hz).filter(([, times]) => times >= 5);
      return { loudMs, hz: often.map(([one]) => Number(one)), meters };
    });
}

async function untilAsync<T>(look: () => Promise<T | undefined | false>, what: string, ms = 30_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The daemon as `npm start` starts it, on loopback. */
async function startDaemon(port = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-'));
  writeFileSync(join(folder, 'admin-token'), OPERATOR_TOKEN, { mode: 0o600 });
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: String(port), DATA_DIR: folder, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
  });
  // One that does not come to listen would keep the port, and this process from its end.
  const url = await until(() => /listens on (http:\S+)/.exec(said)?.[1], 'the daemon to listen', 60_000).catch(
    (error) => {
      child.kill('SIGKILL');
      throw error;
    },
  );
  return {
    process: child,
    url,
    port: Number(new URL(url).port),
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const status = (page: Opened['page']) => page.getByRole('status').textContent();
const says = (page: Opened['page'], words: RegExp, ms = 30_000) =>
  untilAsync(async () => words.test((await status(page)) ?? ''), `the page to say ${words}`, ms);

describe('the browser phone in Chromium', () => {
  it('calls, hears the agent, is heard, writes and is answered, and says truly how things stand', async ({
    own,
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ transport: 'webrtc', model: VOICE }));
    const opened = await open(own, rig, { microphone: speech(CALLER_HZ, 4_000, 1_500, 60_000) });
    const { page } = opened;
    expect(await status(page)).toBe('Not in a call');
    const heard = await listen(opened);
    await page.getByRole('button', { name: 'Call' }).click();
    await says(page, /^In the call$/);
    await page
      .getByRole('timer')
      .getByText(/^0:0\d$/)
      .waitFor();
    expect(await page.getByText(/ICE/).count()).toBe(0);
    await untilAsync(async () => (await heard()).loudMs >= 1_000, 'the greeting to be heard');

    // The caller's tone, which the microphone gives 4 s after it was opened, reaches the model, and its answer the page.
    const session = rig.model.sessions[0]!;
    await until(() => toneAloneMs(session.inputAudio(), 24_000, CALLER_HZ) >= 1_000, 'the caller to be heard', 15_000);
    // The onset of the caller's tone has a little of every frequency; the agent's own would be at -15.
    expect(loudestTone(session.inputAudio(), 24_000, AGENT_HZ)).toBeLessThan(-40);
    await untilAsync(async () => (await heard()).loudMs >= 2_200, 'the answer to be heard');
    // Both are seen to speak.
    for (const part of (await heard()).meters) expect(part).toBeGreaterThan(0.5);
    await shoot(page, 'browser-phone-in-call');

    const before = (await heard()).loudMs;
    await page.getByRole('textbox', { name: 'Message to the agent' }).fill('What are your opening hours?');
    await page.keyboard.press('Enter');
    await page.locator('[data-turn=accepted]', { hasText: 'What are your opening hours?' }).waitFor();
    await untilAsync(async () => (await heard()).loudMs >= before + 1_000, 'the answer to the typed turn');
    // A pure tone of the agent's and nothing else: within one bin of the analyser.
    for (const hz of (await heard()).hz) expect(Math.abs(hz - AGENT_HZ)).toBeLessThanOrEqual(24);
    await page
      .getByText(/A tone of 620 hertz/)
      .first()
      .waitFor();

    await page.getByRole('button', { name: 'Hang up' }).click();
    await says(page, /^The call has ended\. You hung up\.$/);
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    await until(() => openPeers() === 0, 'all peers to be closed');
    expect(opened.faults).toEqual([]);
  });

  it('mutes the microphone and the speaker, shows functions, and is told why the call ends', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(
      await startRig({
        settings: { GREETING: 'off', ROUTES_FILE: join(import.meta.dirname, '../fixtures/routes.yaml') },
        scenario: {
          turns: [
            { tools: [{ name: 'search_knowledge', arguments: { question: 'parking' } }], afterTools: { tone: 620 } },
          ],
        },
      }),
    );
    const opened = await open(
      own,
      rig,
      { microphone: speech(CALLER_HZ, 0, 400, 0), colorScheme: 'dark' },
      'raw=1&conversation=c1',
    );
    const { page } = opened;
    await page.getByRole('button', { name: 'Mute microphone', exact: true }).click();
    const unmute = page.getByRole('button', { name: 'Unmute microphone' });
    await unmute.waitFor();
    await page.getByRole('button', { name: 'Call' }).click();
    await says(page, /^In the call$/);
    await until(() => rig.of('connected')[0], 'both ends on the line');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const session = rig.model.sessions[0]!;
    expect(loudestTone(session.inputAudio(), 24_000, CALLER_HZ)).toBeLessThan(-60);
    await page.getByRole('textbox', { name: 'Message to the agent' }).fill('Where can I park?');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText('search_knowledge({"question":"parking"})').waitFor();
    await page.getByText(/^ok, \d+ ms$/).waitFor();
    await shoot(page, 'browser-phone-function-dark');

    await page.getByRole('button', { name: 'Mute speaker', exact: true }).click();
    await page.getByRole('button', { name: 'Unmute speaker' }).waitFor();
    // Unmuted it is heard again.
    await unmute.click();
    await until(() => loudestTone(session.inputAudio(), 24_000, CALLER_HZ) > -30, 'the caller to be heard');

    // Another window takes the conversation.
    const other = await opened.context.newPage();
    await other.goto(`${rig.url}/console/phone.html?raw=1&conversation=c1#token=${OPERATOR_TOKEN}`);
    await other.getByRole('button', { name: 'Call' }).click();
    await says(page, /goes on in another window or device\.$/);
    await says(other, /^In the call$/);
    // A page that is closed hangs up.
    await other.close();
    await until(() => rig.of('call_ended')[1], 'the end of the second call');
    expect(rig.of('call_ended').map(({ end }) => end.reason)).toEqual(['stream-replaced', 'caller-hangup']);
    expect(opened.faults).toEqual([]);
  });

  it('does what its address says: conversation, voice, agent, and a microphone as it is', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ model: VOICE }));
    const opened = own(await openChromium({ microphone: new Int16Array(48_000) }));
    const { page } = opened;
    await page.addInitScript(() => {
      const { mediaDevices } = globalThis.navigator as unknown as {
        mediaDevices: { getUserMedia(constraints: { audio: object }): Promise<unknown> };
      };
      const real = mediaDevices.getUserMedia.bind(mediaDevices);
      mediaDevices.getUserMedia = (constraints) => {
        Reflect.set(globalThis, 'asked', constraints.audio);
        return real(constraints);
      };
    });
    const call = async (query: string) => {
      const before = rig.of('connected').length;
      await page.goto(`${rig.url}/console/phone.html?${query}#token=${OPERATOR_TOKEN}`);
      // Whoever looks at the address sees no token.
      await page.waitForURL((url) => url.hash === '');
      const sent = page.waitForRequest((request) => request.url().endsWith('/webrtc/bridge'));
      await page.getByRole('button', { name: 'Call' }).click();
      const order = (await sent).postDataJSON() as Record<string, unknown>;
      await says(page, /^In the call$/);
      // The page knows of its media before there is a session.
      await until(() => rig.of('connected').length > before, 'both ends on the line');
      await page.getByRole('button', { name: 'Hang up' }).click();
      await says(page, /You hung up\.$/);
      const { echoCancellation, noiseSuppression, autoGainControl } = (await page.evaluate('asked')) as Record<
        string,
        boolean
      >;
      return { order, processing: [echoCancellation, noiseSuppression, autoGainControl] };
    };
    const told = await call('conversation=order-4711&voice=cedar&agent=after-hours&raw=1');
    expect(told.order).toMatchObject({ conversation_id: 'order-4711', voice: 'cedar', agent_name: 'after-hours' });
    expect(told.processing).toEqual([false, false, false]);
    expect(rig.of('call_started')[0]?.info).toMatchObject({ prompt: 'after-hours' });
    expect(JSON.stringify(rig.model.sessions[0]!.received)).toContain('"voice":"cedar"');

    const plain = await call('');
    expect(plain.order).not.toHaveProperty('voice');
    expect(plain.order).not.toHaveProperty('agent_name');
    expect(plain.order['conversation_id']).not.toBe('order-4711');
    expect(plain.processing).toEqual([true, true, true]);
    expect(opened.faults).toEqual([]);
  });

  it('calls without a microphone, and says so', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ model: VOICE }));
    const opened = await open(own, rig, {});
    const { page } = opened;
    const heard = await listen(opened);
    await page.getByRole('button', { name: 'Call' }).click();
    await says(page, /^In the call$/);
    expect(await page.getByRole('alert').textContent()).toMatch(
      /^(No microphone was found|The microphone was not allowed)/,
    );
    await untilAsync(async () => (await heard()).loudMs >= 1_000, 'the greeting to be heard');
    await shoot(page, 'browser-phone-no-microphone');
    expect(rig.model.sessions[0]!.receivedAudioMs).toBeGreaterThan(500);
  });

  it('says that the line is interrupted, that it is gone, and reconnects', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    // The daemon is a process of its own, as it is started without any setting, so that it can vanish without a word.
    let daemon = own(await startDaemon());
    const opened = await open(own, daemon, { microphone: new Int16Array(48_000) });
    const { page } = opened;
    const heard = await listen(opened);
    await page.getByRole('button', { name: 'Call' }).click();
    await says(page, /^In the call$/);
    await untilAsync(async () => (await heard()).loudMs >= 500, "the embedded model's greeting to be heard");

    daemon.process.kill('SIGSTOP');
    await says(page, /^The connection is interrupted/);
    await shoot(page, 'browser-phone-interrupted');
    daemon.process.kill('SIGCONT');
    await says(page, /^In the call$/);

    daemon.process.kill('SIGKILL');
    await page.getByRole('textbox', { name: 'Message to the agent' }).fill('Are you there?');
    await page.keyboard.press('Enter');
    await says(page, /^The connection was lost\. The network or the server is gone\.$/, 30_000);
    await page.locator('[data-turn=failed]', { hasText: 'Are you there?' }).waitFor();
    await shoot(page, 'browser-phone-lost');
    await page.getByRole('button', { name: 'Reconnect' }).click();
    await says(page, /^The call could not be made\. The server cannot be reached\. Is this device online\?$/);

    daemon = own(await startDaemon(daemon.port));
    await page.getByRole('button', { name: 'Try again' }).click();
    await says(page, /^In the call$/);
    // What could not be sent is sent now.
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.locator('[data-turn=accepted]', { hasText: 'Are you there?' }).waitFor();
    await opened.context.setOffline(true);
    await says(page, /^The connection is interrupted/);
    // It starts two daemons and waits for two connections to be given up.
  }, 180_000);

  it('says what the server refuses in words', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ scenario: { faults: [{ fault: 'refuse_key', status: 401, sessions: 'all' }] } }));
    const opened = await open(own, rig, { microphone: new Int16Array(48_000) });
    const { page } = opened;
    await page.getByRole('button', { name: 'Call' }).click();
    await says(page, /^The call could not be made\. The agent refuses the server’s key/);
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await shoot(page, 'browser-phone-refused');
  });

  it.for(['light', 'dark'] as const)(
    'asks for the token where it is missing, and calls with it, %s',
    async (colorScheme, { own, skip }) => {
      skip(noChromium !== undefined, noChromium);
      const rig = own(await startRig({ model: VOICE }));
      const opened = own(await openChromium({ microphone: new Int16Array(48_000), colorScheme }));
      const { page } = opened;
      await page.goto(`${rig.url}/console/phone.html?raw=1`);
      await shoot(page, `browser-phone-idle-${colorScheme}`);
      expect(await faintControls(page)).toEqual([]);
      await page.getByRole('button', { name: 'Call', exact: true }).click();
      await says(page, /You are not signed in\.$/);
      const token = page.getByLabel('Admin token');
      await token.fill('not the token of anybody');
      await page.keyboard.press('Enter');
      await says(page, /The sign-in is no longer valid\.$/);
      await shoot(page, `browser-phone-sign-in-${colorScheme}`);
      expect(await faintControls(page)).toEqual([]);
      await token.fill(OPERATOR_TOKEN);
      await page.keyboard.press('Enter');
      await says(page, /^In the call$/);
      expect(await token.isVisible()).toBe(false);
      // The agent that spoke and was not heard has no empty bubble, and no row of buttons leaves the page.
      await page.getByRole('log').getByText('Agent').first().waitFor();
      for (const words of await page.locator('.vb-words').allTextContents()) expect(words).not.toBe('');
      const width = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(width).toBe(0);
      expect(await faintControls(page)).toEqual([]);
      await shoot(page, `browser-phone-signed-in-${colorScheme}`);
      // The tab keeps it: the next call asks for nothing.
      await page.getByRole('button', { name: 'Hang up' }).click();
      await page.reload();
      await page.getByRole('button', { name: 'Call', exact: true }).click();
      await says(page, /^In the call$/);
    },
  );
});
