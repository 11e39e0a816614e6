import { describe, expect, it } from 'vitest';
import { openCarriers } from '../../../../../../src/callers/phone/carriers/index.ts';
import { codecsFor } from '../../../../../../src/callers/phone/formats.ts';
import type { StartMessage } from '../../../../../../src/callers/phone/protocol.ts';
import { loadConfig } from '../../../../../../src/config.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const problems = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};
const telnyx = (env: Record<string, string> = {}) => openCarriers(loadConfig(env)).of({ carrier: 'telnyx' });
const deps = {
  clock: { now: () => 0, wall: () => 0, after: () => ({ cancel() {} }) },
  log: { info() {}, warn() {} },
  host: (document: string) => document,
  onStatus() {},
};

describe("Telnyx's settings", () => {
  it('are refused with which, why and what would be right', () => {
    expect(problems({ TELNYX_PUBLIC_KEY: 'short' })).toContain('TELNYX_PUBLIC_KEY: must be 32 bytes in base64');
    expect(problems({ TELNYX_BIDIRECTIONAL_CODEC: 'OPUS' })).toContain('TELNYX_BIDIRECTIONAL_CODEC');
    expect(problems({ TELNYX_PUBLIC_KEY: KEY })).toContain('Set it, or TELNYX_APPLICATION=texml.');
    expect(problems({ TELNYX_CONNECTION_ID: '12' })).toContain('TELNYX_CONNECTION_ID: needs TELNYX_API_KEY.');
    const texml = { TELNYX_APPLICATION: 'texml', TELNYX_BIDIRECTIONAL_CODEC: 'L16@16000' };
    expect(problems(texml)).toContain('TeXML documents no L16');
    expect(problems({ TELNYX_PUBLIC_KEY: KEY, TELNYX_APPLICATION: 'texml' })).toBe('');
    expect(problems({ TELNYX_PUBLIC_KEY: `${KEY}, ${KEY}`, TELNYX_API_KEY: 'KEY1' })).toBe('');
  });

  it('decide whether its webhooks are proven, and whether its calls can be controlled', () => {
    expect(telnyx().isSigned).toBe(false);
    expect(telnyx().control?.(deps)).toBeUndefined();
    const set = telnyx({ TELNYX_PUBLIC_KEY: KEY, TELNYX_API_KEY: 'KEY1' });
    expect(set.isSigned).toBe(true);
    expect(set.control?.(deps)?.name).toBe('telnyx-rest');
    const texml = telnyx({ TELNYX_APPLICATION: 'texml', TELNYX_API_KEY: 'KEY1', TELNYX_ACCOUNT_SID: 'a-1' });
    expect(texml.control?.(deps)?.name).toBe('telnyx-texml');
    expect(() => telnyx({ TELNYX_API_KEY: 'KEY1', TELNYX_API_URL: 'http://api.example.com' }).control?.(deps)).toThrow(
      'TELNYX_API_URL',
    );
  });

  it('without a key no call is answered, and that is said', async () => {
    const { webhook } = telnyx();
    const facts = { accountId: '', carrierCallId: 'v3:a', params: {}, query: {} };
    await expect(webhook.carryOut?.({ do: 'hang-up' }, facts)).rejects.toThrow('TELNYX_API_KEY is not set');
  });

  it.each([
    ['PCMU', 8_000, 'PCMU@8000', 'pcmu', 'pcmu'],
    ['PCMA', 8_000, 'PCMU@8000', 'pcma', 'pcmu'],
    ['PCMA', 8_000, 'PCMA@8000', 'pcma', 'pcma'],
    ['PCMU', 8_000, 'L16@16000', 'pcmu', 'l16/16000/be'],
    ['L16', 16_000, 'L16@24000', 'l16/16000/be', 'l16/24000/be'],
    ['L16', 24_000, 'PCMA@8000', 'l16/24000/be', 'pcma'],
  ])(
    'of a stream that says %s at %i Hz and was asked for %s, one is heard as %s and played as %s',
    (encoding, sampleRate, asked, heard, played) => {
      const { media } = telnyx({ TELNYX_BIDIRECTIONAL_CODEC: asked, TELNYX_L16_BYTE_ORDER: 'be' });
      const start = { format: { encoding: encoding.toLowerCase(), sampleRate, channels: 1 } } as StartMessage;
      const codecs = codecsFor(media, start);
      expect([codecs?.heard.name, codecs?.played.name]).toEqual([heard, played]);
    },
  );

  it('of a codec that nobody speaks here no stream is begun', () => {
    for (const encoding of ['opus', 'g722', 'amr-wb'])
      expect(
        codecsFor(telnyx().media, { format: { encoding, sampleRate: 16_000, channels: 1 } } as StartMessage),
      ).toBeUndefined();
  });
});

describe('a document for a TeXML application', () => {
  it('asks for the stream in both directions, each in its codec', () => {
    const { webhook } = telnyx({ TELNYX_APPLICATION: 'texml', TELNYX_BIDIRECTIONAL_CODEC: 'PCMA@8000' });
    const stream = {
      streamUrl: 'wss://voice.example.com/media-stream',
      token: 'tok',
      continueUrl: 'https://voice.example.com/call-continue',
      statusUrl: 'https://voice.example.com/stream-status',
      callId: 'c1',
      pace: undefined,
    };
    const facts = { accountId: 'a', carrierCallId: 'v3:a', params: {}, query: {} };
    const document = webhook.document({ do: 'connect', stream }, facts);
    expect(document).toContain(
      ' track="inbound_track" codec="PCMU" bidirectionalMode="rtp" bidirectionalCodec="PCMA" bidirectionalSamplingRate="8000">',
    );
    expect(document).toContain('<Parameter name="token" value="tok"/>');
  });
});
