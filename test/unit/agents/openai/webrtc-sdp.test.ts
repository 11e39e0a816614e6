import { describe, expect, it } from 'vitest';
import { isPrivateHost, isPublicAddress } from '../../../../src/addresses.ts';
import {
  audioCodec,
  leanOffer,
  maxMessageBytes,
  opusForSource,
  withOpusParameters,
} from '../../../../src/agents/openai/sdp.ts';
import { withoutPrivateCandidates } from '../../../../src/transport/reachable.ts';

const OFFER = [
  'v=0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126',
  'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
  'a=rtpmap:9 G722/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:13 CN/8000',
  'a=rtpmap:110 telephone-event/48000',
  'a=rtpmap:126 telephone-event/8000',
  'm=video 9 UDP/TLS/RTP/SAVPF 63',
  'a=rtpmap:63 VP8/90000',
  '',
].join('\r\n');

describe('what an answer says of the line', () => {
  const opus = 'm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n';
  it.each([
    ['opus/48000', opus],
    ['pcmu/8000', 'm=audio 9 UDP/TLS/RTP/SAVPF 0 111\r\na=rtpmap:111 opus/48000/2\r\n'],
    ['pcma/8000', 'm=audio 3478 UDP/TLS/RTP/SAVPF 8\n'],
    [undefined, 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n'],
  ])('is its codec: %s', (codec, sdp) => expect(audioCodec(sdp)).toBe(codec));

  it.each([
    [65_536, opus],
    [262_144, `${opus}a=max-message-size:262144\r\n`],
    [Number.POSITIVE_INFINITY, `${opus}a=max-message-size:0\r\n`],
  ])('is the largest message of its data channel: %d', (bytes, sdp) => expect(maxMessageBytes(sdp)).toBe(bytes));
});

describe('addresses', () => {
  it.each(['8.8.8.8', '13.65.1.1', '172.32.0.1', '100.63.255.255', '2606:4700::1', '2a00::1'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    ...[
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '127.0.0.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
    ],
    ...[
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      'fe80::1',
      'fd00::1',
      'ff02::1',
      '::ffff:10.0.0.1',
      '::ffff:8.8.8.8',
    ],
    ...['64:ff9b::a00:1', '2002:0a00:0001::', '2001:db8::1', 'example.com', 'a1b2.local', '', '1.2.3', '010.1.1.1'],
  ])('%s is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it('hosts of this machine and its network are private', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]', '10.0.0.5', 'simulator', 'x.local', 'a.internal']) {
      expect(isPrivateHost(host)).toBe(true);
    }
    for (const host of ['api.openai.com', '8.8.8.8', '[2606:4700::1]']) expect(isPrivateHost(host)).toBe(false);
  });
});

describe('withoutPrivateCandidates', () => {
  it('keeps public candidates, UDP and TCP, with their extensions, and nothing else', () => {
    const lines = [
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=candidate:1 1 udp 2130706431 20.1.2.3 3478 typ host ufrag abc',
      'a=candidate:2 1 tcp 1671430143 20.1.2.3 443 typ host tcptype passive ufrag abc',
      'a=candidate:3 1 udp 1 169.254.169.254 80 typ host',
      'a=candidate:4 1 udp 1 a1b2.local 80 typ host',
      'a=candidate:5 1 udp 1 10.0.0.1 80 typ srflx raddr 20.1.2.3 rport 9',
      'a=candidate:6 1 udp',
      'a=end-of-candidates',
      '',
    ];
    const { sdp, dropped } = withoutPrivateCandidates(lines.join('\r\n'));
    expect(dropped).toBe(4);
    expect(sdp.split('\r\n')).toEqual([lines[0], lines[1], lines[2], lines[7], '']);
  });
});

describe('leanOffer', () => {
  it('keeps the known codecs, and no bandwidth estimation', () => {
    expect(leanOffer(OFFER).split('\r\n')).toEqual([
      'v=0',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:110 telephone-event/48000',
      'a=rtpmap:126 telephone-event/8000',
      'm=video 9 UDP/TLS/RTP/SAVPF 63',
      'a=rtpmap:63 VP8/90000',
      '',
    ]);
  });
});

describe('withOpusParameters', () => {
  it('sets and keeps', () => {
    const sdp = withOpusParameters(OFFER, { maxplaybackrate: 8000, useinbandfec: 0 });
    expect(sdp).toBe(OFFER.replace('minptime=10;useinbandfec=1', 'minptime=10;useinbandfec=0;maxplaybackrate=8000'));
  });

  it('adds the line where there is none', () => {
    const bare = 'm=audio 9 X 96\r\na=rtpmap:96 OPUS/48000/2\r\na=mid:0\r\n';
    expect(withOpusParameters(bare, { usedtx: 0 })).toBe(
      'm=audio 9 X 96\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 usedtx=0\r\na=mid:0\r\n',
    );
  });

  it('leaves a description without Opus alone', () => {
    expect(withOpusParameters('m=audio 9 X 0\r\na=rtpmap:0 PCMU/8000\r\n', { usedtx: 0 })).toBe(
      'm=audio 9 X 0\r\na=rtpmap:0 PCMU/8000\r\n',
    );
  });

  it('bounds the encoder by the rate the audio came from', () => {
    expect(opusForSource(8_000).maxplaybackrate).toBe(8_000);
    expect(opusForSource(16_000).maxplaybackrate).toBe(16_000);
    expect(opusForSource(24_000).maxplaybackrate).toBe(24_000);
    expect(opusForSource(48_000).maxplaybackrate).toBeUndefined();
  });
});
