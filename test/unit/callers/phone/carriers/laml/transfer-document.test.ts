import { describe, expect, it } from 'vitest';
import { transferDocument } from '../../../../../../src/callers/phone/carriers/laml/transfer-document.ts';
import { parseTwiml } from '../../../../../../src/simulator/phone/index.ts';

const PROLOG = '<?xml version="1.0" encoding="UTF-8"?>';

describe('the instructions of a transfer', () => {
  it('dial, and hang up after', () => {
    expect(transferDocument('+15550003333')).toBe(`${PROLOG}<Response><Dial>+15550003333</Dial><Hangup/></Response>`);
  });

  it('say words before, and show a number', () => {
    const options = { say: 'Un moment', language: 'fr-FR', callerId: '+15550002222', timeoutSeconds: 20 };
    expect(transferDocument('+15550003333', options)).toBe(
      `${PROLOG}<Response><Say language="fr-FR">Un moment</Say><Dial callerId="+15550002222" timeout="20">+15550003333</Dial><Hangup/></Response>`,
    );
  });

  it('bound the ringing and the talk', () => {
    expect(transferDocument('+15550003333', { timeoutSeconds: 20, limitSeconds: 86_400 })).toContain(
      '<Dial timeout="20" timeLimit="86400">',
    );
    for (const limitSeconds of [0, 1.5, 86_401])
      expect(() => transferDocument('+15550003333', { limitSeconds }), String(limitSeconds)).toThrow('limitSeconds');
  });

  it('words stay words, whatever they look like', () => {
    const say = `</Say><Dial>+19005551234</Dial> & "x" \u0000\u0008\ud800 ]]>`;
    const verbs = parseTwiml(transferDocument('+15550003333', { say }), 'twilio');
    expect(verbs.map(({ verb }) => verb)).toEqual(['Say', 'Dial', 'Hangup']);
    expect(verbs[0]).toMatchObject({ text: '</Say><Dial>+19005551234</Dial> & "x" \ufffd ]]>' });
    expect(verbs[1]).toMatchObject({ target: '+15550003333' });
  });

  it('no words, no verb', () => {
    expect(transferDocument('+15550003333', { say: '  ' })).not.toContain('<Say');
  });

  it('refuses what is no number, and a speech', () => {
    for (const bad of ['15550003333', '+0155', '+1555000<', '', 'sip:a@b', '+1555 000 3333'])
      expect(() => transferDocument(bad), bad).toThrow('E.164');
    expect(() => transferDocument('+15550003333', { callerId: 'anonymous' })).toThrow('E.164');
    expect(() => transferDocument('+15550003333', { say: 'x'.repeat(501) })).toThrow('500');
    expect(() => transferDocument('+15550003333', { timeoutSeconds: 601 })).toThrow('600');
  });
});
