import { describe, expect, it } from 'vitest';
import { carryOut } from '../../../../../../src/callers/phone/carriers/telnyx/answers.ts';
import type { TelnyxCodecs } from '../../../../../../src/callers/phone/carriers/telnyx/codecs.ts';
import { CallNews } from '../../../../../../src/callers/phone/carriers/telnyx/news.ts';
import { readState } from '../../../../../../src/callers/phone/carriers/telnyx/state.ts';
import type { Instruction, WebhookFacts } from '../../../../../../src/callers/phone/carriers/webhook.ts';
import { FakeClock } from '../../../../../fakes/clock.ts';

const STREAM = {
  streamUrl: 'wss://voice.example.com/media-stream',
  token: 'tok',
  continueUrl: 'https://voice.example.com/call-continue',
  statusUrl: 'https://voice.example.com/stream-status',
  callId: 'c1',
  pace: 'live',
} as const;
const CONNECT: Instruction = { do: 'connect', stream: STREAM };
const NARROW: TelnyxCodecs = { sent: 'PCMU', played: 'PCMA', playedHz: 8_000 };
const WIDE: TelnyxCodecs = { sent: 'L16', played: 'L16', playedHz: 24_000 };

const facts = (name: string): WebhookFacts => ({
  accountId: '',
  carrierCallId: 'v3:a',
  params: { event_type: name, event_id: 'e-1' },
  query: {},
});

function rig(codecs: TelnyxCodecs = NARROW) {
  const clock = new FakeClock();
  const news = new CallNews(clock);
  const sent: Array<{ call: string; action: string; fields: Record<string, unknown>; id: string | undefined }> = [];
  const api = {
    async commandIfThere(call: string, action: string, fields: object = {}, options: { id?: string | undefined } = {}) {
      sent.push({ call, action, fields: { ...fields }, id: options.id });
    },
  };
  const tell = (name: string, instruction: Instruction) => carryOut({ api, codecs, news }, instruction, facts(name));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, news, sent, tell, settle, actions: () => sent.map(({ action }) => action) };
}

