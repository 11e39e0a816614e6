/**
 * How networks write that a caller's number is withheld, or that they do not know it. There is no standard for the text, only for the reasons:
 * 3GPP TS 24.607 and RFC 3323 (anonymous), TS 24.229 (`unavailable@unknown.invalid`), the one-letter codes P and O of North American caller
 * ID. Carriers write the reason in words, in the language of the place, or spell it with the letters of a keypad: `+266696687` is ANONYMOUS
 * (https://support.twilio.com/hc/en-us/articles/223179988-Why-am-I-getting-calls-from-these-strange-numbers).
 */

const words = (text: string) => text.trim().split(/\s+/);

/** Words that say it by themselves. */
const SAYS_IT = words(`
  anonymous anonymus anonym anonyme anonimo anonima anoniem anonimowy anonimni anon private privat prive privado privada privato privata
  prywatny restricted restringido restrito restreint blocked bloqueado withheld witheld barred unavailable unavail unknown unidentified
  undisclosed undefined unassigned unlisted hidden suppressed secret concealed masked masque cache indisponible unbekannt unbekannte
  unbekannter unterdruckt unterdruckte inconnu inconnue desconocido desconhecido sconosciuto nascosto oculto oculta onbekend afgeschermd
  ukendt ukjent okand okant hemligt skjult tuntematon salainen nieznany zastrzezony skryte bilinmeyen gizli
  dolt verborgen salattu neznamy neznama nezname anonymni ismeretlen rejtett αγνωστος αγνωστο αποκρυψη
  発信者番号非通知 番号非通知 発信番号なし 発信者不明 發信者不明 不明 私密号码 私密號碼
  аноним анонимный неизвестный неизвестно скрыт скрытый невідомий 非通知 非通知設定 通知不可能 表示圏外 公衆電話 匿名 未知 未知号码 未知號碼
  隐藏号码 隱藏號碼 私人号码 无法显示 無法顯示 발신번호표시제한 발신자표시제한 알수없음 مجهول خاص محجوب חסוי לאידוע अज्ञात
  payphone coinline nobody nocallerid nonumber noid notavailable notprovided outofarea`);
/** Words that say it where nothing but such words and fillers stand beside them; too short to be looked for within a word. */
const SAYS_IT_ALONE = words(
  'p o no not none null nil na n unk priv out area absent missing empty invalid false sin sans ei не определен بدون interaction coin',
);
/** Words that say nothing. */
const FILLER = words(`
  number numero nummer numer nr rufnummer telefonnummer номер caller callers calling call id cid cli ani callerid callid clid line name party
  user person subscriber identity anrufer appelant llamada numara phone telephone from by of the a is has was provided available shown given
  presentation address pstn sip network reject rejected sender origin source
  with other service services szam cislo αριθμος αριθμου رقم`);

const bare = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').replace(/ß/g, 'ss').toLowerCase();

const saysIt = new Set([...SAYS_IT, ...SAYS_IT_ALONE].map(bare));
const filler = new Set(FILLER.map(bare));
const anyOf = (list: readonly string[], longerThan: number) =>
  `(?:${list
    .map(bare)
    .filter((word) => word.length > longerThan)
    .join('|')})`;
/** Several of the words written as one: `PrivateNumber`, `unknowncaller`. */
const asOneWord = new RegExp(`^${anyOf(FILLER, 3)}{0,3}${anyOf(SAYS_IT, 4)}${anyOf(FILLER, 3)}{0,3}$`, 'u');

/** Whether a text, which is no number, says that a caller's number is withheld or not known. */
export function saysWithheld(text: string): boolean {
  const said = bare(text.replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')).match(/[\p{L}\p{N}]+/gu) ?? [];
  // Nothing, or signs alone: "", "-", "?", "()".
  if (said.length === 0) return true;
  if (said.every((word) => filler.has(word) || saysIt.has(word))) return said.some((word) => saysIt.has(word));
  return asOneWord.test(said.join(''));
}

/** The words that are spelled with the letters of a keypad (E.161). */
const SPELLED = ['ANONYMOUS', 'RESTRICTED', 'UNAVAILABLE', 'UNKNOWN', 'BLOCKED', 'PRIVATE', 'WITHHELD', 'NOCALLERID'];
const KEYS = 'ABC2DEF3GHI4JKL5MNO6PQRS7TUV8WXYZ9';
const onKeypad = (word: string) => [...word].map((letter) => /\d/.exec(KEYS.slice(KEYS.indexOf(letter)))?.[0]).join('');
/** The list of that article has the second spelling of RESTRICTED, too. */
const PLACEHOLDERS = new Set([...SPELLED.map(onKeypad), '7378742883', '0000123456']);
/** Shorter ones may be extensions. */
const SHORTEST = 7;

/**
 * Whether the digits of a number are a placeholder for none: a word spelled on the keypad, with a country's 1 before it or without, zeros, one
 * digit over and over, or the digits in order. A person in Texas may have +1 737 874 2833; he is not remembered, which costs him less than it
 * would cost everybody else to be taken for him.
 */
export function isPlaceholder(digits: string): boolean {
  const national = digits.replace(/^1(?=\d)/, '');
  return [digits, national].some(
    (one) =>
      /^0+$/.test(one) ||
      PLACEHOLDERS.has(one) ||
      (one.length >= SHORTEST && (/^(\d)\1*$/.test(one) || '01234567890'.includes(one))),
  );
}
