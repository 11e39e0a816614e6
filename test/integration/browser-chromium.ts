import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { ToneGenerator } from '../../src/media/tone.ts';
import { encodeWav } from '../../src/media/wav.ts';

/** A real Chromium with a recorded microphone. */

const PATH = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((one) =>
  existsSync(one),
);

/** Why there is no browser to test with; undefined where there is one. */
export const noChromium = PATH === undefined ? 'no Chromium is installed (/usr/bin/chromium)' : undefined;

/** Where screenshots are kept; not under version control. */
const SHOTS = resolve(import.meta.dirname, '../../test-results');

export interface Opened {
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly page: Page;
  /** What went wrong in the page: exceptions, and errors on its console. */
  readonly faults: string[];
  close(): Promise<void>;
}

export interface OpenOptions {
  /** What the microphone hears, over and over: 48 kHz. Without it there is no microphone. */
  readonly microphone?: Int16Array;
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
  /** The operators' token with which the tab is signed in to the console from the start; none when left out or empty. */
  readonly token?: string | undefined;
}

/** Silence, a tone, silence, in ms: what a caller says. */
export function speech(hz: number, before: number, length: number, after: number): Int16Array {
  const tone = new ToneGenerator(hz, 48_000, -12);
  const all = new Int16Array((before + length + after) * 48);
  tone.fill(all.subarray(before * 48, (before + length) * 48));
  return all;
}

/** Opens an empty page in a browser of its own. */
export async function openChromium(options: OpenOptions = {}): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-chromium-'));
  const file = join(folder, 'microphone.wav');
  const { microphone } = options;
  if (microphone !== undefined) writeFileSync(file, encodeWav([microphone], 48_000));
  const browser = await chromium.launch({
    executablePath: PATH!,
    args: [
      '--no-sandbox',
      '--headless=new',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--autoplay-policy=no-user-gesture-required',
      ...(microphone === undefined
        ? []
        : [
            '--use-fake-ui-for-media-stream',
            '--use-fake-device-for-media-stream',
            `--use-file-for-fake-audio-capture=${file}`,
          ]),
    ],
  });
  const context = await browser.newContext({
    viewport: options.viewport ?? { width: 420, height: 860 },
    colorScheme: options.colorScheme ?? 'light',
  });
  context.setDefaultTimeout(10_000);
  const { token = '' } = options;
  if (token !== '') {
    const kept = `sessionStorage.setItem('voicebridge.token', ${JSON.stringify(token)})`;
    await context.addInitScript({ content: `if (location.protocol === 'http:') ${kept};` });
  }
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return {
    browser,
    context,
    page,
    faults,
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Keeps a picture of the page. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}