describe('what Telnyx is told', () => {
  it('a call that rings is answered with the stream in it, and brings the token back as its state', async () => {
    const r = rig();
    await r.tell('call.initiated', CONNECT);
    expect(r.sent).toHaveLength(1);
    const { call, action, fields, id } = r.sent[0]!;
    expect([call, action, id]).toEqual(['v3:a', 'answer', 'e-1-answer']);
    const { client_state: state, ...rest } = fields;
    expect(readState(String(state))).toEqual({ is: 'stream', token: 'tok' });
    expect(rest).toEqual({
      stream_url: STREAM.streamUrl,
      stream_track: 'inbound_track',
      stream_codec: 'PCMU',
      stream_bidirectional_mode: 'rtp',
      stream_bidirectional_codec: 'PCMA',
      stream_bidirectional_target_legs: 'self',
      send_silence_when_idle: true,
    });
  });

  it('a rate that the answer cannot ask for is asked for with the stream, once the call is answered', async () => {
    const r = rig(WIDE);
    const told = r.tell('call.initiated', CONNECT);
    await r.settle();
    expect(r.actions()).toEqual(['answer']);
    r.news.told('v3:b', 'call.answered');
    await r.settle();
    expect(r.actions()).toEqual(['answer']);
    r.news.told('v3:a', 'call.answered');
    await told;
    expect(r.sent.at(-1)).toMatchObject({
      action: 'streaming_start',
      id: 'e-1-streaming_start',
      fields: {
        stream_codec: 'L16',
        stream_bidirectional_mode: 'rtp',
        stream_bidirectional_codec: 'L16',
        stream_bidirectional_sampling_rate: 24_000,
        stream_auth_token: 'tok',
        custom_parameters: [{ name: 'token', value: 'tok' }],
      },
    });
    expect(r.news.size).toBe(0);
  });

  it('a call whose answer nobody tells of is gone on with after ten seconds', async () => {
    const r = rig(WIDE);
    const told = r.tell('call.initiated', CONNECT);
    await r.settle();
    r.clock.advance(10_000);
    await told;
    expect(r.actions()).toEqual(['answer', 'streaming_start']);
  });

  it('a call that was answered is given a stream, and nothing else', async () => {
    for (const name of ['call.answered', 'streaming.failed']) {
      const r = rig();
      await r.tell(name, CONNECT);
      expect(r.actions()).toEqual(['streaming_start']);
      expect(r.sent[0]?.fields).toMatchObject({ stream_bidirectional_sampling_rate: 8_000, stream_auth_token: 'tok' });
    }
  });

  it('a transfer rings within the bounds of the carrier, and its leg says whose it is', async () => {
    const r = rig();
    const action = 'https://voice.example.com/transfer-ended?transfer=3';
    await r.tell('streaming.stopped', {
      do: 'transfer',
      connection: { to: '+12025550143', seconds: 90_000, ringSeconds: 2, callerId: '+12025550100', action },
    });
    const { target_leg_client_state: state, ...fields } = r.sent[0]!.fields;
    expect(readState(String(state))).toEqual({ is: 'transfer', n: 3, callId: 'v3:a' });
    expect(fields).toEqual({
      to: '+12025550143',
      from: '+12025550100',
      time_limit_secs: 14_400,
      timeout_secs: 5,
      webhook_url: action,
    });
    await r.tell('streaming.stopped', { do: 'transfer', connection: { to: '+12025550143' } });
    expect(r.sent[1]?.fields['target_leg_client_state']).toBeUndefined();
  });

  it('an apology is said to its end before the caller is connected on, or hung up on', async () => {
    const spoken = { text: 'We are sorry.', language: 'en-GB', voice: 'Polly.Amy-Neural' };
    for (const [connection, last] of [
      [{ to: '+12025550143' }, 'transfer'],
      [undefined, 'hangup'],
    ] as const) {
      const r = rig();
      const told = r.tell('call.initiated', { do: 'apologise', spoken, connection });
      await r.settle();
      r.news.told('v3:a', 'call.answered');
      await r.settle();
      expect(r.actions()).toEqual(['answer', 'speak']);
      expect(r.sent[1]?.fields).toEqual({ payload: 'We are sorry.', voice: 'AWS.Polly.Amy-Neural', language: 'en-GB' });
      r.news.told('v3:a', 'call.speak.ended');
      await told;
      expect(r.actions()).toEqual(['answer', 'speak', last]);
    }
  });

  it('words whose end nobody tells of are waited for by their length, and no longer', async () => {
    const r = rig();
    const told = r.tell('streaming.failed', { do: 'apologise', spoken: { text: 'one two three four' } });
    await r.settle();
    r.clock.advance(5_999);
    await r.settle();
    expect(r.actions()).toEqual(['speak']);
    r.clock.advance(1);
    await told;
    expect(r.actions()).toEqual(['speak', 'hangup']);
    expect(r.news.size).toBe(0);
  });

  it('a caller who is turned away hears that it is busy, or words', async () => {
    const r = rig();
    await r.tell('call.initiated', { do: 'refuse' });
    expect(r.sent).toMatchObject([{ action: 'reject', fields: { cause: 'USER_BUSY' } }]);
    const told = r.tell('call.initiated', { do: 'refuse', spoken: { text: 'Later, please.' } });
    for (let i = 0; i < 3; i++) {
      await r.settle();
      for (const name of ['call.answered', 'call.speak.ended']) r.news.told('v3:a', name);
    }
    await told;
    expect(r.actions()).toEqual(['reject', 'answer', 'speak', 'hangup']);
    await r.tell('call.answered', { do: 'hang-up' });
    expect(r.actions().at(-1)).toBe('hangup');
  });
});
