import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { duration, spokenDuration } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { leftOutWords } from '../lib/thin.js';
import { wordsOf } from '../views/notices.js';
import { createWaveform } from '../views/waveform.js';
import { TapeSound } from './tape-sound.js';

/**
 * Plays the tape of a tested call, with every measured moment marked on it. The sound is asked for when somebody wants to hear it.
 * @param {import('../api.js').Api} api
 * @param {string} path of the tape
 * @param {import('../views/waveform.js').Peaks} peaks
 * @param {{ marks: ReadonlyArray<import('../model/axis.js').AxisMark>, all: number }} moments `all`: how many there are
 */
export function createTapePlayer(api, path, peaks, moments) {
  const audio = new Audio();
  const { durationMs } = peaks;
  let atMs = 0;
  let isClosed = false;
  const sound = new TapeSound(
    audio,
    // A token cannot go with an audio element's own request.
    async (signal) => URL.createObjectURL(await (await api.fetch(path, { signal })).blob()),
    (url) => URL.revokeObjectURL(url),
  );
  const play = h('button', { type: 'button', class: 'button primary play', 'aria-label': 'Play' }, icon('play'));
  const time = h('span', { class: 'numeric player-time' });
  const status = h('span', { class: 'muted player-status', role: 'status' });
  const waveform = createWaveform({ seek: (share) => seek(share * durationMs) });
  const element = h(
    'section',
    { class: 'card player', 'aria-label': 'Tape' },
    waveform.element,
    moments.marks.length < moments.all
      ? h('p', { class: 'muted' }, leftOutWords(moments.marks.length, moments.all))
      : undefined,
    h('div', { class: 'player-controls' }, play, time, status),
  );
  waveform.setPeaks(peaks);
  waveform.setMarks(moments.marks);

  const show = () => {
    setText(time, `${duration(atMs)} / ${duration(durationMs)}`);
    waveform.setPosition(
      durationMs === 0 ? 0 : atMs / durationMs,
      `${spokenDuration(atMs)} of ${spokenDuration(durationMs)}`,
    );
  };
  const seek = (/** @type {number} */ ms) => {
    atMs = Math.min(durationMs, Math.max(0, ms));
    if (sound.isReady) audio.currentTime = atMs / 1000;
    show();
  };
  const toggle = async () => {
    if (!audio.paused) return audio.pause();
    try {
      if (!sound.isReady) setText(status, 'Loading …');
      if (atMs >= durationMs - 50) seek(0);
      await sound.play(() => atMs);
      setText(status, '');
    } catch (error) {
      if (!isClosed) setText(status, `The tape cannot be played. ${wordsOf(error)}`);
    }
  };
  play.addEventListener('click', () => void toggle());
  for (const type of ['play', 'pause', 'ended'])
    audio.addEventListener(type, () => {
      fill(play, icon(audio.paused ? 'play' : 'pause'));
      setAttribute(play, 'aria-label', audio.paused ? 'Play' : 'Pause');
    });
  audio.addEventListener('timeupdate', () => {
    atMs = audio.currentTime * 1000;
    show();
  });
  show();
  return {
    element,
    seek,
    close() {
      isClosed = true;
      sound.close();
      waveform.close();
    },
  };
}
