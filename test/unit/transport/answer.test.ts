import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerOffer, checkOffer, withPublicAddresses } from '../../../src/transport/answer.ts';

const FINGERPRINT = Array(32).fill('AB').join(':');
const AUDIO = `m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=fingerprint:sha-256 ${FINGERPRINT}\r\n`;
const DATA = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
const HEAD = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';

/** An offer as an implementation made it, by the name of its file. */
const real = (name: 'channel' | 'audio' | 'ice-lite') =>
  readFileSync(new URL(`../../fixtures/offers/${name}.sdp`, import.meta.url), 'utf8').replaceAll('\n', '\r\n');
const PAGE = { channel: true };
const ALONE = { channel: false };
const refusal = (message: string) =>
  expect.objectContaining({ code: 'PEER_SDP_INVALID', status: 400, message: `the offer cannot be used: ${message}` });

describe('checkOffer', () => {
  it('takes what implementations really offer: with a data channel where one is expected, and audio alone where none is', () => {
    expect(() => checkOffer(real('channel'), PAGE)).not.toThrow();
    for (const name of ['audio', 'ice-lite'] as const) {
      expect(() => checkOffer(real(name), ALONE)).not.toThrow();
      expect(() => checkOffer(real(name), PAGE)).toThrow(
        refusal('it must have the line of a data channel: make the channel before the offer'),
      );
    }
    expect(() => checkOffer(real('channel'), ALONE)).toThrow(refusal('it has a line that is not audio'));
  });

  it('takes G.711 for Opus where it is told to', () => {
    const pcmu = HEAD + AUDIO.replace(' 111', ' 0').replace(/a=rtpmap.*\r\n/, '');
    const pcma = HEAD + AUDIO.replaceAll('111', '96').replace('opus/48000/2', 'pcma/8000');
    for (const sdp of [pcmu, pcma]) {
      expect(() => checkOffer(sdp, { channel: false, g711: true })).not.toThrow();
      expect(() => checkOffer(sdp, ALONE)).toThrow(refusal('its audio line has no Opus'));
    }
    expect(() => checkOffer(real('audio'), { channel: false, g711: true })).not.toThrow();
    expect(() => checkOffer(HEAD + AUDIO.replace('opus', 'ISAC'), { channel: false, g711: true })).toThrow(
      refusal('its audio line has neither Opus nor G.711'),
    );
  });

  it.each([PAGE, ALONE])('refuses an end that does not want its connection yet: %o', (expected) => {
    const offer = real(expected.channel ? 'channel' : 'audio');
    for (const setup of ['holdconn', 'HoldConn'])
      expect(() => checkOffer(offer.replaceAll('setup:actpass', `setup:${setup}`), expected)).toThrow(
        refusal('its DTLS setup is holdconn'),
      );
    const whole = offer.replaceAll('a=setup:actpass\r\n', '').replace('t=0 0\r\n', 't=0 0\r\na=setup:holdconn\r\n');
    expect(() => checkOffer(whole, expected)).toThrow(refusal('its DTLS setup is holdconn'));
    for (const setup of ['active', 'passive'])
      expect(() => checkOffer(offer.replaceAll('actpass', setup), expected)).not.toThrow();
  });

  it('takes one audio line with Opus and the line of a data channel', () => {
    expect(() => checkOffer(HEAD + AUDIO + DATA, PAGE)).not.toThrow();
    expect(() => checkOffer(HEAD + DATA + AUDIO, PAGE)).not.toThrow();
    // Port 0 of a line that has another's port is not switched off (RFC 9143 section 6).
    const bundled = `${DATA.replace('application 9', 'application 0')}a=bundle-only\r\n`;
    expect(() => checkOffer(HEAD + AUDIO + bundled, PAGE)).not.toThrow();
  });

  it.each([
    ['nothing', ''],
    ['no SDP', '{"type":"offer"}'],
    ['no audio', HEAD + DATA],
    ['two audio lines', HEAD + AUDIO + AUDIO + DATA],
    ['no data channel', HEAD + AUDIO],
    ['video', `${HEAD}${AUDIO}${DATA}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`],
    ['no Opus', HEAD + AUDIO.replace('opus', 'ISAC') + DATA],
    ['no fingerprint', HEAD + AUDIO.replace(/a=fingerprint.*\r\n/, '') + DATA],
    ['a fingerprint that is none', HEAD + AUDIO.replace('sha-256 AB', 'sha-256 XY') + DATA],
    ['a fingerprint that is too short', HEAD + AUDIO.replace(FINGERPRINT, 'AB:CD') + DATA],
    ['a fingerprint of another hash', HEAD + AUDIO.replace('sha-256', 'sha-512') + DATA],
    ['one good fingerprint of two', `${HEAD + AUDIO + DATA}a=fingerprint:md7 AB:CD\r\n`],
    ['megabytes', HEAD + AUDIO + DATA + 'a=x\r\n'.repeat(10_000)],
    ['hundreds of lines', HEAD + AUDIO + DATA + 'a=x\r\n'.repeat(400)],
    ['hundreds of media lines', HEAD + AUDIO + DATA.repeat(200)],
    ['a media line behind a tab', `${HEAD}${AUDIO}${DATA}m=video\t9 UDP/TLS/RTP/SAVPF 96\r\n`],
    ['a media line in capitals', `${HEAD}${AUDIO}${DATA}M=video 9 UDP/TLS/RTP/SAVPF 96\r\n`],
    ['a media line with a space before it', `${HEAD}${AUDIO}${DATA} m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`],
    ['a line break of one kind within a line', `${HEAD}${AUDIO}${DATA}a=x\rm=video 9 UDP/TLS/RTP/SAVPF 96\r\n`],
    ['a NUL', `${HEAD}${AUDIO}${DATA}a=x\0y\r\n`],
    ['an empty line in the middle', `${HEAD}\r\n${AUDIO}${DATA}`],
    ['the audio line switched off', HEAD + AUDIO.replace('audio 9', 'audio 0') + DATA],
    [
      'the data channel switched off',
      `${HEAD}${AUDIO}a=bundle-only\r\n${DATA.replace('application 9', 'application 0')}`,
    ],
    ['a hundred formats', HEAD + AUDIO.replace(' 111\r', ` 111${' 96'.repeat(100)}\r`) + DATA],
  ])('refuses %s, without repeating it', (_, sdp) => {
    expect(() => checkOffer(sdp, PAGE)).toThrow(expect.objectContaining({ code: 'PEER_SDP_INVALID', status: 400 }));
  });
});

