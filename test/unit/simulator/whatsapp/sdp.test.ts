import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatsOf, metaSdp, OPUS, wrongWith } from '../../../../src/simulator/whatsapp/sdp.ts';

const side = {
  candidates: [
    { ip: '192.0.2.7', port: 3_484 },
    { ip: '2001:db8::7', port: 3_484 },
  ],
  ufrag: 'Sf4g',
  password: '3bW2vXq0L9mYtR7uKd5sHcEa',
  fingerprint: Array.from({ length: 32 }, () => 'AB').join(':'),
  ssrc: 7,
  format: OPUS,
} as const;

/** What a business answers: the same shape, from the other side. */
const answer = metaSdp({ ...side, setup: 'active' }).replace('a=ice-lite\r\n', '');

describe('Meta’s description of a user', () => {
  it('has the lines of an observed offer, in their order', () => {
    const observed = readFileSync(new URL('../../../fixtures/offers/ice-lite.sdp', import.meta.url), 'utf8');
    const kinds = (sdp: string) =>
      sdp
        .trimEnd()
        .split(/\r?\n/)
        .map((line) => /^(a=[\w-]+|[a-z]=)/.exec(line)?.[1]);
    const offer = metaSdp({ ...side, setup: 'actpass' });
    expect(kinds(offer)).toEqual(kinds(observed));
    expect(offer.split('\r\n').find((line) => line.startsWith('a=fmtp'))).toBe(
      observed.split('\n').find((line) => line.startsWith('a=fmtp')),
    );
    expect(formatsOf(offer)).toEqual(['111', '126']);
  });
});

describe('what Meta takes of a business', () => {
  it('is an answer as it should be', () => {
    expect(wrongWith(answer, 'answer', ['111', '126'])).toEqual([]);
    expect(wrongWith(answer.replace('setup:active', 'setup:actpass'), 'offer')).toEqual([]);
  });

  it.each([
    ['JSON', (sdp: string) => JSON.stringify(sdp).slice(1, -1)],
    ['CRLF', (sdp: string) => sdp.replaceAll('\r\n', '\n')],
    ['one media section', (sdp: string) => `${sdp}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`],
    ['ice-lite', (sdp: string) => sdp.replace('m=audio', 'a=ice-lite\r\nm=audio')],
    ['no ICE credentials', (sdp: string) => sdp.replace(/a=ice-pwd:.*\r\n/, '')],
    ['sha-256', (sdp: string) => sdp.replace('fingerprint:sha-256', 'fingerprint:sha-512')],
    ['no DTLS fingerprint', (sdp: string) => sdp.replace(/a=fingerprint.*\r\n/, '')],
    ['not active', (sdp: string) => sdp.replace('setup:active', 'setup:passive')],
    ['rtcp-mux', (sdp: string) => sdp.replace('a=rtcp-mux\r\n', '')],
    ['not offered', (sdp: string) => sdp.replace('SAVPF 111 126', 'SAVPF 111 126 13')],
    ['neither Opus', (sdp: string) => sdp.replace('SAVPF 111 126', 'SAVPF 126').replace(/a=rtpmap:111.*\r\n/, '')],
    ['no candidate', (sdp: string) => sdp.replace(/a=candidate.*\r\n/g, '')],
    ['more than one candidate', (sdp: string) => sdp.replace('2001:db8::7', '192.0.2.8')],
    ['not of UDP', (sdp: string) => sdp.replace(' 1 udp ', ' 1 tcp ')],
  ])('is not one that breaks a rule: %s', (words, change) => {
    const changed = change(answer);
    expect(changed).not.toBe(answer);
    expect(wrongWith(changed, 'answer', ['111', '126']).join()).toContain(words);
  });
});
