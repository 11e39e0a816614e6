import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { bytes, duration, spokenDuration } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { leftOutWords } from '../lib/thin.js';
import { eventsOnAxis } from '../model/axis.js';
import { spansOf } from '../model/talk.js';
import { wordsOf } from './notices.js';
import { saveBlob } from './save.js';
import { createWaveform } from './waveform.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/call-state.js').CallState} CallState
 */

const STEP_MS = 5_000;
/** Parts of the outline: 50 ms each up to 8 minutes, where talking at once can still be seen. */
const BUCKETS = 10_000;
const SPEEDS = ['1', '1.25', '1.5', '2'];

/** @typedef {{ durationMs: number, buckets: number, caller: number[], agent: number[] }} Peaks */

/** @param {string} id */
const pathOf = (id) => `records/${encodeURIComponent(id)}/recording`;

/**
 * The outline of a call's recording. Rejects with an ApiProblem, RECORDING_UNKNOWN where there is none (any more).
 * @param {Api} api
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Peaks>}
 */
export function loadPeaks(api, id, signal) {
  return api.get(`${pathOf(id)}/peaks?buckets=${BUCKETS}`, { signal });
}

/**
 * Plays a call's recording. Its picture comes first; the sound itself, which may be large, when somebody wants to hear it.
 * @param {Api} api
 * @param {string} id
 * @param {CallState} call
 * @param {Peaks} peaks
 * @param {(callMs: number) => void} heard told where it plays, ms since the call began
 */
