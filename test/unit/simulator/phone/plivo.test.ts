import plivo from 'plivo';
import { describe, expect, it } from 'vitest';
import { plivoFarEnd } from '../../../../src/simulator/phone/carriers/plivo.ts';
import { PlivoDialect } from '../../../../src/simulator/phone/carriers/plivo-dialect.ts';
import { parsePlivoXml } from '../../../../src/simulator/phone/carriers/plivo-xml.ts';
import { TwimlError } from '../../../../src/simulator/phone/index.ts';

/** The far end of Plivo: as strict as its documents. */

const response = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?><Response>${inside}</Response>`;
const stream = (attributes: string, url = 'wss://x.example.com/s') =>
  response(`<Stream bidirectional="true" keepCallAlive="true" ${attributes}>${url}</Stream>`);

describe("Plivo's XML", () => {
  it('as the vendor’s own library writes it is read', () => {
    const document = plivo.Response();
    document.addSpeak('Welcome', { voice: 'WOMAN', language: 'en-US' });
    const dial = document.addDial({ action: 'https://x.example.com/done', method: 'POST', timeout: 20 });
    dial.addNumber('12025550143');
    document.addStream('wss://x.example.com/s', {
      bidirectional: true,
      keepCallAlive: true,
      contentType: 'audio/x-l16;rate=16000',
      extraHeaders: 'a=1,b=2',
    });
    document.addHangup({ reason: 'busy' });
    expect(parsePlivoXml(document.toXML())).toMatchObject([
      { verb: 'Say', text: 'Welcome' },
      { verb: 'Dial', target: '+12025550143', timeout: 20 },
      { verb: 'Connect', stream: { codec: 'L16@16000', parameters: { a: '1', b: '2' } } },
      { verb: 'Reject', reason: 'busy' },
    ]);
  });

  it.each([
    [response('<Say>Hello</Say>'), 'no element'],
    [response('<Stream bidirectional="true" keepCallAlive="true" url="wss://x/s"/>'), 'no attribute url'],
    [response('<Stream keepCallAlive="true">wss://x/s</Stream>'), 'not bidirectional'],
    [response('<Stream bidirectional="true">wss://x/s</Stream>'), 'keepCallAlive'],
    [stream('audioTrack="both"'), 'inbound track alone'],
    [stream('contentType="audio/x-l16;rate=24000"'), 'none of its own'],
    [stream('streamTimeout="0"'), 'positive'],
    [stream('', 'https://x.example.com/s'), 'wss://'],
    [stream('extraHeaders="token=a_b"'), 'letters and digits'],
    [stream(`extraHeaders="token=${'a'.repeat(507)}"`), '512'],
    [stream('statusCallbackUrl="/stream-status"'), 'fully qualified'],
    [response('<Dial>12025550143</Dial>'), '<Number>'],
    [response('<Dial><Number>+1 202</Number></Dial>'), 'no number'],
    [response('<Dial action="/done"><Number>12025550143</Number></Dial>'), 'fully qualified'],
    [response('<Redirect>/next</Redirect>'), 'fully qualified'],
    [response('<Hangup reason="tired"/>'), 'neither rejected nor busy'],
    [response('<Speak/>'), 'says nothing'],
    [`<Answer/>`, 'must be <Response>'],
    [response('<Hangup>'), 'not well-formed'],
    [response(`<Speak>${'a'.repeat(103_000)}</Speak>`), '100 KB'],
  ])('refuses %s', (document, why) => {
    expect(() => parsePlivoXml(document)).toThrow(TwimlError);
    expect(() => parsePlivoXml(document)).toThrow(why);
  });
});

describe("Plivo's stream", () => {
  const identity = {
    accountSid: 'MA1',
    callSid: 'c-1',
    streamSid: 's-1',
    codec: 'PCMU@8000',
    parameters: { token: 'ab' },
  } as const;

  it('says what its reference shows, and nothing at its beginning and end', () => {
    const dialect = new PlivoDialect(identity);
    expect([dialect.connected(), dialect.stop()]).toEqual([undefined, undefined]);
    const said = [
      dialect.start(),
      dialect.media(20, '//8='),
      dialect.dtmf('5'),
      dialect.mark('m "1"', 'played'),
      dialect.cleared(),
    ];
    const extra_headers = 'token=ab';
    expect(said.map((text) => JSON.parse(text ?? ''))).toEqual([
      {
        event: 'start',
        sequenceNumber: 1,
        start: {
          callId: 'c-1',
          streamId: 's-1',
          accountId: 'MA1',
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8_000 },
        },
        extra_headers,
      },
      {
        event: 'media',
        sequenceNumber: 2,
        streamId: 's-1',
        media: { track: 'inbound', timestamp: expect.stringMatching(/^\d{13}$/), chunk: 1, payload: '//8=' },
        extra_headers,
      },
      {
        event: 'dtmf',
        sequenceNumber: 3,
        streamId: 's-1',
        dtmf: { track: 'inbound', digit: '5', timestamp: expect.stringMatching(/^\d{13}$/) },
        extra_headers,
      },
      { event: 'playedStream', sequenceNumber: 4, streamId: 's-1', name: 'm "1"' },
      { event: 'clearedAudio', sequenceNumber: 5, streamId: 's-1' },
    ]);
  });

  it('answers no checkpoint whose audio was cleared', () => {
    expect(new PlivoDialect(identity).mark('m', 'cleared')).toBeUndefined();
  });

  it('takes what is documented, names what is not, and plays another format as its own', () => {
    const dialect = new PlivoDialect(identity);
    const read = (message: object | string) =>
      dialect.read(typeof message === 'string' ? message : JSON.stringify(message));
    const audio = (more: object) => ({
      event: 'playAudio',
      media: { contentType: 'audio/x-mulaw', sampleRate: 8000, payload: '//8=', ...more },
    });
    expect(read(audio({}))).toEqual({ event: 'media', payload: '//8=' });
    expect(read(audio({ sampleRate: 16_000 }))).toEqual({ event: 'media', payload: '//8=', fault: 'wrong-format' });
    expect(read({ event: 'checkpoint', streamId: 's-1', name: 'm' })).toEqual({ event: 'mark', name: 'm' });
    expect(read({ event: 'clearAudio', streamId: 's-1' })).toEqual({ event: 'clear' });
    for (const [message, fault] of [
      ['{', 'bad-json'],
      ['[]', 'bad-json'],
      [{ event: 'sendDTMF', dtmf: '1' }, 'unknown-event'],
      [{ event: 'media', media: { payload: '//8=' } }, 'unknown-event'],
      [audio({ contentType: undefined }), 'missing-field'],
      [audio({ payload: '' }), 'missing-field'],
      [audio({ payload: '//8' }), 'bad-base64'],
      [{ event: 'playAudio' }, 'missing-field'],
      [{ event: 'checkpoint', name: 'm' }, 'missing-field'],
      [{ event: 'checkpoint', streamId: 's-1' }, 'missing-field'],
      [{ event: 'clearAudio', streamId: 's-2' }, 'wrong-stream'],
    ] as const)
      expect(read(message)).toMatchObject({ event: 'fault', fault });
  });

  it('is of a codec that Plivo has', () => {
    expect(() => new PlivoDialect({ ...identity, codec: 'L16@24000' })).toThrow(RangeError);
  });
});

describe("Plivo's requests", () => {
  it('are never sent unsigned, a webhook or an upgrade, whether or not anybody told the secret', () => {
    const url = 'https://x.example.com/incoming-call';
    for (const secret of [undefined, 'auth-token']) {
      const headers = plivoFarEnd.proof(secret, 'POST', url, { CallUUID: 'c' });
      const [signature = '', nonce = ''] = [headers['X-Plivo-Signature-V3'], headers['X-Plivo-Signature-V3-Nonce']];
      expect(plivo.validateV3Signature('POST', url, nonce, 'auth-token', signature, { CallUUID: 'c' })).toBe(
        secret !== undefined,
      );
    }
    const { 'X-Plivo-Signature-V3': signature = '', 'X-Plivo-Signature-V3-Nonce': nonce = '' } = plivoFarEnd.upgrade(
      'wss://x.example.com/media-stream',
      'auth-token',
      {
        url: '',
        name: undefined,
        parameters: {},
        statusCallback: undefined,
        statusCallbackMethod: 'POST',
        codec: undefined,
        authBearerToken: undefined,
        realtime: false,
      },
    );
    const asked = 'https://x.example.com/media-stream';
    expect(plivo.validateV3Signature('GET', asked, nonce, 'auth-token', signature)).toBe(true);
  });
});
