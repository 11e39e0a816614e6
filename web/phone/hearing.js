/**
 * Reads what the server says on the data channel.
 * @param {object} told
 * @param {(event: any) => void} told.event something happened in the call
 * @param {(id: string) => void} told.accepted a typed turn was taken
 * @param {(id: string, code: string, message: string | undefined) => void} told.failed it was not
 * @param {(code: string) => void} told.trouble
 * @param {(reason: string) => void} told.ended
 * @returns {(text: string) => void}
 */
export function hearing({ event, accepted, failed, trouble, ended }) {
  return (text) => {
    const message = JSON.parse(text);
    switch (message.type) {
      case 'event':
        return event(message.event);
      case 'text_accepted':
        return accepted(message.id);
      case 'text_failed':
        return failed(message.id, message.code, message.message);
      case 'error':
        return trouble(message.code);
      case 'ended':
        return ended(message.reason);
      default:
        // A newer server says more than this page knows.
        return;
    }
  };
}
