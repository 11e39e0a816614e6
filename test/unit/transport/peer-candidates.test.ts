import { describe, expect, it } from 'vitest';
import { withCandidates } from '../../../src/transport/candidates.ts';

const SDP = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=mid:1',
  '',
].join('\r\n');

describe('withCandidates', () => {
  it('leaves a description without candidates as it is', () => {
    expect(withCandidates(SDP, [])).toBe(SDP);
  });

  it('puts them at the end of their section and names the best as the default', () => {
    const sdp = withCandidates(SDP, [
      { candidate: 'candidate:1 1 udp 300 fd00::2 5000 typ host', line: 0 },
      { candidate: 'candidate:2 1 udp 200 192.0.2.7 5001 typ host generation 0', line: 0 },
      { candidate: 'candidate:3 1 udp 100 127.0.0.1 5002 typ host', line: 0 },
      { candidate: 'candidate:4 1 tcp 900 192.0.2.7 9 typ host tcptype active', line: 0 },
    ]);
    expect(sdp.split('\r\n').slice(4)).toEqual([
      'm=audio 5001 UDP/TLS/RTP/SAVPF 111',
      'c=IN IP4 192.0.2.7',
      'a=mid:0',
      'a=candidate:1 1 udp 300 fd00::2 5000 typ host',
      'a=candidate:2 1 udp 200 192.0.2.7 5001 typ host generation 0',
      'a=candidate:3 1 udp 100 127.0.0.1 5002 typ host',
      'a=candidate:4 1 tcp 900 192.0.2.7 9 typ host tcptype active',
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=mid:1',
      '',
    ]);
  });

  it('takes IPv6 where there is nothing else, and the last section too', () => {
    const sdp = withCandidates(SDP, [{ candidate: 'candidate:1 1 UDP 300 fd00::2 5000 typ host', line: 1 }]);
    expect(sdp).toContain(
      'm=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP6 fd00::2\r\na=mid:1\r\na=candidate:1 ',
    );
    expect(sdp.endsWith('typ host\r\n')).toBe(true);
    expect(sdp).toContain('m=audio 9 ');
  });
});