const host = 'a=candidate:1 1 udp 2122260223 172.17.0.2 10004 typ host generation 0 network-id 1';
const host6 = 'a=candidate:2 1 udp 2122262783 fd00::2 10005 typ host generation 0';
const reflexive = 'a=candidate:3 1 udp 1686052607 198.51.100.7 10004 typ srflx raddr 172.17.0.2 rport 10004';
const tcp = 'a=candidate:4 1 tcp 1518280447 172.17.0.2 9 typ host tcptype active';
const SDP = [host, host6, reflexive, tcp, ''].join('\r\n');

describe('withPublicAddresses', () => {
  it('names every UDP host candidate once more under the address of its family, at a lower priority', () => {
    const lines = withPublicAddresses(SDP, ['203.0.113.9', '2001:db8::9']).split('\r\n');
    expect(lines).toEqual([
      host,
      'a=candidate:11 1 udp 2122260222 203.0.113.9 10004 typ host generation 0 network-id 1',
      host6,
      'a=candidate:22 1 udp 2122262781 2001:db8::9 10005 typ host generation 0',
      reflexive,
      tcp,
      '',
    ]);
  });

  it('changes nothing without addresses, and adds none that is there', () => {
    expect(withPublicAddresses(SDP, [])).toBe(SDP);
    expect(withPublicAddresses(SDP, ['172.17.0.2'])).toBe(SDP);
  });
});

describe('answerOffer', () => {
  const seenBy = async (candidates: readonly string[]) => {
    let seen = '';
    const peer = {
      answer: async (offer: string) => {
        seen = offer;
        return `v=0\r\n${host}\r\n`;
      },
    };
    const offer = ['v=0', ...candidates, 'a=end-of-candidates', ''].join('\r\n');
    const answer = await answerOffer(peer, offer, { publicAddresses: ['203.0.113.9'] });
    expect(answer).toContain('203.0.113.9 10004');
    return seen.split('\r\n').filter((line) => !['v=0', 'a=end-of-candidates', ''].includes(line));
  };
  const good =
    'a=candidate:3 1 udp 1 93.184.216.34 5000 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag Yb+/ network-cost 999';
  const good6 = 'a=candidate:4 1 UDP 1 2606:4700::1 5000 typ host';

  it('lets the peer try public UDP candidates of the offer alone', async () => {
    expect(await seenBy([good, good6])).toEqual([good, good6]);
    for (const bad of [
      'a=candidate:1 1 udp 1 192.168.1.5 5000 typ host',
      'a=candidate:1 1 udp 1 127.0.0.1 5000 typ host',
      'a=candidate:1 1 udp 1 169.254.169.254 80 typ host',
      'a=candidate:1 1 udp 1 ::1 5000 typ host',
      'a=candidate:1 1 udp 1 fe80::1 5000 typ host',
      'a=candidate:1 1 udp 1 ::ffff:10.0.0.1 5000 typ host',
      'a=candidate:1 1 udp 1 d0e1.local 5000 typ host',
      'a=candidate:1 1 udp 1 www.example.com 5000 typ host',
      'a=candidate:1 1 tcp 1 93.184.216.34 443 typ host tcptype passive',
      'a=candidate:1 1 TCP 1 93.184.216.34 443 typ host tcptype passive',
      'a=candidate:1 1 ssltcp 1 93.184.216.34 443 typ host',
      'a=candidate:1 1 tls 1 93.184.216.34 443 typ relay',
      'a=candidate:1 1 udp 1 93.184.216.34 0 typ host',
      'a=candidate:1 1 udp 1 93.184.216.34 70000 typ host',
      'a=candidate:1 1 udp 1 93.184.216.34 5000 typ other',
      'a=candidate:1 1 udp 1 93.184.216.34 5000',
      'a=candidate:1  1 udp 1 10.0.0.1 93.184.216.34 typ host',
      'a=candidate:1 1 tcp\t1 93.184.216.34 443 typ host',
      'a=candidate: 1 1 tcp 1 93.184.216.34 443 typ host',
      'a=Candidate:1 1 tcp 1 93.184.216.34 443 typ host',
      'a=remote-candidates:1 93.184.216.34 443',
      'a=candidate:1 1 udp 1 0x5db8d822 5000 typ host',
      'a=candidate:1 1 udp 1 93.184.216.34 5000 typ host\u2028a=candidate:1 1 tcp 1 93.184.216.34 443 typ host',
    ])
      expect(await seenBy([bad, good]), bad).toEqual([good]);
  });

  it('each once, and 32 of them', async () => {
    const many = Array.from({ length: 200 }, (_, i) => `a=candidate:${i} 1 udp 1 93.184.216.${i} 5000 typ host`);
    expect(await seenBy(many)).toEqual(many.slice(0, 32));
    const repeated = many.slice(0, 40).map((_, i) => `a=candidate:${i} 1 udp ${i} 93.184.216.34 5000 typ host`);
    expect(await seenBy(repeated)).toEqual(repeated.slice(0, 1));
  });
});
