import { describe, expect, it } from 'vitest';
import { isMemoryKey, memoryKey, partyText } from '../../../src/call/party.ts';
import { pageParty, parseParty, whatsappParty } from '../../../src/numbering/party.ts';

const SCOPE = { provenScope: 'twilio/AC1' };
const numbered = (number: string) => ({ kind: 'number', number });

describe('what networks write for nobody', () => {
  it.each([
    ...[
      '',
      ' ',
      '-',
      '()',
      '?',
      'null',
      '(null)',
      'undefined',
      'none',
      'N/A',
      'P',
      'O',
      '0',
      '0000000000',
      '+10000000000',
    ],
    ...[
      'Anonymous',
      'ANONYMOUS',
      'anonymous',
      'Restricted',
      'Unavailable',
      'unknown',
      'Withheld',
      'Blocked',
      'Private',
    ],
    ...[
      'Private number',
      'PRIVATE NUMBER',
      'PrivateNumber',
      'unknowncaller',
      'Unknown Caller',
      'No Caller ID',
      'out of area',
    ],
    ...['caller-unknown', 'not_available', 'Number withheld by caller', 'Caller ID blocked', 'no number'],
    ...[
      'Unterdrückte Nummer',
      'unbekannt',
      'Numéro masqué',
      'Número oculto',
      'sconosciuto',
      'Анонимный номер',
      'Неизвестный',
    ],
    ...['非通知', '未知号码', '발신번호표시제한', 'مجهول', 'ＡＮＯＮＹＭＯＵＳ', '\u202aAnonymous\u202c'],
    // The reasons of TS 24.607 in words, and other languages.
    ...['Interaction with other service', 'Coin line/payphone', 'Sin número', 'Sans numéro', 'Dolt nummer'],
    ...[
      'Verborgen nummer',
      'Номер не определён',
      'بدون رقم',
      '発信者番号非通知',
      '発信番号なし',
      '私密号码',
      'Neznámé číslo',
    ],
    ...['ismeretlen szám', 'Rejtett szám', 'Άγνωστος', 'Απόκρυψη αριθμού', 'Salattu numero'],
    // ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE on a keypad.
    ...['+266696687', '+7378742833', '+7378742883', '+2562533', '+8656696', '+86282452253'],
    ...['266696687', '+1266696687', '+17378742833', '00266696687', '+266 696-687', 'tel:+266696687', '%2B266696687'],
    ...['sip:+266696687@pbx.example.com', 'sip:266696687@pbx.example.com', 'whatsapp:+266696687', 'client:+266696687'],
    ...[
      'anonymous@anonymous.invalid',
      'sip:anonymous@anonymous.invalid',
      'sips:Anonymous@Anonymous.Invalid.;transport=tls',
    ],
    ...[
      '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1928301774',
      '<sip:anonymous@192.0.2.1:5060>',
      '"Alice" <sip:x@y.invalid>',
    ],
    ...['sip:unavailable@unknown.invalid', 'sip:unknown@unknown.invalid', 'sip:restricted%20user@pbx.example.com'],
    ...[
      'sip:@pbx.example.com',
      'sip:pbx.example.com',
      'sip:',
      'tel:',
      'tel:anonymous',
      'client:',
      'client:Anonymous',
      'whatsapp:',
    ],
  ])('%j is withheld', (text) => {
    expect(parseParty(text, SCOPE)).toEqual({ kind: 'withheld' });
  });
});

