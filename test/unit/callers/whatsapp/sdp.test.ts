import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  answerMeta,
  checkMetaAnswer,
  checkMetaOffer,
  maskedSdp,
  offerMeta,
} from '../../../../src/callers/whatsapp/sdp.ts';

/** An offer of Meta's as it comes by webhook. */
const OFFER = readFileSync(new URL('../../../fixtures/offers/ice-lite.sdp', import.meta.url), 'utf8').replaceAll(
  '\n',
  '\r\n',
);
const PUBLIC = { allowPrivate: false };
const TRIAL = { allowPrivate: true };
const refusal = (why: string, what = 'offer') =>
  expect.objectContaining({ code: 'PEER_SDP_INVALID', status: 400, message: `the ${what} cannot be used: ${why}` });
const candidatesOf = (sdp: string) => sdp.split('\r\n').filter((line) => line.startsWith('a=candidate:'));
/** The offer with these candidates in place of its own. */
const withCandidates = (...candidates: readonly string[]) =>
  OFFER.split('\r\n')
    .filter((line) => !line.startsWith('a=candidate:'))
    .flatMap((line) => (line.startsWith('a=ice-ufrag:') ? [...candidates, line] : [line]))
    .join('\r\n');
const host = (address: string, port = 3484, protocol = 'udp') =>
  `a=candidate:1 1 ${protocol} 2113937151 ${address} ${port} typ host generation 0`;

/** A peer's answer as the library makes it on a host of two networks. */
const ANSWER = [
  'v=0',
  'o=- 331123352553209503 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE audio',
  'a=msid-semantic: WMS 016fc885',
  'm=audio 10002 UDP/TLS/RTP/SAVPF 111 126',
  'c=IN IP4 172.17.0.4',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=ice-ufrag:5ViI',
  'a=ice-pwd:QzoSkFE/q82I3djWXQXIp3pt',
  'a=ice-options:trickle',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
  `a=fingerprint:sha-512 ${Array(64).fill('CD').join(':')}`,
  'a=setup:active',
  'a=mid:audio',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:126 telephone-event/8000',
  'a=ssrc:138287853 cname:zFwF0JVL6V7N1sb8',
  'a=candidate:307 1 udp 2122265343 fd00::2 10000 typ host generation 0 ufrag 5ViI network-id 2',
  'a=candidate:322 1 udp 2122194687 172.17.0.4 10002 typ host generation 0 ufrag 5ViI network-id 1',
  'a=candidate:323 1 udp 2122190000 10.8.0.1 10003 typ host generation 0 ufrag 5ViI network-id 5',
  'a=candidate:559 1 udp 2122136831 ::1 10004 typ host generation 0 ufrag 5ViI network-id 4',
  'a=candidate:151 1 udp 2122063615 127.0.0.1 10005 typ host generation 0 ufrag 5ViI network-id 3',
  'a=candidate:239 1 tcp 1518214911 172.17.0.4 10006 typ host tcptype passive generation 0 ufrag 5ViI network-id 1',
  '',
].join('\r\n');
const peerOf = (sdp: string) => {
  const given: string[] = [];
  return {
    given,
    answer: async (offer: string) => {
      given.push(offer);
      return sdp;
    },
    createOffer: async () => sdp,
  };
};
const answered = (sdp: string, publicAddresses: readonly string[] = []) =>
  answerMeta(peerOf(sdp), OFFER, { publicAddresses, allowPrivate: false });

