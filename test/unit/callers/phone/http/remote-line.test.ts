import { describe, expect, it } from 'vitest';
import type { CallerEvent } from '../../../../../src/call/events.ts';
import { termination } from '../../../../../src/call/termination.ts';
import { Ticker } from '../../../../../src/call/ticker.ts';
import { pcmBytes, pcmSamples, RemoteLine } from '../../../../../src/callers/phone/http/remote-line.ts';
import type { Socket } from '../../../../../src/transport/socket.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { FakeSink, fakeLog } from '../../../../fakes/legs.ts';

const RATE = 8_000;
const frame = (value: number) => new Int16Array(160).fill(value);

/** A line at another instance, which is played by hand. */
function line() {
  const clock = new FakeClock();
  const peer = new FakeSink(RATE);
  const events: CallerEvent[] = [];
  const sent: Array<string | number[]> = [];
  const closed: number[] = [];
  const socket = {
    bufferedBytes: 0,
    send: (text: string) => sent.push(text) > 0,
    sendBinary: (bytes: Buffer) => sent.push([...pcmSamples(bytes)]) > 0,
    close: (code: number) => closed.push(code),
  };
  const leg = new RemoteLine({ kind: 'twilio', rate: RATE, playedRate: RATE, carrierCallId: 'CA1' }, clock);
  leg.connect(socket as unknown as Socket);
  const start = () =>
    leg.start({
      callId: 'c1',
      peer,
      emit: (event) => void events.push(event),
      count: () => {},
      log: fakeLog(),
      clock,
      ticker: new Ticker(clock),
      signal: new AbortController().signal,
    });
  const says = (value: number) => leg.handlers.binary(pcmBytes(frame(value)));
  const tells = (event: unknown) => leg.handlers.text(Buffer.from(JSON.stringify(event)));
  return { clock, peer, events, sent, closed, socket, leg, start, says, tells };
}

describe('a line that another instance has', () => {
  it('is heard from its first word and key on, in their order, though they came before anybody listened', async () => {
    const one = line();
    one.says(1);
    one.tells({ type: 'dtmf', digit: '5', durationMs: 100 });
    one.says(2);
    await one.start();
    one.says(3);
    expect(one.peer.heard).toEqual([...frame(1), ...frame(2), ...frame(3)]);
    expect(one.events).toEqual([{ type: 'dtmf', digit: '5', durationMs: 100 }]);
  });

  it('that nobody listens to keeps no more than the last two seconds', async () => {
    const one = line();
    for (let at = 0; at < 10_000; at += 20) one.says(1 + at / 20);
    await one.start();
    expect(one.peer.heard).toHaveLength(2 * RATE);
    expect(one.peer.heard.at(-1)).toBe(500);
  });

  it('that ended before is told as that, once, behind what was said', async () => {
    const one = line();
    one.says(1);
    const end = termination('caller-hangup');
    one.tells({ type: 'ended', end });
    await one.start();
    one.leg.handlers.close(1000, '');
    expect(one.peer.heard).toEqual([...frame(1)]);
    expect(one.events).toEqual([{ type: 'ended', end }]);
  });

  it('gets audio and keys, and no audio once it is closed', async () => {
    const one = line();
    await one.start();
    one.leg.audio.write({ samples: frame(9), sampleRate: RATE });
    expect(one.leg.sendDigit('#')).toBe(true);
    await one.leg.close(termination('agent-hangup'));
    one.leg.audio.write({ samples: frame(9), sampleRate: RATE });
    expect(one.sent).toEqual([[...frame(9)], '{"digit":"#"}']);
    expect(one.closed).toEqual([1000]);
  });

  it('whose instance says what nobody understands goes on', async () => {
    const one = line();
    await one.start();
    for (const text of ['', '{', 'null', '[]', '{"type":"ended"}', '{"type":"dtmf"}', '{"type":"dtmf","digit":"beep"}'])
      expect(() => one.leg.handlers.text(Buffer.from(text))).not.toThrow();
    expect(one.events).toEqual([]);
    one.says(1);
    expect(one.peer.heard).toHaveLength(160);
  });
});
