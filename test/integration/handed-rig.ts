import { onTestFinished } from 'vitest';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { ask, Page } from './browser-page.ts';
import { OPERATOR } from './operator.ts';

/** A handler that hands calls on, and its sockets. */

export const START = '/bridge/start';

/** A WebRTC client that calls, closed when the test is over. */
export function client(): Page {
  const made = new Page();
  onTestFinished(() => made.close());
  return made;
}

/** Hands a call on. */
export const start = (
  url: string,
  fields: Record<string, unknown>,
  headers: Readonly<Record<string, string>> = OPERATOR,
) => ask(`${url}${START}`, 'POST', fields, headers);

export const accepted = (url: string, callId: string) => ask(`${url}/bridge/accepted`, 'POST', { callId });
export const stop = (url: string, callId: string) => ask(`${url}/bridge/stop`, 'POST', { callId });

/** The socket of a call, as its handler has it. */
export class HandlerSocket {
  readonly messages: Array<Record<string, unknown>> = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #socket: Socket | undefined;

  static async open(bridgeUrl: unknown): Promise<HandlerSocket> {
    const made = new HandlerSocket();
    made.#socket = await openSocket(
      String(bridgeUrl),
      {
        text: (data) => made.messages.push(JSON.parse(data.toString()) as Record<string, unknown>),
        binary: () => {},
        close: (code, reason) => {
          made.closed = { code, reason };
        },
      },
      { maxMessageBytes: 1 << 20, pingIntervalMs: 0, connectTimeoutMs: 5_000 },
    );
    onTestFinished(() => made.#socket?.terminate());
    return made;
  }

  send(message: unknown): void {
    this.#socket?.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Messages of one type. */
  told(type: string): Array<Record<string, unknown>> {
    return this.messages.filter((message) => message['type'] === type);
  }

  /** Data of the call's events of one type. */
  events(type: string): Array<Record<string, unknown>> {
    return this.told('event')
      .map((message) => message['event'] as { type: string; data: Record<string, unknown> })
      .filter((event) => event.type === type)
      .map((event) => event.data);
  }
}
