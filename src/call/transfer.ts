/**
 * Connecting a caller to another number, and what becomes of it. The caller leaves the agent while the number rings; the call, its session
 * and its conversation are kept until somebody answers, so that a caller whom nobody answered comes back to the same agent.
 */

/** How a transfer can fail, as carriers call it, and in words. */
export const TRANSFER_FAILURES = {
  busy: 'the line was busy',
  'no-answer': 'nobody answered',
  failed: 'the number could not be reached',
  canceled: 'the attempt was given up',
} as const;

export type TransferFailure = keyof typeof TRANSFER_FAILURES;

/** `completed`: somebody answered, and the talk is over. */
export type TransferEnd = 'completed' | TransferFailure;

/** Whether something is the reason why nobody was reached. */
export function isTransferFailure(value: unknown): value is TransferFailure {
  return typeof value === 'string' && Object.hasOwn(TRANSFER_FAILURES, value);
}

/** What the agent is told who has the caller back. */
export const notConnected = (how: TransferFailure): string =>
  `The caller was not connected: ${TRANSFER_FAILURES[how]}. The caller is on the line with you again.`;

/** The same, for an agent that did not ask for the transfer. */
export const askAfter = (how: TransferFailure): string =>
  `${notConnected(how)} In the language of the conversation, say so in one short sentence and offer something else, such as taking a message.`;