describe('a number, however it is wrapped', () => {
  it.each([
    ...[
      '+12025550143',
      '12025550143',
      ' 12025550143',
      '0012025550143',
      '01112025550143',
      '%2B12025550143',
      '+1 202 555 0143',
    ],
    ...[
      '+1 (202) 555-0143',
      '+1\u2011202\u2011555\u20110143',
      '+1\u2013202\u2212555\u20100143',
      '＋１２０２５５５０１４３',
      '+١٢٠٢٥٥٥٠١٤٣',
    ],
    ...[
      '\u202a+1\u00a0202\u00a0555\u00a00143\u202c',
      '+1.202.555.0143',
      'tel:+12025550143',
      'tel:+1-202-555-0143;phone-context=example.com',
    ],
    ...[
      'sip:+12025550143@pbx.example.com',
      'sip:+12025550143@pbx.example.com;transport=udp',
      'sips:+12025550143@pbx.example.com',
    ],
    ...[
      'SIP:12025550143@PBX.example.com:5061',
      'sip:%2B12025550143@pbx.example.com',
      'sip:+12025550143@[2001:db8::1]:5060',
    ],
    ...[
      'sip:+12025550143;npdi;rn=+13035550100@pbx.example.com;user=phone',
      'sip:+12025550143:secret@pbx.example.com',
      '+12025550143@pbx.example.com',
    ],
    ...[
      '<sip:+12025550143@pbx.example.com>;tag=a',
      '"Alice +1 303 555 0100" <sip:+12025550143@pbx.example.com>',
      'Alice <sip:12025550143@h?X-A=1>',
    ],
    ...[
      '"Bob" <sip:bob@pbx.example.com>, <tel:+12025550143>',
      'sip:bob@pbx.example.com,tel:+12025550143',
      'whatsapp:+12025550143',
      'client:+12025550143',
    ],
  ])('%j is +12025550143', (text) => {
    expect(parseParty(text)).toEqual(numbered('+12025550143'));
  });

  it('reads the numbers of other countries, without the trunk prefix that is not dialled from abroad', () => {
    expect(parseParty('+44 (0)20 7946 0958')).toEqual(numbered('+442079460958'));
    expect(parseParty('+4402079460958')).toEqual(numbered('+442079460958'));
    expect(parseParty('442079460958')).toEqual(numbered('+442079460958'));
    expect(parseParty('+39 06 1234 5678')).toEqual(numbered('+390612345678'));
  });
});

describe('who has no number', () => {
  it.each([
    ['sip:alice@pbx.example.com;transport=udp', 'sip', 'sip:alice@pbx.example.com'],
    ['"+1 202 555 0143" <sip:alice@PBX.example.com>', 'sip', 'sip:alice@pbx.example.com'],
    ['sip:alice:secret@pbx.example.com', 'sip', 'sip:alice@pbx.example.com'],
    ['sip:1001@pbx.example.com', 'sip', 'sip:1001@pbx.example.com'],
    ['1001', 'other', '1001'],
    ['911', 'other', '911'],
    // Of one town, of one country: no number of the world's.
    ['2025550143', 'other', '2025550143'],
    ['02079460958', 'other', '02079460958'],
    // No country has numbers of this length, or there is no such country.
    ['+811045000', 'other', '+811045000'],
    ['+1202555014', 'other', '+1202555014'],
    ['+99912345678', 'other', '+99912345678'],
    ['tel:863-1234;phone-context=+1-914-555', 'other', '863-1234;phone-context=+1-914-555'],
    ['alice', 'other', 'alice'],
  ])('%j is an identity that nothing proves: nobody is remembered by it', (text, scheme, shown) => {
    const party = parseParty(text, SCOPE);
    expect(party).toMatchObject({ kind: 'identity', scheme, text: shown });
    expect(memoryKey(party)).toBeUndefined();
    expect(partyText(party)).toBe(shown);
  });

  it('is remembered by the name that his carrier proved, within its account', () => {
    expect(memoryKey(parseParty('client:alice', SCOPE))).toBe('client:twilio/AC1/alice');
    expect(memoryKey(parseParty('client:alice', { provenScope: 'twilio/AC2' }))).toBe('client:twilio/AC2/alice');
    expect(memoryKey(parseParty('whatsapp:US.13491208655302741918', SCOPE))).toBe(
      'whatsapp:twilio/AC1/US.13491208655302741918',
    );
    expect(memoryKey(parseParty('client:alice'))).toBeUndefined();
  });

  it('does not become another by a name that only looks the same', () => {
    for (const text of [
      'client:al\u200bice',
      'client:ａlice',
      'client:%61lice',
      `client:${'a'.repeat(200)}`,
      'client:a b',
    ])
      expect(memoryKey(parseParty(text, SCOPE)), text).toBeUndefined();
  });

  it('keeps a client whose name is digits apart from the number', () => {
    expect(parseParty('client:12025550143', SCOPE)).toMatchObject({ kind: 'identity', text: 'client:12025550143' });
  });

  it('is a page, by a conversation that an operator names', () => {
    expect(memoryKey(pageParty('conv-1', true))).toBe('page:conv-1');
    expect(memoryKey(pageParty('conv-1', false))).toBeUndefined();
  });
});

