import fc from 'fast-check';
import VoiceResponse from 'twilio/lib/twiml/VoiceResponse.js';
import { describe, expect, it } from 'vitest';
import {
  apologise,
  connectStream,
  connectTo,
  escapeXml,
  hangUp,
  refuseCall,
  type StreamDocument,
} from '../../../../../../src/callers/phone/carriers/laml/document.ts';

const base: StreamDocument = {
  streamUrl: 'wss://voice.example.com/media-stream',
  token: 'tok',
  continueUrl: 'https://voice.example.com/call-continue',
};
const XML = '<?xml version="1.0" encoding="UTF-8"?>';

describe('connecting the stream', () => {
  it("is, for Twilio, what Twilio's own builder makes", () => {
    const theirs = new VoiceResponse();
    const stream = theirs.connect().stream({
      url: base.streamUrl,
      name: 'n',
      statusCallback: 'https://voice.example.com/stream-status',
      statusCallbackMethod: 'POST',
    });
    stream.parameter({ name: 'token', value: 'tok' });
    stream.parameter({ name: 'caller', value: '<O\'Neil & "Co">' });
    theirs.redirect({ method: 'POST' }, base.continueUrl);
    const ours = connectStream({
      ...base,
      name: 'n',
      statusCallbackUrl: 'https://voice.example.com/stream-status',
      parameters: { caller: '<O\'Neil & "Co">', token: 'may not replace the token' },
    });
    const quotes = (xml: string) => xml.replaceAll('&apos;', "'").replaceAll('&gt;', '>');
    expect(quotes(ours)).toBe(quotes(theirs.toString()));
  });

  it("adds a carrier's own attributes, and leaves out those that are not set", () => {
    const attributes = { authBearerToken: 'tok', codec: 'L16@24000h', realtime: 'true' };
    expect(connectStream({ ...base, attributes })).toBe(
      `${XML}<Response><Connect><Stream url="wss://voice.example.com/media-stream" authBearerToken="tok" codec="L16@24000h" realtime="true">` +
        '<Parameter name="token" value="tok"/></Stream></Connect>' +
        '<Redirect method="POST">https://voice.example.com/call-continue</Redirect></Response>',
    );
    expect(connectStream({ ...base, attributes: { codec: undefined } })).toBe(connectStream(base));
  });

  it.each(['https://a.example/m', 'wss://a.example/m?token=1', 'wss://a.example/m#x', 'wss://', ''])(
    'refuses the stream URL %j',
    (streamUrl) =>
      expect(() => connectStream({ ...base, streamUrl })).toThrow(expect.objectContaining({ code: 'INTERNAL' })),
  );

  it('keeps parameters under 500 characters of name and value', () => {
    expect(connectStream({ ...base, token: 't'.repeat(494) })).toContain('t'.repeat(494));
    expect(() => connectStream({ ...base, token: 't'.repeat(495) })).toThrow(/fewer than 500/);
    expect(() => connectStream({ ...base, parameters: { ab: 'x'.repeat(498) } })).toThrow(/fewer than 500/);
    expect(() => connectStream({ ...base, parameters: { '': 'x' } })).toThrow(/name/);
  });
});

describe('the other answers', () => {
  it.each([
    [hangUp(), '<Response><Hangup/></Response>'],
    [apologise({ text: 'Sorry & bye' }), '<Response><Say>Sorry &amp; bye</Say><Hangup/></Response>'],
    [
      apologise({ text: 'Tut <uns> leid', language: 'de-DE' }, '+15550001111'),
      '<Response><Say language="de-DE">Tut &lt;uns&gt; leid</Say><Dial>+15550001111</Dial><Hangup/></Response>',
    ],
    [
      apologise({ text: '"Hallo" & <b>', language: 'de-DE', voice: 'Polly.Vicki-Neural' }),
      '<Response><Say language="de-DE" voice="Polly.Vicki-Neural">&quot;Hallo&quot; &amp; &lt;b&gt;</Say><Hangup/></Response>',
    ],
    [apologise({ text: '' }, '+15550001111'), '<Response><Dial>+15550001111</Dial><Hangup/></Response>'],
    [
      apologise({ text: '' }, '+15550001111', 7_200),
      '<Response><Dial timeLimit="7200">+15550001111</Dial><Hangup/></Response>',
    ],
    [connectTo('+15550001111', 90), '<Response><Dial timeLimit="90">+15550001111</Dial><Hangup/></Response>'],
    [refuseCall(), '<Response><Reject reason="busy"/></Response>'],
    [refuseCall({ text: '' }), '<Response><Reject reason="busy"/></Response>'],
    [refuseCall({ text: 'All lines are busy.' }), '<Response><Say>All lines are busy.</Say><Hangup/></Response>'],
  ])('%s', (document, response) => expect(document).toBe(XML + response));
});

describe('escaping', () => {
  it.each([
    ['&<>"\'', '&amp;&lt;&gt;&quot;&apos;'],
    ['a\tb\nc\rd', 'a&#9;b&#10;c&#13;d'],
    ['a\0b\x08c\x1bd\ufffee', 'abcde'],
    ['電話 📞', '電話 📞'],
    ['\ud83d', '\ufffd'],
  ])('%j', (text, escaped) => expect(escapeXml(text)).toBe(escaped));

  it('lets no value leave its place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const document = connectStream({ ...base, parameters: { p: text } });
        expect(document.match(/[<>]/g)).toHaveLength(
          connectStream({ ...base, parameters: { p: '' } }).match(/[<>]/g)?.length ?? 0,
        );
        expect(document.match(/"/g)).toHaveLength(
          connectStream({ ...base, parameters: { p: '' } }).match(/"/g)?.length ?? 0,
        );
      }),
    );
  });
});
