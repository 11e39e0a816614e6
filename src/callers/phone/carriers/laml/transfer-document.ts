import { checkNumber, checkSeconds, checkUrl, type TransferOptions } from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';

/** Longest text said before a transfer, characters: about half a minute. */
const SAY_MOST = 500;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for an element or an attribute; what XML 1.0 (section 2.2) cannot hold is left out. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"]/g, (c) => ESCAPES[c] ?? '');
}

/**
 * The instructions that connect a caller to another number; the call ends when that conversation does,
 * or goes on as the `action` answers. Both carriers read it the same.
 * Throws CONTROL_INVALID. https://www.twilio.com/docs/voice/twiml/dial
 */
export function transferDocument(to: string, options: TransferOptions = {}): string {
  const { callerId, say, language, voice, action } = options;
  checkNumber(to, 'the number to transfer to');
  if (action !== undefined) checkUrl(action, 'the action of a transfer');
  if (callerId !== undefined) checkNumber(callerId, 'the caller id');
  const ringing = checkSeconds(options.timeoutSeconds)?.toString();
  const limit = checkSeconds(options.limitSeconds, 'limitSeconds')?.toString();
  if (say !== undefined && say.length > SAY_MOST)
    throw new ControlError('CONTROL_INVALID', `what is said before a transfer has at most ${SAY_MOST} characters`);
  const attribute = (name: string, value: string | undefined) =>
    value === undefined ? '' : ` ${name}="${escapeXml(value)}"`;
  const spoken =
    say === undefined || say.trim() === ''
      ? ''
      : `<Say${attribute('language', language)}${attribute('voice', voice)}>${escapeXml(say)}</Say>`;
  const asked = attribute('action', action) + attribute('method', action === undefined ? undefined : 'POST');
  const attributes =
    asked + attribute('callerId', callerId) + attribute('timeout', ringing) + attribute('timeLimit', limit);
  const dial = `<Dial${attributes}>${to}</Dial>`;
  return `<?xml version="1.0" encoding="UTF-8"?><Response>${spoken}${dial}<Hangup/></Response>`;
}