describe('a key of memory', () => {
  it('is what a number or a proven identity gives, and nothing else', () => {
    for (const key of ['+12025550143', 'client:twilio/AC1/alice', 'page:conv-1'])
      expect(isMemoryKey(key), key).toBe(true);
    for (const text of ['', 'Anonymous', 'withheld', 'unknown', '12025550143', '+1', 'sip:a@b', 'client:', 'page: x'])
      expect(isMemoryKey(text), text).toBe(false);
  });
});

it('reads hostile texts in no time', () => {
  const began = performance.now();
  for (const text of [
    '<'.repeat(1e5),
    'a,'.repeat(1e5),
    '('.repeat(1e5),
    'no'.repeat(1e5),
    `+1${' '.repeat(1e5)}2`,
    'anonymous'.repeat(1e4),
    'number'.repeat(1e4),
    '%'.repeat(1e5),
    'sip:'.repeat(1e4),
  ])
    parseParty(text, SCOPE);
  expect(performance.now() - began).toBeLessThan(500);
});

describe('who calls by WhatsApp', () => {
  const USER = 'US.13491208655302741918';

  it('has a number for routes and tools where one is told, and is remembered by the user id', () => {
    const party = whatsappParty({ userId: USER, waId: '12025550143', from: '12025550143' });
    expect(party).toEqual({ kind: 'number', number: '+12025550143', key: `whatsapp:${USER}` });
    expect(memoryKey(party)).toBe(`whatsapp:${USER}`);
    expect(partyText(party)).toBe('+12025550143');
  });

  it('is remembered by the number where there is no user id', () => {
    const party = whatsappParty({ waId: '12025550143' });
    expect(party).toEqual(numbered('+12025550143'));
    expect(memoryKey(party)).toBe('+12025550143');
    expect(whatsappParty({ from: '+12025550143' })).toEqual(numbered('+12025550143'));
  });

  it('is somebody without a number, too, and the same one as before he hid it', () => {
    const party = whatsappParty({ userId: USER });
    expect(party).toEqual({
      kind: 'identity',
      scheme: 'whatsapp',
      text: `whatsapp:${USER}`,
      key: `whatsapp:${USER}`,
    });
    expect(memoryKey(party)).toBe(memoryKey(whatsappParty({ userId: USER, waId: '12025550143' })));
  });

  it.each([
    ['in the place of the number', { waId: USER }],
    ['in the place of the sender', { from: USER }],
    ['in all places', { userId: USER, waId: USER, from: USER }],
  ])('never makes a number of the digits of a user id, wherever it stands: %s', (_, ids) => {
    expect(whatsappParty(ids)).toMatchObject({ kind: 'identity', key: `whatsapp:${USER}` });
  });

  it('never makes a number of a user id of digits alone', () => {
    expect(whatsappParty({ userId: '12025550143' })).toMatchObject({ kind: 'identity', key: 'whatsapp:12025550143' });
  });

  it('is not another who has the same name within an account of a carrier', () => {
    const other = parseParty(`whatsapp:${USER}`, SCOPE);
    expect(memoryKey(other)).not.toBe(memoryKey(whatsappParty({ userId: USER })));
    // Nothing that is told as an id gets into another's scope.
    expect(memoryKey(whatsappParty({ userId: `twilio/AC1/${USER}` }))).toBeUndefined();
  });

  it('is withheld where nothing is told, or what is told is no id', () => {
    expect(whatsappParty({})).toEqual({ kind: 'withheld' });
    expect(whatsappParty({ userId: '', waId: ' ', from: 'two words' })).toEqual({ kind: 'withheld' });
  });

  it('is an identity, and no number, with digits that no number has', () => {
    expect(whatsappParty({ waId: '1202' })).toMatchObject({ kind: 'identity', key: 'whatsapp:1202' });
  });
});
