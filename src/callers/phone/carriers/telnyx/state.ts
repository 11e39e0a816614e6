/**
 * What a command leaves in the call's `client_state`, which comes back in every webhook of the call after it, and with the stream it opened: so that
 * nothing has to be remembered here of what was asked. Base64 of a few words, the first of which says what they are.
 */
export type ClientState =
  /** The stream's one-time token, where the command that opens it has no other place for one. */
  | { readonly is: 'stream'; readonly token: string }
  /** We called. */
  | { readonly is: 'placed' }
  /** The leg that a transfer rings: which of the call's transfers it is, and the call. */
  | { readonly is: 'transfer'; readonly n: number; readonly callId: string }
  /** The stream is taken from a caller who is being transferred: nobody asks what comes next. */
  | { readonly is: 'moving' };

export function stateText(state: ClientState): string {
  const words =
    state.is === 'stream'
      ? [state.is, state.token]
      : state.is === 'transfer'
        ? [state.is, String(state.n), state.callId]
        : [state.is];
  return Buffer.from(words.join(' ')).toString('base64');
}

/** Undefined for what is none of ours. */
export function readState(text: string | undefined): ClientState | undefined {
  const [is, first = '', second = ''] = Buffer.from(text ?? '', 'base64')
    .toString()
    .split(' ');
  if (is === 'stream' && first !== '') return { is, token: first };
  if (is === 'placed' || is === 'moving') return { is };
  if (is === 'transfer' && /^\d{1,6}$/.test(first) && second !== '') return { is, n: Number(first), callId: second };
  return undefined;
}
