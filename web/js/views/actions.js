import { phoneNumber } from '../lib/format.js';
import { go, routeTo } from '../router.js';
import { choice, explain, field, openDialog, textOf } from './dialogs.js';
import { notify } from './notices.js';

/** What operators do with calls that needs a question first. Every outcome is said in words. */

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../status.js').DaemonStatus} DaemonStatus
 */

const NUMBER = { type: 'tel', inputMode: 'tel', maxLength: 40, placeholder: '+15551234567' };

/** @param {Api} api @param {string} id @param {string} party */
export function askHangUp(api, id, party) {
  openDialog({
    title: 'Hang up this call?',
    text: `The call with ${party} ends at once.`,
    action: 'Hang up',
    busy: 'Hanging up …',
    danger: true,
    async submit() {
      await api.call(id).hangUp();
      notify('The call was hung up.');
    },
  });
}

/**
 * Why this call's line cannot be asked for something; undefined: it can, or nobody knows.
 * @param {Api} api
 * @param {string} id
 * @param {'transfer' | 'digits'} action
 * @returns {Promise<string | undefined>}
 */
async function lineCannot(api, id, action) {
  try {
    return (await api.get(`calls/${encodeURIComponent(id)}`)).cannot?.[action];
  } catch {
    // What is wrong with the call is told by the action itself.
    return undefined;
  }
}

/** @param {Api} api @param {string} id @param {DaemonStatus} status */
export async function askTransfer(api, id, status) {
  const why = await lineCannot(api, id, 'transfer');
  if (why !== undefined) return explain('This caller cannot be transferred', { why });
  const { can } = (await status.look()) ?? {};
  if (can?.transfer.why !== undefined) return explain('Callers cannot be transferred', can.transfer);
  openDialog({
    title: 'Transfer the caller',
    text: 'The caller is connected to another number and the agent leaves the call.',
    fields: [
      field('Number', { name: 'to', ...NUMBER }, 'With its country code.'),
      field('Said before (optional)', { name: 'say', maxLength: 500 }),
    ],
    action: 'Transfer',
    busy: 'Transferring …',
    async submit(data) {
      const [to, say] = [textOf(data, 'to', 'Enter a number.'), textOf(data, 'say')];
      await api.call(id).transfer(say === '' ? { to } : { to, say });
      notify(`The caller is being connected to ${phoneNumber(to)}.`);
    },
  });
}

/** @param {Api} api @param {string} id */
export async function askDigits(api, id) {
  const why = await lineCannot(api, id, 'digits');
  if (why !== undefined) return explain('No digits can be sent to this caller', { why });
  openDialog({
    title: 'Send digits',
    text: 'Tones are played to the other end, as if keys were pressed.',
    fields: [
      field(
        'Digits',
        { name: 'digits', maxLength: 32, inputMode: 'tel', placeholder: '1234#' },
        '0–9 * # A–D, and w for half a second of pause.',
      ),
    ],
    action: 'Send',
    busy: 'Sending …',
    async submit(data) {
      const digits = textOf(data, 'digits', 'Enter at least one digit.');
      if (!/^[0-9*#A-Dw]{1,32}$/.test(digits)) throw new Error('Only 0–9 * # A–D and w can be sent.');
      await api.call(id).digits(digits);
      notify('The digits were sent.');
    },
  });
}

/** @param {Api} api @param {DaemonStatus} status */
export async function askPlaceCall(api, status) {
  const { can, prompts = [] } = (await status.look()) ?? {};
  if (can?.place.why !== undefined) return explain('Calls cannot be placed', can.place);
  // One key for all attempts of this question: an answer that was lost on the way never rings somebody twice.
  const key = crypto.randomUUID?.() ?? `console-${Date.now()}-${Math.random()}`;
  let ordered = '';
  let attempt = 0;
  openDialog({
    title: 'Place a call',
    text: 'The agent talks to whoever answers.',
    fields: [
      field(
        'Number',
        { name: 'to', maxLength: 220, placeholder: NUMBER.placeholder },
        can?.whatsapp
          ? 'With its country code; by WhatsApp: whatsapp: and the number or the user id.'
          : 'With its country code.',
      ),
      choice('Prompt', 'prompt', [
        ['', 'As the routes say'],
        ...prompts.map((name) => /** @type {const} */ ([name, name])),
      ]),
    ],
    action: 'Call',
    busy: 'Calling …',
    async submit(data) {
      const [to, prompt] = [textOf(data, 'to', 'Enter a number.'), textOf(data, 'prompt')];
      const order = prompt === '' ? { to } : { to, prompt };
      const text = JSON.stringify(order);
      if (text !== ordered) attempt += 1;
      ordered = text;
      const call = await api.post('calls', order, { 'idempotency-key': `${key}-${attempt}` });
      notify(`Calling ${phoneNumber(to)}.`);
      go(routeTo('live', call.id));
    },
  });
}
