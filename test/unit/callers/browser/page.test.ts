import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageChannel } from '../../../../src/callers/browser/channel.ts';
import { parsePageMessage } from '../../../../src/callers/browser/page.ts';
import { TypedTurns } from '../../../../src/callers/browser/typed-turns.ts';
import { MAX_TEXT } from '../../../../src/transport/channel-message.ts';
import { FakePage } from '../../../fakes/page.ts';

describe('parsePageMessage', () => {
  it('takes what a page may say', () => {
    expect(parsePageMessage('{"type":"text","id":"a-1","text":"  Hello  "}')).toEqual({
      ok: true,
      message: { type: 'text', id: 'a-1', text: 'Hello' },
    });
    expect(parsePageMessage('{"type":"mute","muted":true}')).toEqual({
      ok: true,
      message: { type: 'mute', muted: true },
    });
    expect(parsePageMessage('{"type":"digits","digits":"12#"}')).toEqual({
      ok: true,
      message: { type: 'digits', digits: '12#' },
    });
    expect(parsePageMessage('{"type":"hangup","more":1}')).toEqual({ ok: true, message: { type: 'hangup' } });
  });

  it.each([
    ['{"type":"text","text":"x"}', 'MESSAGE_INVALID'],
    ['{"type":"text","id":"a b","text":"x"}', 'MESSAGE_INVALID'],
    ['{"type":"text","id":"a","text":" "}', 'TEXT_INVALID'],
    ['{"type":"text","id":"a","text":7}', 'TEXT_INVALID'],
    [JSON.stringify({ type: 'text', id: 'a', text: 'x'.repeat(MAX_TEXT + 1) }), 'TEXT_INVALID'],
    ['{"type":"mute","muted":"yes"}', 'MESSAGE_INVALID'],
    ['{"type":"digits","digits":""}', 'MESSAGE_INVALID'],
    ['{"type":"digits","digits":"1e"}', 'MESSAGE_INVALID'],
    [JSON.stringify({ type: 'digits', digits: '1'.repeat(33) }), 'MESSAGE_INVALID'],
    ['{"type":"__proto__"}', 'MESSAGE_UNKNOWN'],
    ['{}', 'MESSAGE_UNKNOWN'],
    ['7', 'MESSAGE_INVALID'],
    ['', 'MESSAGE_INVALID'],
    [`"${'x'.repeat(20_000)}"`, 'MESSAGE_INVALID'],
  ])('refuses %s', (text, code) => {
    expect(parsePageMessage(text)).toMatchObject({ ok: false, error: { code } });
  });

  it('throws for nothing', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parsePageMessage(text)));
  });
});

describe('TypedTurns', () => {
  it('takes each turn once, and thirty in a minute', () => {
    const turns = new TypedTurns();
    expect(turns.take('a', 0)).toBe('new');
    expect(turns.take('a', 1)).toBe('repeated');
    for (let i = 0; i < 29; i++) expect(turns.take(undefined, 2)).toBe('new');
    expect(turns.take('b', 3)).toMatchObject({ code: 'TEXT_TOO_MANY' });
    // A turn that was refused is a new one when it comes again.
    expect(turns.take('b', 60_001)).toBe('new');
  });
});

describe('PageChannel', () => {
  const opened = () => {
    const page = new FakePage();
    const channel = new PageChannel();
    channel.use(page.channel());
    page.connect();
    return { page, channel };
  };

  it('leaves out what can be missed when the page does not read, and everything when it never does', () => {
    const { page, channel } = opened();
    page.bufferedBytes = 100_000;
    channel.forward('{"n":1}', true);
    channel.forward('{"n":2}', false);
    page.bufferedBytes = 1_000_000;
    channel.forward('{"n":3}', false);
    expect(page.messages).toEqual([{ n: 2 }]);
    expect(channel.dropped).toBe(2);
  });

  it('admits what a person’s page sends, and no flood', () => {
    const { channel } = opened();
    for (let i = 0; i < 40; i++) expect(channel.admit(0)).toBe('taken');
    expect(channel.admit(0)).toBe('refused');
    expect(channel.firstRefusal).toBe(true);
    expect(channel.admit(100)).toBe('taken');
    for (let i = 0; i < 999; i++) expect(channel.admit(100)).toBe('refused');
    expect(channel.firstRefusal).toBe(false);
    expect(channel.admit(100)).toBe('flood');
  });

  it('forgives a flood by time alone: a good message in between begins nothing anew', () => {
    const { channel } = opened();
    // A hundred and ten messages a second: ten are good, and the rest is refused.
    const verdicts = new Set<string>();
    let second = 0;
    for (; second < 60 && !verdicts.has('flood'); second++)
      for (let i = 0; i < 110; i++) verdicts.add(channel.admit(second * 1_000 + i * 9));
    expect(verdicts).toContain('taken');
    expect(verdicts).toContain('flood');
    expect(second).toBeLessThan(20);
  });

  it('never ends a page that is a little too fast for ever, and answers it once', () => {
    const { channel } = opened();
    let answered = 0;
    for (let at = 0; at < 3_600_000; at += 80) {
      const verdict = channel.admit(at);
      expect(verdict).not.toBe('flood');
      if (verdict === 'refused' && channel.firstRefusal) answered++;
    }
    expect(answered).toBeGreaterThan(0);
    const { channel: later } = opened();
    for (let i = 0; i < 41; i++) later.admit(0);
    expect(later.firstRefusal).toBe(true);
    for (let i = 0; i < 41; i++) later.admit(60_000);
    expect(later.firstRefusal).toBe(true);
  });

  it('counts a message that is too long as several', () => {
    const { channel } = opened();
    for (let i = 0; i < 4; i++) expect(channel.admit(0, 160 * 1024)).toBe('taken');
    expect(channel.admit(0, 160 * 1024)).toBe('refused');
    for (let i = 0; i < 98; i++) expect(channel.admit(0, 160 * 1024)).toBe('refused');
    for (let i = 0; i < 2; i++) channel.admit(0, 160 * 1024);
    expect(channel.admit(0)).toBe('flood');
  });
});
