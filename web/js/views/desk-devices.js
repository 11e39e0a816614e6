import { listDevices, playTone, Trial, watchDevices } from '../../phone/devices.js';
import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { meterFill } from '../lib/format.js';
import { notify } from './notices.js';

/** @typedef {import('../../phone/phone.js').Phone} Phone */

/** Where the choice is kept, in this browser alone. */
const KEY = 'voicebridge.devices';

/**
 * Microphone and loudspeaker, each with its level: before a call the microphone's own, in a call what goes and comes.
 * @param {Phone} phone
 */
export function createDeskDevices(phone) {
  const kept = readKept();
  const microphone = h('select', { class: 'select', id: 'desk-microphone' });
  const speaker = h('select', { class: 'select', id: 'desk-speaker' });
  const processing = h('input', { type: 'checkbox', id: 'desk-processing', checked: kept.processing !== false });
  const listen = h('button', { type: 'button', class: 'button small' }, 'Try the microphone');
  const play = h('button', { type: 'button', class: 'button small' }, 'Play a tone');
  const mine = level('Microphone');
  const theirs = level('Loudspeaker');
  const problem = h('p', { class: 'hint', role: 'status' });
  const element = h(
    'details',
    { class: 'card desk-part' },
    h('summary', {}, 'Devices'),
    h(
      'div',
      { class: 'field' },
      h('label', { htmlFor: microphone.id }, 'Microphone'),
      microphone,
      mine.element,
      listen,
    ),
    h('div', { class: 'field' }, h('label', { htmlFor: speaker.id }, 'Loudspeaker'), speaker, theirs.element, play),
    h(
      'div',
      { class: 'choice' },
      processing,
      h('label', { htmlFor: processing.id }, 'Cancel echo and noise, even out loudness'),
    ),
    problem,
  );
  const trial = new Trial();
  let frame = 0;

  const chosen = () => ({ microphoneId: microphone.value, speakerId: speaker.value, processing: processing.checked });
  const draw = () => {
    frame = 0;
    if (!element.open || !element.isConnected) return stop();
    const { mine: own, agent } = phone.levels;
    mine.show(phone.active ? own : trial.level);
    theirs.show(agent);
    frame = requestAnimationFrame(draw);
  };
  const run = () => {
    if (frame === 0) frame = requestAnimationFrame(draw);
  };
  /** Nobody's microphone stays open where it is not looked at. */
  const stop = () => {
    trial.stop();
    setText(listen, 'Try the microphone');
    mine.show(-100);
  };
  const list = async () => {
    const { microphones, speakers, named } = await listDevices();
    put(microphone, microphones, kept.microphoneId);
    put(speaker, speakers, kept.speakerId);
    if (!phone.active && !trial.active)
      setText(problem, named ? '' : 'The browser names the devices once the microphone was allowed.');
  };
  const start = async () => {
    setText(listen, 'Stop trying');
    const opened = await trial.start(chosen());
    if (opened === undefined) return;
    setText(problem, opened.problem ?? '');
    run();
    await list();
  };
  listen.addEventListener('click', () => (trial.active ? stop() : void start()));
  play.addEventListener('click', () => {
    if (isBusy(play)) return;
    setBusy(play, true);
    playTone(speaker.value)
      .catch(() => notify('This loudspeaker cannot be used.', 'error'))
      .finally(() => {
        setBusy(play, false);
      });
  });
  for (const one of [microphone, speaker, processing])
    one.addEventListener('change', () => {
      const now = chosen();
      Object.assign(kept, now);
      localStorage.setItem(KEY, JSON.stringify(now));
      void phone.use(now);
      if (trial.active && one !== speaker) void start();
    });
  element.addEventListener('toggle', () => {
    if (element.open) {
      void list();
      run();
    } else stop();
  });
  phone.addEventListener('change', () => {
    if (phone.active && trial.active) stop();
    listen.disabled = phone.active;
  });
  watchDevices(() => {
    if (element.isConnected) void list();
  });
  void list().then(() => phone.use(chosen()));

  return {
    element,
    /** The view is shown. */
    show() {
      if (element.open) run();
    },
    /** Another view is. */
    leave: stop,
  };
}

/** @returns {{ microphoneId?: string, speakerId?: string, processing?: boolean }} */
function readKept() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}');
  } catch {
    return {};
  }
}

/** @param {HTMLSelectElement} select @param {import('../../phone/devices.js').Device[]} devices @param {string | undefined} wanted */
function put(select, devices, wanted = '') {
  fill(
    select,
    h('option', { value: '' }, 'The browser’s own choice'),
    devices.map(({ id, label }, i) => h('option', { value: id }, label === '' ? `Device ${i + 1}` : label)),
  );
  select.value = devices.some(({ id }) => id === wanted) ? wanted : '';
}

/** @param {string} of */
function level(of) {
  const fillOf = h('i', { class: `fill ${of === 'Microphone' ? 'caller' : 'agent'}` });
  const meter = h(
    'span',
    {
      class: 'meter',
      role: 'meter',
      'aria-label': `Level of the ${of.toLowerCase()}`,
      'aria-valuemin': '0',
      'aria-valuemax': '100',
      'aria-valuenow': '0',
    },
    fillOf,
  );
  let told = 0;
  return {
    element: meter,
    /** @param {number} dbfs */
    show(dbfs) {
      const part = meterFill(dbfs);
      fillOf.style.transform = `scaleX(${part.toFixed(3)})`;
      // To who has it read out a value that changes with every picture would only be noise.
      if (performance.now() - told < 1_000) return;
      told = performance.now();
      setAttribute(meter, 'aria-valuenow', String(Math.round(part * 100)));
    },
  };
}
