import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from '../app.ts';
import type { CallEvent } from '../call/events.ts';
import { CARRIERS } from '../callers/phone/carriers/index.ts';
import { loadConfig } from '../config.ts';
import { errorMessage } from '../errors.ts';
import { createLog } from '../log.ts';
import { isToneAlone } from '../media/tone.ts';
import {
  firstWords,
  formatDuration,
  Phone,
  CARRIERS as SIMULATED,
  scriptSource,
  toneSource,
  wavSource,
} from '../simulator/phone/index.ts';
import { webrtcAvailable } from '../transport/peer.ts';

/**
 * `npm run demo`: the main job before your eyes, with no key and no account. It starts the daemon on the embedded simulated model, places a
 * real call over the real media WebSocket on each transport, and succeeds only if both sides heard each other.
 */

/** The caller ends with this tone; the model says it back, so hearing it proves both directions. Off the round kHz, where G.711 distorts most. */
const TONE_HZ = 1_020;
const RECORDINGS = 'recordings';

const say = (text: string) => void process.stdout.write(`${text}\n`);

/** What the caller does: lets the agent greet, says a sentence, hears it back, sends a tone, hears it back. */
function script() {
  const words = firstWords(wavSource(readFileSync(new URL('../simulator/assets/caller.wav', import.meta.url))));
  const wordsMs = words.samples(8_000).length / 8;
  return scriptSource([
    { pauseMs: 6_500 },
    words,
    { pauseMs: wordsMs + 2_500 },
    toneSource(TONE_HZ, { ms: 1_200 }),
    { pauseMs: 4_000 },
  ]);
}

/** The bridge's own view of the conversation, in words; undefined for what a reader does not need. */
function told(event: CallEvent): string | undefined {
  if (event.type === 'caller_joined') return `caller on the line    ${event.kind}`;
  if (event.type === 'connected') return `audio path            ${event.audioPath}`;
  if (event.type === 'first_agent_audio')
    return `first agent audio     ${Math.round(event.sinceJoinMs)} ms after the caller joined`;
  if (event.type === 'barge_in')
    return `barge-in              heard ${event.heard.map((h) => `${Math.round(h.heardMs)} ms`).join(', ')}`;
  if (event.type === 'call_ended') return `call ended            ${event.end.result}: ${event.end.reason}`;
  if (event.type !== 'agent') return undefined;
  const { event: agent } = event;
  if (agent.type === 'ready') return `model ready           over ${agent.transport}`;
  if (agent.type === 'transport_fallback') return `transport fallback    ${agent.from} to ${agent.to}: ${agent.reason}`;
  if (agent.type === 'speech_started') return 'caller speaks';
  if (agent.type === 'speech_stopped') return 'caller is silent';
  if (agent.type === 'transcript' && agent.final) return `${agent.role.padEnd(21)} "${agent.text}"`;
  if (agent.type === 'error') return `model error           ${agent.code}`;
  return undefined;
}

/** Milliseconds of the agent's channel in which the caller's tone, and nothing else, is heard. */
function toneMs(samples: Int16Array, sampleRate: number): number {
  const window = sampleRate / 5;
  let ms = 0;
  for (let at = 0; at + window <= samples.length; at += window) {
    if (isToneAlone(samples.subarray(at, at + window), sampleRate, TONE_HZ, { minDb: -35, maxOtherDb: -40 })) ms += 200;
  }
  return ms;
}

/** The carriers, and the command that calls as each does. The calls above were the first's. */
const others = () => [
  `${CARRIERS.length} carriers can call: ${CARRIERS.map(({ title }) => title).join(', ')}. The calls above were as ${CARRIERS[0].title}'s are; as each of the others':`,
  ...CARRIERS.slice(1).map(({ name }) => `  npm run call -- --carrier ${name}`),
];

/** One call; resolves with what went wrong, or undefined. */
async function call(transport: 'webrtc' | 'websocket'): Promise<string | undefined> {
  say(`\n== A call with the model on ${transport === 'webrtc' ? 'WebRTC' : 'the WebSocket'} ==\n`);
  const began = performance.now();
  const stamp = () => formatDuration(performance.now() - began);
  let used: string | undefined;
  const observer = {
    onEvent(_callId: string, event: CallEvent) {
      if (event.type === 'agent' && event.event.type === 'ready') used = event.event.transport;
      const text = told(event);
      if (text !== undefined) say(`${stamp()}  ${text}`);
    },
  };
  const config = loadConfig({ HOST: '127.0.0.1', PORT: '0', USE_WEBRTC: String(transport === 'webrtc') });
  const app = await build(config, { log: createLog({ level: 'silent' }), observers: [observer] });
  try {
    const url = await app.listen();
    const phone = new Phone({
      carrier: SIMULATED[0],
      source: script(),
      record: true,
      hangUpAfterMs: 60_000,
      hangUpWhenQuietMs: 2_500,
    });
    const report = await phone.placeCall({ webhookUrl: `${url}/incoming-call` });
    const heard = phone.recordedChannels();
    const wav = phone.recording();
    if (heard === undefined || wav === undefined) return `no media stream was opened: ${report.reason}`;
    const file = join(RECORDINGS, `demo-${transport}.wav`);
    mkdirSync(RECORDINGS, { recursive: true });
    writeFileSync(file, wav);
    const stream = report.streams[0];
    const back = toneMs(heard.agent, heard.sampleRate);
    const bothWays = back >= 400;
    say('');
    say(
      `the agent was heard      ${report.ok ? 'yes' : `NO: ${report.reason}`}, first ${Math.round(report.firstAgentAudio.fromStreamStartMs ?? -1)} ms after the stream began`,
    );
    say(
      `the caller was heard     ${bothWays ? 'yes' : 'NO'}: ${back} ms of the caller's ${TONE_HZ} Hz tone came back alone`,
    );
    say(
      `answers came after       ${stream?.turns.map((t) => `${Math.round(t.responseMs ?? -1)} ms`).join(', ') ?? '-'}`,
    );
    say(
      `frames                   ${stream?.sent.frames ?? 0} sent, ${stream?.received.messages ?? 0} messages received, ${stream?.playback.gaps ?? 0} gaps heard`,
    );
    say(`recording                ${relative('.', file)} (left: caller, right: agent)`);
    if (used !== transport) return `the call ran on ${used ?? 'no transport'} instead of ${transport}`;
    if (!report.ok) return report.reason;
    return bothWays ? undefined : "the caller's tone did not come back";
  } finally {
    await app.close();
  }
}

async function main(): Promise<number> {
  const webrtc = webrtcAvailable();
  const failures: string[] = [];
  for (const transport of ['webrtc', 'websocket'] as const) {
    if (transport === 'webrtc' && !webrtc.ok) {
      failures.push(`webrtc: ${webrtc.reason}`);
      continue;
    }
    const failure = await call(transport).catch((error: unknown) => errorMessage(error));
    if (failure !== undefined) failures.push(`${transport}: ${failure}`);
  }
  say('');
  say(failures.length === 0 ? 'Both sides heard each other on both transports.' : `FAILED\n${failures.join('\n')}`);
  for (const line of ['', ...others()]) say(line);
  return failures.length === 0 ? 0 : 1;
}

process.exit(await main());
