import { describe, expect, it } from 'vitest';
import { main } from '../../../../src/cli/call.ts';
import { parseFlags, UsageError } from '../../../../src/cli/call-flags.ts';
import { formatDuration } from '../../../../src/simulator/phone/index.ts';

describe('flags', () => {
  it('have defaults', () => {
    expect(parseFlags([])).toMatchObject({ carrier: 'twilio', durationMs: 60_000, json: false, webhook: undefined });
  });

  it('are read', () => {
    const flags = parseFlags(
      '--webhook https://a.example/x --carrier signalwire --codec L16@24000h --dtmf 12#@500 --interrupt-at 1500 --duration 9000 --json'.split(
        ' ',
      ),
    );
    expect(flags).toMatchObject({
      webhook: 'https://a.example/x',
      carrier: 'signalwire',
      codec: 'L16@24000',
      digits: { keys: '12#', atMs: 500 },
      interruptAtMs: 1500,
      durationMs: 9000,
      json: true,
    });
    expect(parseFlags(['--dtmf', '5']).digits).toEqual({ keys: '5', atMs: 2000 });
  });

  it('are those of a telephone for who calls by WhatsApp, who has G.711 as his only other codec', () => {
    const flags = parseFlags('--carrier whatsapp --from GB.12 --codec PCMU --dtmf 5 --interrupt-at 900'.split(' '));
    expect(flags).toMatchObject({ carrier: 'whatsapp', from: 'GB.12', codec: 'PCMU@8000', interruptAtMs: 900 });
  });

  it('are those of a telephone for who joins a room, but for a codec: that is always Opus', () => {
    const flags = parseFlags('--carrier livekit --from Anna --to receptionist --dtmf 5 --interrupt-at 900'.split(' '));
    expect(flags).toMatchObject({ carrier: 'livekit', from: 'Anna', to: 'receptionist', interruptAtMs: 900 });
  });

  it('say what a call itself is in where its streams are asked for over REST', () => {
    for (const [text, codec] of [
      ['PCMA', 'PCMA@8000'],
      ['L16@16000h', 'L16@16000'],
    ])
      expect(parseFlags(['--carrier', 'telnyx', '--codec', text!])).toMatchObject({ carrier: 'telnyx', codec });
  });

  it.each([
    ['--carrier plivo --codec PCMA', /streams are PCMU, L16@8000, L16@16000; use --carrier telnyx/],
    ['--carrier whatsapp --codec L16@16000h', /use --carrier signalwire/],
    ['--carrier livekit --codec PCMU', /LiveKit's streams are in Opus, always; use --carrier twilio/],
    ['--nonsense', /nonsense/],
    ['--carrier att', /known are twilio, signalwire/],
    ['--codec OPUS', /known are PCMU@8000h/],
    ['--codec L16@16000h', /use --carrier signalwire/],
    ['--dtmf 12x', /0-9/],
    ['--duration 1.5', /whole number/],
    ['--duration 0', /whole number/],
    ['--webhook ws://a.example', /http/],
    ['--webhook', /argument/],
    ['stray', /Unexpected|positional/i],
  ])('%s is refused', (text, message) => {
    expect(() => parseFlags(text.split(' '))).toThrow(UsageError);
    expect(() => parseFlags(text.split(' '))).toThrow(message);
  });
});

describe('the command', () => {
  const run = async (...argv: string[]) => {
    const text = { out: '', err: '' };
    const status = await main(argv, {
      out: (part) => {
        text.out += part;
      },
      err: (part) => {
        text.err += part;
      },
    });
    return { status, ...text };
  };

  it('exits with 2 for wrong flags and says which', async () => {
    const { status, err, out } = await run('--carrier', 'att');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain('--carrier att');
  });

  it('exits with 2 for a file that is no WAV', async () => {
    const { status, err } = await run('--wav', import.meta.filename);
    expect(status).toBe(2);
    expect(err).toContain('--wav');
  });

  it('explains itself', async () => {
    const { status, out } = await run('--help');
    expect(status).toBe(0);
    for (const flag of ['--webhook', '--interrupt-at', '--record', '--json']) expect(out).toContain(flag);
  });
});

describe('durations', () => {
  it.each([
    [0, '00:00.000'],
    [59_999.6, '01:00.000'],
    [3_723_004, '62:03.004'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