describe("Meta's offer", () => {
  it('passes as it comes, with both of its candidates', () => {
    expect(checkMetaOffer(OFFER, PUBLIC)).toBe(OFFER);
    expect(candidatesOf(checkMetaOffer(OFFER, PUBLIC))).toHaveLength(2);
  });

  it('gets line breaks of CRLF where they were lost on the way', () => {
    expect(checkMetaOffer(OFFER.replaceAll('\r\n', '\n'), PUBLIC)).toBe(OFFER);
    expect(checkMetaOffer(OFFER.trimEnd(), PUBLIC)).toBe(OFFER);
  });

  it('is told to be encoded as JSON twice, when it is', () => {
    const twice = JSON.stringify(OFFER);
    for (const text of [twice, twice.slice(1, -1), twice.replaceAll('\\r', '')])
      expect(() => checkMetaOffer(text, PUBLIC)).toThrow(
        refusal('its line breaks are written out as "\\r\\n": it was encoded as JSON twice'),
      );
  });

  it('needs a sha-256 fingerprint, and keeps no other', () => {
    const sha1 = `a=fingerprint:sha-1 ${Array(20).fill('01').join(':')}\r\n`;
    const none = OFFER.replace(/a=fingerprint:.*\r\n/, '');
    expect(() => checkMetaOffer(none, PUBLIC)).toThrow(refusal('it has no DTLS fingerprint'));
    expect(() => checkMetaOffer(none.replace('a=setup', `${sha1}a=setup`), PUBLIC)).toThrow(
      refusal('it has no sha-256 fingerprint'),
    );
    expect(checkMetaOffer(OFFER.replace('a=setup', `${sha1}a=setup`), PUBLIC)).toBe(OFFER);
    expect(() => checkMetaOffer(OFFER.replace(/(sha-256 ..:).*/, '$1AB'), PUBLIC)).toThrow(
      refusal('its DTLS fingerprint is none'),
    );
  });

  it.each([
    ['no lines of media', OFFER.slice(0, OFFER.indexOf('m=audio')), 'it must have exactly one audio line'],
    ['two audio lines', OFFER + OFFER.slice(OFFER.indexOf('m=audio')), 'it must have exactly one audio line'],
    ['a video line', `${OFFER}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`, 'it has a line that is not audio'],
    [
      'a data channel',
      `${OFFER}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n`,
      'it has a line that is not audio',
    ],
    ['no codec of ours', OFFER.replaceAll('opus', 'speex'), 'its audio line has neither Opus nor G.711'],
    ['no ICE password', OFFER.replace(/a=ice-pwd.*\r\n/, ''), 'it has no ICE credentials'],
    ['too short an ICE password', OFFER.replace(/a=ice-pwd.*/, 'a=ice-pwd:short'), 'it has no ICE credentials'],
    ['no ICE user', OFFER.replace(/a=ice-ufrag.*\r\n/, ''), 'it has no ICE credentials'],
    ['no rtcp-mux', OFFER.replace('a=rtcp-mux\r\n', ''), 'it has no rtcp-mux'],
    ['no setup', OFFER.replace('a=setup:actpass\r\n', ''), 'its DTLS setup is none of actpass and passive'],
    [
      'a setup that wants us passive',
      OFFER.replace('actpass', 'active'),
      'its DTLS setup is none of actpass and passive',
    ],
    ['a control character', OFFER.replace('a=sendrecv', 'a=send\u0007recv'), 'it has a line that is none of SDP'],
    ['another text', '{"error":"no"}', 'it does not begin with v=0'],
    ['nothing', '', 'it does not begin with v=0'],
    ['a long text', OFFER + 'a=x:1\r\n'.repeat(10_000), 'it is longer than 32768 characters'],
    ['many lines', OFFER + 'a=x\r\n'.repeat(1_000), 'it has more than 400 lines'],
  ])('is refused with %s', (_, offer, why) => {
    expect(() => checkMetaOffer(offer, PUBLIC)).toThrow(refusal(why));
  });

  it('does not say in its refusal what stands in it', () => {
    const secret = 'a=ice-pwd:secretsecretsecretsecret';
    const broken = OFFER.replace(/a=ice-pwd.*/, secret).replace('opus', 'speex');
    try {
      checkMetaOffer(broken, PUBLIC);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('secret');
    }
  });

  it.each<[string, string[], string?]>([
    ['none at all', [], 'it names no candidate'],
    ['one of a private network', [host('10.0.0.7')]],
    ['one of this machine', [host('127.0.0.1')]],
    ["a cloud's metadata service", [host('169.254.169.254')]],
    ['a host name', [host('media.example.com')]],
    ['an mDNS name', [host('1f4712db-ea17-4bcf-a596-105139dfd8bf.local')]],
    ['one of TCP', [host('93.184.216.34', 443, 'tcp')]],
    ['port 0', [host('93.184.216.34', 0)]],
    ['an IPv4 address wrapped into IPv6', [host('::ffff:10.0.0.7')]],
    ['a link-local address', [host('fe80::1')]],
    ['an odd spelling', [' a=candidate:1 1 udp 1 93.184.216.34 9 typ host'.trimStart().replace(' 1 udp', '  1 udp')]],
  ])('is refused where its candidates are %s, since an ice-lite end tells no other way', (_, candidates, why) => {
    expect(() => checkMetaOffer(withCandidates(...candidates), PUBLIC)).toThrow(
      refusal(why ?? 'none of its candidates is a public address for UDP'),
    );
  });

  it('loses the candidates that may not be tried, and keeps a few of the rest', () => {
    const mixed = withCandidates(host('10.0.0.7'), host('93.184.216.34'), host('2606:4700::34'), host('fd00::1'));
    expect(candidatesOf(checkMetaOffer(mixed, PUBLIC))).toEqual([host('93.184.216.34'), host('2606:4700::34')]);
    const many = withCandidates(...Array.from({ length: 100 }, (_, i) => host('93.184.216.34', 1000 + i)));
    expect(candidatesOf(checkMetaOffer(many, PUBLIC))).toHaveLength(8);
  });

  it('may name this machine and private networks in a trial, and never what is nobody to call', () => {
    const near = [host('127.0.0.1'), host('10.0.0.7'), host('::1')];
    const offer = withCandidates(...near, host('169.254.169.254'), host('224.0.0.1'), host('phone.local'));
    expect(candidatesOf(checkMetaOffer(offer, TRIAL))).toEqual(near);
  });

  it('needs no candidate of an end that sends checks itself', () => {
    const full = withCandidates(host('10.0.0.7')).replace('a=ice-lite\r\n', '');
    expect(candidatesOf(checkMetaOffer(full, PUBLIC))).toEqual([]);
  });
});