export function createPlayer(api, id, call, peaks, heard) {
  const path = pathOf(id);
  /** The recording's time 0 in the call's time, ms. */
  const fromMs = call.recordingFromMs ?? 0;
  const audio = new Audio();
  let { durationMs } = peaks;
  let atMs = 0;
  /** @type {Promise<Blob> | undefined} */
  let sound;
  /** @type {string | undefined} */
  let url;
  const abort = new AbortController();

  const play = h('button', { type: 'button', class: 'button primary play', 'aria-label': 'Play' }, icon('play'));
  const time = h('span', { class: 'numeric player-time' });
  const speed = h(
    'select',
    { class: 'select', 'aria-label': 'Speed' },
    SPEEDS.map((value) => h('option', { value }, `${value}×`)),
  );
  const save = h(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': 'Download the recording', title: 'Download the recording' },
    icon('download'),
  );
  const status = h('span', { class: 'muted player-status', role: 'status' });
  let zoom = 1;
  const zoomTo = (/** @type {number} */ times) => {
    zoom = waveform.setZoom(times);
    closer.disabled = zoom >= 16;
    farther.disabled = zoom <= 1;
  };
  const zoomButton = (/** @type {string} */ sign, /** @type {string} */ words, /** @type {number} */ by) =>
    h(
      'button',
      { type: 'button', class: 'button', 'aria-label': words, title: words, onclick: () => zoomTo(zoom * by) },
      sign,
    );
  const farther = zoomButton('−', 'Zoom out', 0.5);
  const closer = zoomButton('+', 'Zoom in', 2);
  farther.disabled = true;
  const waveform = createWaveform({ seek: (share) => seek(share * durationMs) });
  const leftOut = h('p', { class: 'muted', hidden: true });
  const element = h(
    'section',
    { class: 'card player', 'aria-label': 'Recording' },
    waveform.element,
    leftOut,
    h('div', { class: 'player-controls' }, play, time, speed, farther, closer, save, status),
  );

  const showTime = () => {
    setText(time, `${duration(atMs)} / ${duration(durationMs)}`);
    waveform.setPosition(
      durationMs === 0 ? 0 : atMs / durationMs,
      `${spokenDuration(atMs)} of ${spokenDuration(durationMs)}`,
    );
    heard(atMs + fromMs);
  };
  const seek = (/** @type {number} */ ms) => {
    atMs = Math.min(durationMs, Math.max(0, ms));
    if (url !== undefined) audio.currentTime = atMs / 1000;
    showTime();
  };
  const showPlaying = (/** @type {boolean} */ on) => {
    fill(play, icon(on ? 'pause' : 'play'));
    setAttribute(play, 'aria-label', on ? 'Pause' : 'Play');
  };

  const fetchSound = () => {
    sound ??= download(api, path, abort.signal, (done, all) => {
      setText(status, all === undefined ? `Loading ${bytes(done)} …` : `Loading ${bytes(done)} of ${bytes(all)} …`);
    }).catch((error) => {
      sound = undefined;
      throw error;
    });
    return sound;
  };
  const toggle = async () => {
    if (!audio.paused) return audio.pause();
    try {
      const blob = await fetchSound();
      setText(status, '');
      if (url === undefined) {
        url = URL.createObjectURL(blob);
        audio.src = url;
        audio.currentTime = atMs / 1000;
        audio.playbackRate = Number(speed.value);
      }
      if (atMs >= durationMs - 50) seek(0);
      await audio.play();
    } catch (error) {
      if (!abort.signal.aborted) setText(status, `The recording cannot be played. ${wordsOf(error)}`);
    }
  };

  const follow = () => {
    if (audio.paused) return;
    atMs = audio.currentTime * 1000;
    showTime();
    requestAnimationFrame(follow);
  };
  audio.addEventListener('play', () => {
    showPlaying(true);
    follow();
  });
  for (const type of ['pause', 'ended']) audio.addEventListener(type, () => showPlaying(false));
  audio.addEventListener('loadedmetadata', () => {
    if (Number.isFinite(audio.duration) && audio.duration > 0) durationMs = audio.duration * 1000;
    showTime();
  });
  // In a tab that is not seen no pictures are drawn, and the place must still be right when it is.
  audio.addEventListener('timeupdate', () => {
    atMs = audio.currentTime * 1000;
    showTime();
  });
  speed.addEventListener('change', () => {
    audio.playbackRate = Number(speed.value);
  });
  play.addEventListener('click', () => void toggle());
  save.addEventListener('click', async () => {
    try {
      const blob = await fetchSound();
      setText(status, '');
      saveBlob(blob, `call-${id}.${blob.type.includes('ogg') ? 'ogg' : 'wav'}`);
    } catch (error) {
      if (!abort.signal.aborted) setText(status, wordsOf(error));
    }
  });
  waveform.slider.addEventListener('keydown', (event) => {
    const to = {
      ArrowRight: atMs + STEP_MS,
      ArrowUp: atMs + STEP_MS,
      ArrowLeft: atMs - STEP_MS,
      ArrowDown: atMs - STEP_MS,
      PageUp: atMs + 6 * STEP_MS,
      PageDown: atMs - 6 * STEP_MS,
      Home: 0,
      End: durationMs,
    }[event.key];
    if (to !== undefined) seek(to);
    else if (event.key === '+' || event.key === '=') zoomTo(zoom * 2);
    else if (event.key === '-') zoomTo(zoom / 2);
    else if (event.key === '0') zoomTo(1);
    else if (event.key === ' ' || event.key === 'Enter') void toggle();
    else return;
    event.preventDefault();
  });

  return {
    element,
    /** To be called when the element is in the page: only then has the picture a size. */
    open() {
      waveform.setPeaks(peaks);
      waveform.setSpans(spansOf(peaks));
      const { marks, all } = eventsOnAxis(call, fromMs, durationMs);
      waveform.setMarks(marks);
      setText(leftOut, leftOutWords(marks.length, all, 'The conversation has all of them.'));
      leftOut.hidden = marks.length === all;
      showTime();
    },
    /** Goes to a time of the call. @param {number} ms since the call began */
    seekCall(ms) {
      seek(ms - fromMs);
    },
    close() {
      abort.abort();
      audio.pause();
      waveform.close();
      if (url !== undefined) URL.revokeObjectURL(url);
    },
  };
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {(done: number, all: number | undefined) => void} progress bytes
 */
async function download(api, path, signal, progress) {
  const response = await api.fetch(path, { signal });
  const length = Number(response.headers.get('content-length'));
  const reader = response.body?.getReader();
  if (reader === undefined) return response.blob();
  /** @type {BlobPart[]} */
  const chunks = [];
  for (let done = 0; ; ) {
    const { value, done: over } = await reader.read();
    if (over) break;
    chunks.push(value);
    done += value.byteLength;
    progress(done, length > 0 ? length : undefined);
  }
  return new Blob(chunks, { type: response.headers.get('content-type') ?? 'audio/wav' });
}
