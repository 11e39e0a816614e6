/** The little that the server does to SDP text itself; the peer connection does the rest. RFC 8866, RFC 8839. */

/** Whether the text is an offer with an audio line, as far as can be told before it is parsed for good. */
export function looksLikeOffer(sdp: string): boolean {
  return /^v=0\r?\n/.test(sdp) && /^m=audio /m.test(sdp);
}

/** The SDP without any candidate: whoever has it can only wait to be contacted. */
export function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, '');
}

/**
 * An answer that leads nowhere, as behind a firewall that lets no UDP out: its one candidate is an address for documentation
 * (RFC 5737), so that connectivity checks are sent and never answered.
 */
export function withDeadCandidates(sdp: string): string {
  const bare = withoutCandidates(sdp);
  return bare.replace(
    /^(a=ice-ufrag:.*\r?\n)/m,
    'a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host generation 0\r\n$1',
  );
}