describe("the answer to Meta's offer", () => {
  it('is full: one candidate a family, sha-256 alone, DTLS active, packets of 20 ms, keys kept, lines that end in CRLF', async () => {
    const peer = peerOf(ANSWER);
    const answer = await answerMeta(peer, OFFER.replaceAll('\r\n', '\n'), { publicAddresses: [], ...PUBLIC });
    expect(peer.given).toEqual([OFFER]);
    expect(answer.endsWith('\r\n')).toBe(true);
    expect(answer.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(answer).not.toMatch(/\r\n\r\n/);
    expect(answer.match(/a=fingerprint:\S+/g)).toEqual(['a=fingerprint:sha-256']);
    expect(answer).toContain('\r\na=setup:active\r\n');
    expect(answer).toContain('\r\na=rtpmap:126 telephone-event/8000\r\n');
    expect(answer).toContain('\r\na=ptime:20\r\na=maxptime:20\r\n');
    expect(answer).not.toContain('trickle');
    expect(candidatesOf(answer)).toEqual([
      'a=candidate:322 1 udp 2122194687 172.17.0.4 10002 typ host generation 0',
      'a=candidate:307 1 udp 2122265343 fd00::2 10000 typ host generation 0',
    ]);
  });

  it('names the announced address in place of private ones, there and as the default', async () => {
    const answer = await answered(ANSWER, ['203.0.113.7']);
    expect(candidatesOf(answer)).toEqual(['a=candidate:322 1 udp 2122194687 203.0.113.7 10002 typ host generation 0']);
    expect(answer).toContain('m=audio 10002 ');
    expect(answer).toContain('\r\nc=IN IP4 203.0.113.7\r\n');
    expect(answer).not.toMatch(/172\.17|10\.8|fd00|127\.0\.0\.1 \d+ typ/);
  });

  it('names one announced address for each family that there is', async () => {
    const both = await answered(ANSWER, ['203.0.113.7', '203.0.113.8', '2001:db8::7']);
    expect(candidatesOf(both).map((line) => line.split(' ').slice(4, 6))).toEqual([
      ['203.0.113.7', '10002'],
      ['2001:db8::7', '10000'],
    ]);
    const only4 = ANSWER.replace(/a=candidate:\S+ 1 udp \d+ (fd00|::1).*\r\n/g, '');
    expect(candidatesOf(await answered(only4, ['2001:db8::7', '203.0.113.7']))).toHaveLength(1);
  });

  it('prefers a public address of its own, then what a STUN or TURN server gave, and hides what that derives from', async () => {
    const srflx =
      'a=candidate:9 1 udp 1685987071 198.18.0.9 40000 typ srflx raddr 172.17.0.4 rport 10002 generation 0 ufrag 5ViI';
    const relay = 'a=candidate:8 1 udp 41885439 198.18.0.8 50000 typ relay raddr 198.18.0.9 rport 40000 generation 0';
    const own = 'a=candidate:7 1 udp 2122063616 93.184.216.34 10007 typ host generation 0';
    const plus = (...lines: string[]) => answered(`${ANSWER}${lines.join('\r\n')}\r\n`);
    expect(candidatesOf(await plus(srflx, relay, own))).toEqual([
      'a=candidate:7 1 udp 2122063616 93.184.216.34 10007 typ host generation 0',
    ]);
    expect(candidatesOf(await plus(relay, srflx))).toEqual([
      'a=candidate:9 1 udp 1685987071 198.18.0.9 40000 typ srflx raddr 0.0.0.0 rport 9 generation 0',
    ]);
    expect(candidatesOf(await plus(relay))[0]).toContain('198.18.0.8 50000 typ relay raddr 0.0.0.0 rport 9');
  });

  it('names this machine itself only where there is nothing else', async () => {
    const alone = ANSWER.replace(/a=candidate:\S+ 1 udp \d+ (fd00|172|10\.).*\r\n/g, '');
    expect(candidatesOf(await answered(alone)).map((line) => line.split(' ')[4])).toEqual(['127.0.0.1', '::1']);
  });

  it.each([
    ['no port could be had', /a=candidate:.*\r\n/g, '', 'no port for media could be had'],
    ['it leaves out the keys', 'a=rtpmap:126 telephone-event/8000\r\n', '', 'it leaves out the keys'],
    ['it waits to be called', 'setup:active', 'setup:passive', 'its DTLS setup is not active'],
    ['it has no sha-256', /a=fingerprint:sha-256.*\r\n/, '', 'it has no fingerprint:sha-256'],
    ['it does not send', 'a=sendrecv', 'a=recvonly', 'it has no sendrecv'],
    ['it has no password', /a=ice-pwd.*\r\n/, '', 'it has no ice-pwd'],
  ])('is not sent when %s', async (_, what, instead, why) => {
    await expect(answered(ANSWER.replace(what, instead))).rejects.toMatchObject({
      code: 'PEER_FAILED',
      message: `the answer made here is none that WhatsApp takes: ${why}`,
    });
  });

  it('needs no keys where none were offered', async () => {
    const offer = OFFER.replace('a=rtpmap:126 telephone-event/8000\r\n', '').replace('111 126', '111');
    const answer = ANSWER.replace('a=rtpmap:126 telephone-event/8000\r\n', '').replace('111 126', '111');
    const made = await answerMeta(peerOf(answer), offer, { publicAddresses: [], ...PUBLIC });
    expect(made).not.toContain('telephone-event');
  });
});

describe('an offer to Meta', () => {
  const OURS = ANSWER.replace('setup:active', 'setup:actpass')
    .replace('SAVPF 111 126', 'SAVPF 111 63 9 0 110 126')
    .replace(
      'a=ssrc',
      'a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:110 telephone-event/48000\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=ssrc',
    )
    .replace('a=group', 'a=extmap-allow-mixed\r\na=group');

  it('has Opus and keys alone, and is otherwise as an answer', async () => {
    const offer = await offerMeta(peerOf(OURS), { publicAddresses: ['203.0.113.7'] });
    expect(offer).toContain('\r\nm=audio 10002 UDP/TLS/RTP/SAVPF 111 126\r\n');
    expect(offer.match(/a=rtpmap:.*/g)).toEqual(['a=rtpmap:111 opus/48000/2', 'a=rtpmap:126 telephone-event/8000']);
    expect(offer).not.toMatch(/extmap|trickle|sha-512|a=fmtp:63/);
    expect(offer).toContain('\r\na=setup:actpass\r\n');
    expect(candidatesOf(offer)).toHaveLength(1);
  });

  it('is not sent where the library made one that Meta cannot answer', async () => {
    const odd = OURS.replace('setup:actpass', 'setup:holdconn');
    await expect(offerMeta(peerOf(odd), { publicAddresses: [] })).rejects.toMatchObject({ code: 'PEER_FAILED' });
  });

  it('is answered by one that says which end begins, and is held to the rest', () => {
    const answer = OFFER.replace('setup:actpass', 'setup:active');
    expect(checkMetaAnswer(answer, PUBLIC)).toBe(answer);
    expect(() => checkMetaAnswer(OFFER, PUBLIC)).toThrow(
      refusal('its DTLS setup is none of active and passive', 'answer'),
    );
    expect(() => checkMetaAnswer(answer.replace('m=audio', 'm=video'), PUBLIC)).toThrow(
      refusal('it must have exactly one audio line', 'answer'),
    );
  });
});

describe('a description in the log', () => {
  it('shows where media goes, and nothing that gives entry to it', () => {
    for (const sdp of [OFFER, ANSWER, `${OFFER}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secretkey\r\n`]) {
      const shown = maskedSdp(sdp);
      expect(shown).not.toMatch(/Sf4gWmBQ|3bW2vXq0|5ViI|QzoSkFE|0C:5A|AB:AB|CD:CD|secretkey/);
      expect(candidatesOf(shown)).toHaveLength(candidatesOf(sdp).length);
      expect(shown.split('\r\n')).toHaveLength(sdp.split('\r\n').length);
    }
    expect(maskedSdp(OFFER)).toContain('93.184.216.34 3484');
    expect(maskedSdp(' a = ICE-pwd : geheim\r\n\ta=ice-ufrag:wort')).toBe(' a = ICE-pwd :***\r\n\ta=ice-ufrag:***');
  });

  it('is masked in one look, whatever it has in place of lines', () => {
    // From each line on to the last, these took minutes.
    for (const sdp of ['\n'.repeat(400_000), ' '.repeat(400_000), 'a\n'.repeat(200_000), `${' \n'.repeat(200_000)}a=x`])
      expect(maskedSdp(sdp)).toBe(sdp);
  });
});
