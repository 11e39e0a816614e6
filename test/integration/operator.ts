/** The token of the tests' daemons, where a test sets no other. */
export const OPERATOR_TOKEN = 'token-of-the-tests-operator';

/** What whoever has it sends along. */
export const OPERATOR: Readonly<Record<string, string>> = { authorization: `Bearer ${OPERATOR_TOKEN}` };

/** Asks a daemon of the tests as its operator. */
export function askAsOperator(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has('authorization')) headers.set('authorization', `Bearer ${OPERATOR_TOKEN}`);
  return fetch(url, { ...init, headers });
}
