import { describe, expect, it } from 'vitest';
import type { OperatorVoice, VoiceMode } from '../../../src/call/operator-line.ts';
import { type ListenedCall, Session, type SessionMessage, VOICE_MOST_BYTES } from '../../../src/listening/session.ts';
import { Takeovers } from '../../../src/listening/takeovers.ts';
import { Tickets } from '../../../src/listening/tickets.ts';
import { FakeClock } from '../../fakes/clock.ts';

function rig({
  takeoverNotice,
  isOver = false,
  did: noted = () => {},
}: {
  takeoverNotice?: string;
  isOver?: boolean;
  did?: (mode: string, untold: boolean) => void;
} = {}) {
  const clock = new FakeClock();
  const told: SessionMessage[] = [];
  const wrote: number[] = [];
  const did: string[] = [];
  const notice = Promise.withResolvers<boolean>();
  const ends: string[] = [];
  const broke: unknown[] = [];
  const state = {
    value: 'joined' as ListenedCall['state'],
    busy: false,
    voice: undefined as OperatorVoice | undefined,
  };
  const call: ListenedCall = {
    info: { id: 'c1' },
    get state() {
      return state.value;
    },
    announce: () => {
      did.push('notice');
      return notice.promise;
    },
    operators: {
      get speaking() {
        return state.busy ? ({ by: 'Bert', mode: 'whisper' } as const) : undefined;
      },
      listens: () => () => void did.push('left'),
      speak(by: string, mode: VoiceMode, announced: boolean) {
        if (state.busy) return undefined;
        let ended = false;
        did.push(`${by} ${mode} ${announced}`);
        state.voice = {
          mode,
          get ended() {
            return ended;
          },
          write: ({ samples }) => void wrote.push(samples.length),
          end() {
            ended = true;
          },
        };
        return state.voice;
      },
    },
  };
  const takeovers = new Takeovers();
  const join = (by: string, messages: SessionMessage[]) =>
    new Session({
      ...{ call, by, clock, announced: false, takeoverNotice, takeovers },
      ...{ did: noted, broke: (error) => void broke.push(error) },
      ears: { listen: () => (isOver ? undefined : () => {}) },
      outlet: {
        audio: () => {},
        tell: (message) => void messages.push(message),
        end: (reason) => void ends.push(reason),
      },
    });
  const session = join('Anna', told);
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { session, join, told, wrote, did, ends, broke, notice, state, clock, settle };
}

const mode = (name: string) => JSON.stringify({ mode: name });

