import { describe, expect, it } from 'vitest';
import { createLog, scrub } from '../../src/log.ts';

function capture(level: string) {
  const lines: string[] = [];
  return { log: createLog({ level, destination: { write: (line: string) => void lines.push(line) } }), lines };
}

describe('the log', () => {
  it('hides secrets, numbers and words at the default level, by name and by pattern', () => {
    const { log, lines } = capture('info');
    log.child({ callId: 'c1' }).info(
      {
        from: '+15550001111',
        options: { apiKey: 'plain-canary', headers: { authorization: 'canary-2' } },
        transcript: 'my secret words',
        err: new Error('refused key sk-proj-abcdef123456 and ek_abcdef123456 of +4930123456789'),
        url: 'https://x.example/?From=%2B15550002222',
      },
      'static message',
    );
    const line = lines.join('');
    for (const canary of [
      '5550001111',
      'plain-canary',
      'canary-2',
      'secret words',
      'abcdef123456',
      '30123456789',
      '5550002222',
    ]) {
      expect(line).not.toContain(canary);
    }
    expect(JSON.parse(line)).toMatchObject({ level: 'info', callId: 'c1', msg: 'static message' });
  });

  it('shows numbers and words at debug, but no secret', () => {
    const { log, lines } = capture('debug');
    log.debug({ from: '+15550001111', transcript: 'hello', key: 'canary', note: 'Bearer abcdefghijkl' }, 'm');
    expect(lines.join('')).toContain('+15550001111');
    expect(lines.join('')).toContain('hello');
    expect(lines.join('')).not.toContain('canary');
    expect(lines.join('')).not.toContain('abcdefghijkl');
  });

  it('leaves ordinary text and numbers alone', () => {
    const text = '{"durationMs":1234567890,"time":"2026-01-01T00:00:00+0000","a":"1+12345","task":"risk-averse"}';
    expect(scrub(text)).toBe(text);
  });
});
