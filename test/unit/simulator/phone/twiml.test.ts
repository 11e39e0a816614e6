import { describe, expect, it } from 'vitest';
import { type Carrier, parseTwiml, TwimlError, type Verb } from '../../../../src/simulator/phone/index.ts';

const response = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<Response>${inside}</Response>`;
const read = (inside: string, carrier: Carrier = 'twilio') => parseTwiml(response(inside), carrier);

describe('verbs', () => {
  const table: Array<[string, Verb[]]> = [
    ['', []],
    ['<Say>Hello</Say>', [{ verb: 'Say', text: 'Hello', loop: 1 }]],
    [
      '<Say voice="alice" loop="2"> a &amp; b &lt;c&gt; &quot;&apos; &#65;&#x1F600; </Say>',
      [{ verb: 'Say', text: 'a & b <c> "\' A😀', loop: 2 }],
    ],
    ['<Say><![CDATA[1 < 2 & 3]]></Say>', [{ verb: 'Say', text: '1 < 2 & 3', loop: 1 }]],
    ['<!-- first --><Pause/><!-- - -->', [{ verb: 'Pause', seconds: 1 }]],
    ["<Pause length='7'></Pause>", [{ verb: 'Pause', seconds: 7 }]],
    ['<Play>https://example.com/a.mp3</Play>', [{ verb: 'Play', url: 'https://example.com/a.mp3', digits: undefined }]],
    ['<Play digits="12"/>', [{ verb: 'Play', url: '', digits: '12' }]],
    ['<Dial>+15551234567</Dial>', [{ verb: 'Dial', target: '+15551234567' }]],
    ['<Dial><Number>+15551234567</Number></Dial>', [{ verb: 'Dial', target: '+15551234567' }]],
    [
      '<Redirect method="get">/next?a=1&amp;b=2</Redirect>',
      [{ verb: 'Redirect', url: '/next?a=1&b=2', method: 'GET' }],
    ],
    ['<Hangup/>', [{ verb: 'Hangup' }]],
    ['<Reject/>', [{ verb: 'Reject', reason: 'rejected' }]],
    ['<Reject reason="busy"/>', [{ verb: 'Reject', reason: 'busy' }]],
    ['<Say>a</Say><Hangup/>', [{ verb: 'Say', text: 'a', loop: 1 }, { verb: 'Hangup' }]],
  ];
  for (const [document, verbs] of table) {
    it(`reads ${document || 'nothing'}`, () => expect(read(document)).toEqual(verbs));
  }
});

describe('streams', () => {
  it("reads all that SignalWire's may have", () => {
    const [verb] = read(
      '<Connect action="/after"><Stream url="wss://a.example/m" name="n" codec="L16@24000h" realtime="true" ' +
        'authBearerToken="t&amp;k" statusCallback="https://a.example/s" statusCallbackMethod="GET">' +
        '<Parameter name="x" value="1"/><Parameter name="y" value=""/></Stream></Connect>',
      'signalwire',
    );
    expect(verb).toEqual({
      verb: 'Connect',
      action: '/after',
      method: 'POST',
      stream: {
        url: 'wss://a.example/m',
        name: 'n',
        parameters: { x: '1', y: '' },
        statusCallback: 'https://a.example/s',
        statusCallbackMethod: 'GET',
        codec: 'L16@24000',
        authBearerToken: 't&k',
        realtime: true,
      },
    });
  });

  it("passes over what Twilio's do not have", () => {
    const [verb] = read('<Connect><Stream url="wss://a.example/m" codec="L16@24000h" authBearerToken="t"/></Connect>');
    expect(verb).toMatchObject({ stream: { codec: undefined, authBearerToken: undefined } });
  });

  it('takes a relative url from SignalWire alone', () => {
    const document = '<Connect><Stream url="/media"/></Connect>';
    expect(read(document, 'signalwire')).toHaveLength(1);
    expect(() => read(document)).toThrow(/absolute/);
  });
});

describe('what is refused, and with which words', () => {
  const stream = (attributes: string, inside = '') =>
    response(`<Connect><Stream ${attributes}>${inside}</Stream></Connect>`);
  const table: Array<[string, string, RegExp]> = [
    ['nothing', '', /document is empty/],
    ['text', 'Hello', /text before the root/],
    ['HTML', '<!DOCTYPE html><html></html>', /document type/],
    ['another root', '<Reply/>', /<Reply>.*must be <Response>/],
    ['a root in small letters', '<response/>', /case-sensitive/],
    ['a verb in small letters', response('<say>x</say>'), /<say> is not a verb.*case-sensitive.*line 2, column 11/],
    ['an unknown verb', response('<Gather/>'), /<Gather> is not a verb/],
    ['an open element', '<Response><Say>x</Response>', /<Say> is closed by <\/Response>/],
    ['an element never closed', '<Response><Say>x', /<Say> is not closed \(line 1, column 11\)/],
    ['two roots', '<Response/><Response/>', /follows the root/],
    ['a lone ampersand', response('<Say>a & b</Say>'), /write &amp;/],
    ['an ampersand in a URL', response('<Redirect>/x?a=1&b=2</Redirect>'), /write &amp;/],
    ['an unknown entity', response('<Say>&nbsp;</Say>'), /unknown entity &nbsp;/],
    ['a control character', response('<Say>&#0;</Say>'), /unknown entity/],
    ['half a surrogate pair', response('<Say>&#xD800;</Say>'), /unknown entity/],
    ['an attribute without quotes', response('<Pause length=1/>'), /not in quotes/],
    ['an attribute without a value', response('<Pause length/>'), /has no value/],
    ['an attribute twice', response('<Pause length="1" length="2"/>'), /given twice/],
    ['attributes without a space', response('<Pause length="1"x="2"/>'), /a space is expected/],
    ['a "<" in an attribute', response('<Pause length="<"/>'), /write &lt;/],
    ['a comment without end', '<Response><!-- </Response>', /comment does not end/],
    ['a late declaration', ' <?xml version="1.0"?><Response/>', /very first/],
    ['a pause that is no number', response('<Pause length="1.5"/>'), /not a whole number: 1.5/],
    ['an empty Connect', response('<Connect/>'), /needs a <Stream>/],
    ['a Connect to something else', response('<Connect><Room>r</Room></Connect>'), /holds <Room>/],
    ['two streams', response('<Connect><Stream url="wss://a/"/><Stream url="wss://b/"/></Connect>'), /takes one/],
    ['a stream without url', stream(''), /needs a url/],
    ['https for a stream', stream('url="https://a.example/m"'), /must be wss:\/\//],
    ['a query string', stream('url="wss://a.example/m?token=1"'), /query string.*<Parameter>/],
    ['a fragment', stream('url="wss://a.example/m#x"'), /fragment/],
    ['a url that is none', stream('url="wss://"'), /not a URL/],
    ['both tracks', stream('url="wss://a.example/m" track="both_tracks"'), /inbound_track only/],
    ['something else in a stream', stream('url="wss://a/"', '<Say>x</Say>'), /not <Say>/],
    ['a parameter without value', stream('url="wss://a/"', '<Parameter name="x"/>'), /needs a name and a value/],
    ['a parameter too long', stream('url="wss://a/"', `<Parameter name="x" value="${'v'.repeat(499)}"/>`), /under 500/],
    ['an empty Dial', response('<Dial/>'), /nobody to dial/],
    ['a redirect nowhere', response('<Redirect></Redirect>'), /needs a URL/],
    ['a redirect to no http', response('<Redirect>ftp://a/b</Redirect>'), /not an http/],
    ['an odd method', response('<Redirect method="PUT">/x</Redirect>'), /neither GET nor POST/],
    ['an odd reason', response('<Reject reason="no"/>'), /neither rejected nor busy/],
    ['text between verbs', response('hello<Hangup/>'), /text directly inside/],
    ['too much', response(`<Say>${'x'.repeat(66_000)}</Say>`), /11750/],
    ['too deep', response('<a>'.repeat(40)), /too deeply/],
  ];
  for (const [name, document, message] of table) {
    it(name, () => {
      expect(() => parseTwiml(document, 'twilio')).toThrow(TwimlError);
      expect(() => parseTwiml(document, 'twilio')).toThrow(message);
    });
  }

  it('an unknown codec, at SignalWire', () => {
    expect(() => read('<Connect><Stream url="wss://a/" codec="OPUS"/></Connect>', 'signalwire')).toThrow(/codec_error/);
  });
});