describe('an operator on a call', () => {
  it('is told what cannot be understood, and nothing comes of it', () => {
    const { session, told, did } = rig();
    for (const wrong of ['', '{', '{"mode":"shout"}', '{"mode":"listen","x":1}', 'null']) session.text(wrong);
    expect(told.slice(1).map((one) => one.kind === 'refused' && one.code)).toEqual(Array(5).fill('REQUEST_INVALID'));
    expect(did).toEqual([]);
  });

  it('who comes when the call is just over is told so, and leaves nothing open', () => {
    const { session, ends, did } = rig({ isOver: true });
    expect([ends, did]).toEqual([['call-ended'], ['left']]);
    session.text(mode('whisper'));
    session.close();
    expect([ends, did]).toEqual([['call-ended'], ['left']]);
  });

  it('has a voice only where it was asked for, no faster than time and in pieces that are some', async () => {
    const { session, wrote, clock, settle } = rig();
    session.audio(new Uint8Array(640));
    session.text(mode('whisper'));
    await settle();
    session.audio(new Uint8Array(641));
    session.audio(new Uint8Array(VOICE_MOST_BYTES + 2));
    expect(wrote).toEqual([]);
    // A second at once: half of it is a stall that is made up for.
    for (let n = 0; n < 50; n++) session.audio(new Uint8Array(640));
    expect(wrote).toHaveLength(25);
    clock.advance(100);
    for (let n = 0; n < 50; n++) session.audio(new Uint8Array(640));
    expect(wrote).toHaveLength(30);
  });

  it('who thinks better of it while the caller is told does not speak', async () => {
    const { session, notice, did, told, settle } = rig({ takeoverNotice: 'A colleague …' });
    session.text(mode('takeover'));
    session.text(mode('listen'));
    notice.resolve(true);
    await settle();
    expect(did).toEqual(['notice']);
    expect(told.at(-1)).toEqual({ kind: 'mode', mode: 'listen' });
  });

  it('comes unannounced where the agent could not tell the caller, knows that, and it is noted', async () => {
    const noted: string[] = [];
    const { session, notice, did, told, settle } = rig({
      takeoverNotice: 'A colleague …',
      did: (mode, untold) => void noted.push(`${mode}${untold ? ' untold' : ''}`),
    });
    session.text(mode('takeover'));
    notice.resolve(false);
    await settle();
    expect(did).toEqual(['notice', 'Anna takeover false']);
    expect([told.at(-1), noted]).toEqual([{ kind: 'mode', mode: 'takeover', announced: false }, ['takeover untold']]);
  });

  it('is refused where another speaks, and where nobody is on the line', async () => {
    const { session, state, told, settle } = rig();
    state.busy = true;
    session.text(mode('takeover'));
    await settle();
    state.value = 'held';
    session.text(mode('whisper'));
    await settle();
    expect(told.slice(1)).toMatchObject([{ code: 'OPERATOR_BUSY' }, { code: 'CALL_NOT_ANSWERED' }]);
  });

  it('who asks twice while the caller is told has him told once, and is not in his own way', async () => {
    const { session, notice, did, told, settle } = rig({ takeoverNotice: 'A colleague …' });
    session.text(mode('takeover'));
    session.text(mode('takeover'));
    notice.resolve(true);
    await settle();
    expect(did).toEqual(['notice', 'Anna takeover true']);
    expect(told.slice(1)).toEqual([{ kind: 'mode', mode: 'takeover', announced: true }]);
    // What is had already is had.
    session.text(mode('takeover'));
    await settle();
    expect(did).toHaveLength(2);
  });

  it('who changed his mind twice while the caller is told speaks', async () => {
    const { session, notice, did, settle } = rig({ takeoverNotice: 'A colleague …' });
    for (const name of ['takeover', 'listen', 'takeover']) session.text(mode(name));
    notice.resolve(true);
    await settle();
    expect(did.filter((one) => one !== 'notice')).toEqual(['Anna takeover true']);
  });

  it('is refused where another speaks before the caller is promised a colleague', async () => {
    const { session, state, did, told, settle } = rig({ takeoverNotice: 'A colleague …' });
    state.busy = true;
    session.text(mode('takeover'));
    await settle();
    expect(did).toEqual([]);
    expect(told.at(-1)).toMatchObject({ code: 'OPERATOR_BUSY' });
  });

  it.each(['takeover', 'whisper'])(
    'who asks for %s while the caller is told of another is refused at once, and the caller told once',
    async (wanted) => {
      const { session, join, notice, did, told, settle } = rig({ takeoverNotice: 'A colleague …' });
      const heard: SessionMessage[] = [];
      const second = join('Bert', heard);
      session.text(mode('takeover'));
      second.text(mode(wanted));
      await settle();
      expect(heard.at(-1)).toMatchObject({ kind: 'refused', code: 'OPERATOR_BUSY' });
      notice.resolve(true);
      await settle();
      expect(did).toEqual(['notice', 'Anna takeover true']);
      expect(told.at(-1)).toEqual({ kind: 'mode', mode: 'takeover', announced: true });
      expect(heard).toHaveLength(2);
    },
  );

  it.each(['listen', 'leave'])(
    'has the caller where the one of whom he is told thinks better of it (%s), by the notice that is being said',
    async (how) => {
      const { session, join, notice, did, settle } = rig({ takeoverNotice: 'A colleague …' });
      const second = join('Bert', []);
      session.text(mode('takeover'));
      if (how === 'leave') session.close();
      else session.text(mode('listen'));
      second.text(mode('takeover'));
      notice.resolve(true);
      await settle();
      expect(did.filter((one) => one !== 'left')).toEqual(['notice', 'Bert takeover true']);
    },
  );

  it('who changes his mind as no person does is put out, and the agent has the call', async () => {
    const { session, state, did, told, ends, clock, settle } = rig();
    for (let n = 0; n < 500; n++) session.text(mode(n % 2 === 0 ? 'takeover' : 'listen'));
    await settle();
    expect(ends).toEqual(['too-many-messages']);
    expect(did.length).toBeLessThan(30);
    expect([state.voice?.ended, did.at(-1)]).toEqual([true, 'left']);
    expect(told.length).toBeLessThan(30);
    const slow = rig();
    for (let n = 0; n < 60; n++) {
      slow.session.text('no order');
      slow.clock.advance(1_000);
    }
    expect(slow.ends).toEqual([]);
    clock.advance(60_000);
    session.text(mode('takeover'));
    await settle();
    expect(ends, 'once').toHaveLength(1);
  });

  it.each([
    ['an order cannot be noted', false],
    ['the caller cannot be told', true],
  ])(
    'whose line breaks because %s is put out, the agent has the call, and nobody else is harmed',
    async (_why, announcing) => {
      const bug = new Error('a bug');
      const { session, state, ends, broke, notice, settle } = rig({
        ...(announcing ? { takeoverNotice: 'A colleague …' } : {}),
        did: () => {
          throw bug;
        },
      });
      session.text(mode('takeover'));
      if (announcing) notice.reject(bug);
      // Left to itself it would be a rejection that nobody handles, and the end of the process.
      await settle();
      expect([broke, ends]).toEqual([[bug], ['internal']]);
      expect(state.voice?.ended ?? true).toBe(true);
    },
  );

  it('who leaves hands the call back, once', async () => {
    const { session, state, did, settle } = rig();
    session.text(mode('takeover'));
    await settle();
    session.close();
    session.close();
    expect([state.voice?.ended, did.at(-1), did.length]).toEqual([true, 'left', 2]);
  });
});

describe('a ticket', () => {
  it('is good once, and for a moment', () => {
    const clock = new FakeClock();
    const tickets = new Tickets(clock);
    const listening = {
      ...{ callId: 'c1', address: '192.0.2.1' },
      operator: { id: 'a', name: 'Anna', role: 'operator' as const },
    };
    const one = tickets.give(listening);
    expect(tickets.take(one)).toEqual(listening);
    expect(tickets.take(one)).toBeUndefined();
    const late = tickets.give(listening);
    clock.advance(10_000);
    expect(tickets.take(late)).toBeUndefined();
    expect(tickets.take('')).toBeUndefined();
  });
});
