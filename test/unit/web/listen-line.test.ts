import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ListenLine } from '../../../web/js/listen/line.js';

/** The operator's line in a browser whose person answers the question for the microphone late. */

const socket = {
  readyState: 1,
  bufferedAmount: 0,
  sent: [] as string[],
  onmessage: undefined as undefined | ((event: { data: string }) => void),
  onopen: undefined as undefined | (() => void),
  onclose: undefined as undefined | ((event: { reason: string }) => void) | null,
  send: (text: string) => void socket.sent.push(text),
  close: () => {},
};
let live: number;
let asked: Array<PromiseWithResolvers<unknown>>;

const settled = () => new Promise((resolve) => setImmediate(resolve));
const allow = async () => {
  live++;
  const track = { enabled: true, stop: () => void live-- };
  asked.shift()?.resolve({ getTracks: () => [track] });
  await settled();
};

class FakeNode {
  port = { onmessage: undefined, postMessage: () => {} };
  connect() {}
}
class FakeAudio {
  audioWorklet = { addModule: async () => {} };
  destination = {};
  createMediaStreamSource = () => new FakeNode();
  async resume() {}
  async close() {}
}

beforeEach(() => {
  live = 0;
  asked = [];
  socket.sent = [];
  const getUserMedia = () => {
    const one = Promise.withResolvers<unknown>();
    asked.push(one);
    return one.promise;
  };
  vi.stubGlobal('document', { baseURI: 'https://voice.example/' });
  vi.stubGlobal('AudioContext', FakeAudio);
  vi.stubGlobal('AudioWorkletNode', FakeNode);
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } });
  vi.stubGlobal(
    'WebSocket',
    Object.assign(
      function WebSocket() {
        return socket;
      },
      { OPEN: 1 },
    ),
  );
});
afterEach(() => void vi.unstubAllGlobals());

const whyRefused = async () => 'As many listen as may.';
const opened = () => {
  const line = new ListenLine('c', null, whyRefused);
  socket.onopen?.();
  socket.onmessage?.({ data: JSON.stringify({ kind: 'hello', announced: false }) });
  return line;
};

it('who takes over and of whom the caller could not be told knows it, until he listens again', () => {
  const line = opened();
  const mode = (message: object) => socket.onmessage?.({ data: JSON.stringify({ kind: 'mode', ...message }) });
  mode({ mode: 'takeover', announced: false });
  expect(line.state).toMatchObject({ mode: 'takeover', untold: true });
  mode({ mode: 'listen' });
  expect(line.state).toMatchObject({ mode: 'listen', untold: false });
  mode({ mode: 'takeover', announced: true });
  expect(line.state).toMatchObject({ mode: 'takeover', untold: false });
});

describe('a line that is closed', () => {
  it('before it was open says why it was refused, which is asked for', async () => {
    const line = new ListenLine('c', null, whyRefused);
    socket.onclose?.({ reason: '' });
    await settled();
    expect(line.state).toMatchObject({ state: 'closed', problem: 'As many listen as may.' });
  });

  it.each([
    ['', 'The connection is gone.'],
    [
      'too-many-listen',
      'As many operators listen in already as the setting OPERATORS_LISTENING allows (0: nobody may).',
    ],
  ])('after it was open asks nobody: %j', async (reason, problem) => {
    let asked = 0;
    const line = new ListenLine('c', null, async () => `asked ${++asked} times`);
    // Nobody has said hello yet: the caller is still being told.
    socket.onopen?.();
    socket.onclose?.({ reason });
    await settled();
    expect([line.state.problem, asked]).toEqual([problem, 0]);
  });

  it('by the operator while it is asked for says nothing', async () => {
    const why = Promise.withResolvers<string>();
    const line = new ListenLine('c', null, () => why.promise);
    socket.onclose?.({ reason: '' });
    line.close();
    why.resolve('too late');
    await settled();
    expect(line.state).toMatchObject({ state: 'closed', problem: undefined });
  });
});

describe('the microphone of an operator who listens', () => {
  it('is opened for who is to hear it, and closed with the line', async () => {
    const line = opened();
    void line.speak('whisper');
    await allow();
    expect(socket.sent).toEqual(['{"mode":"whisper"}']);
    expect(live).toBe(1);
    line.close();
    expect(live).toBe(0);
  });

  it('is not open when the line was closed before it was allowed', async () => {
    const line = opened();
    void line.speak('takeover');
    line.close();
    await allow();
    expect([live, socket.sent]).toEqual([0, []]);
  });

  it('reaches nobody when the operator went back to listening before it was allowed', async () => {
    const line = opened();
    void line.speak('takeover');
    void line.speak('listen');
    await allow();
    expect([live, socket.sent]).toEqual([0, ['{"mode":"listen"}']]);
  });

  it('is one alone, and reaches whom it was meant for last', async () => {
    const line = opened();
    void line.speak('whisper');
    void line.speak('takeover');
    expect(asked).toHaveLength(1);
    await allow();
    expect(socket.sent).toEqual(['{"mode":"takeover"}']);
    expect(live).toBe(1);
    line.close();
    expect(live).toBe(0);
  });
});
