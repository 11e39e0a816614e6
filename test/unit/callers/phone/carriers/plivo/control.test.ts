import { describe, expect, it } from 'vitest';
import { PlivoCalls } from '../../../../../../src/callers/phone/carriers/plivo/calls.ts';
import { PlivoControl } from '../../../../../../src/callers/phone/carriers/plivo/control.ts';
import { plivoCarrier } from '../../../../../../src/callers/phone/carriers/plivo/index.ts';
import { FakeClock } from '../../../../../fakes/clock.ts';

const ID = 'MA0123456789ABCDEF01';
const TO = '+12025550143';
const FROM = '+12025550100';
const URL_ = 'https://voice.example.com/incoming-call';

/** A control whose requests are written down, and answered so. */
function rig(status = 201, body: object = { request_uuid: 'order-1' }) {
  const asked: Array<{ method: string; url: string; body: Record<string, unknown>; authorization: string }> = [];
  const calls = new PlivoCalls();
  const control = new PlivoControl({
    authId: ID,
    authToken: 'auth-token-of-the-account',
    calls,
    host: (document) => `https://voice.example.com/hosted-document?document=${encodeURIComponent(document)}`,
    clock: new FakeClock(),
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers);
      asked.push({
        method: init?.method ?? '',
        url: String(url),
        body: JSON.parse(String(init?.body)),
        authorization: headers.get('authorization') ?? '',
      });
      return status === 204 ? new Response(null, { status }) : Response.json(body, { status });
    },
  });
  return { control, calls, asked };
}

describe("Plivo's control", () => {
  it('places a call with numbers that have no plus, and is told what rings, answers and ends, and who answered', async () => {
    const { control, asked } = rig();
    const statusCallback = 'https://voice.example.com/call-status';
    const order = {
      to: TO,
      from: FROM,
      url: URL_,
      statusCallback,
      machineDetection: 'detect',
      timeoutSeconds: 25,
    } as const;
    expect(await control.dial(order)).toBe('order-1');
    expect(asked).toEqual([
      {
        method: 'POST',
        url: `https://api.plivo.com/v1/Account/${ID}/Call/`,
        authorization: `Basic ${Buffer.from(`${ID}:auth-token-of-the-account`).toString('base64')}`,
        body: {
          to: '12025550143',
          from: '12025550100',
          answer_url: URL_,
          answer_method: 'POST',
          ring_url: statusCallback,
          ring_method: 'POST',
          hangup_url: statusCallback,
          hangup_method: 'POST',
          ring_timeout: 25,
          machine_detection: 'true',
          machine_detection_url: statusCallback,
          machine_detection_method: 'POST',
        },
      },
    ]);
  });

  it('has what rings told at the answer URL where no other was given: that names the call', async () => {
    const { control, asked } = rig();
    await control.dial({ to: TO, from: FROM, url: URL_ });
    expect(asked[0]?.body).toMatchObject({ ring_url: URL_, hangup_url: URL_ });
  });

  it('cannot wait for the end of a greeting, and says so before anything is sent', async () => {
    const { control, asked } = rig();
    await expect(
      control.dial({ to: TO, from: FROM, url: URL_, machineDetection: 'message-end' }),
    ).rejects.toMatchObject({
      code: 'CONTROL_UNSUPPORTED',
    });
    expect(asked).toEqual([]);
  });

  it('[plivo] digits out: over REST, of the call that the order became', async () => {
    const { control, calls, asked } = rig(202, {});
    calls.tell('order-1', 'call-1');
    await control.sendDigits('order-1', '1w#');
    expect(asked).toMatchObject([
      { url: `https://api.plivo.com/v1/Account/${ID}/Call/call-1/DTMF/`, body: { digits: '1w#', leg: 'aleg' } },
    ]);
  });

  it('hangs up by the order’s id until the call’s is known', async () => {
    const { control, calls, asked } = rig(204);
    await control.hangup('order-1');
    calls.tell('order-1', 'call-1');
    await control.hangup('order-1');
    expect(asked.map(({ method, url }) => `${method} ${url.split('/').at(-2)}`)).toEqual([
      'DELETE order-1',
      'DELETE call-1',
    ]);
  });

  it('tells in its error what Plivo says, without numbers', async () => {
    const { control } = rig(400, { api_id: 'x', error: 'from 12025550100 is not a number of the account' });
    const error = await control.dial({ to: TO, from: FROM, url: URL_ }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'CONTROL_REJECTED',
      message: expect.stringContaining('is not a number of the account'),
    });
    expect(String(error)).not.toContain('2025550100');
  });

  it('says that there is no such account, which is no call that is over', async () => {
    const { control } = rig(404, { error: 'not found' });
    await expect(control.dial({ to: TO, from: FROM, url: URL_ })).rejects.toMatchObject({ code: 'CONTROL_REJECTED' });
  });
});

describe('a call that is hung up at Plivo when it is answered', () => {
  /** The API takes the id of the order no more, and that of the call until it is over. */
  function answering() {
    const asked: string[] = [];
    const calls = new PlivoCalls();
    const clock = new FakeClock();
    const control = new PlivoControl({
      authId: ID,
      authToken: 'auth-token-of-the-account',
      calls,
      host: () => '',
      clock,
      fetch: async (url, init) => {
        if (init?.method === 'POST') return Response.json({ request_uuid: 'order-1' }, { status: 201 });
        const id = String(url).split('/').at(-2) ?? '';
        asked.push(id);
        return id === 'call-1'
          ? new Response(null, { status: 204 })
          : Response.json({ error: 'none' }, { status: 404 });
      },
    });
    return { asked, calls, clock, control };
  }
  const settled = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };

  it('is hung up by its own id as soon as a webhook tells that', async () => {
    const { asked, calls, control } = answering();
    await control.dial({ to: TO, from: FROM, url: URL_ });
    const over = control.hangup('order-1');
    await settled();
    expect(asked).toEqual(['order-1']);
    calls.tell('another', 'call-2');
    calls.tell('order-1', 'call-1');
    await over;
    expect(asked).toEqual(['order-1', 'call-1']);
  });

  it('is over where none tells it within three seconds', async () => {
    const { asked, clock, control } = answering();
    await control.dial({ to: TO, from: FROM, url: URL_ });
    let isOver = false;
    const over = control.hangup('order-1').then(() => {
      isOver = true;
    });
    await settled();
    clock.advance(2_999);
    await settled();
    expect(isOver).toBe(false);
    clock.advance(1);
    await over;
    expect(asked).toEqual(['order-1']);
  });

  it('is not waited for where it was never ordered here, or its own id is known', async () => {
    const { asked, calls, control } = answering();
    await control.hangup('order-2');
    calls.tell('order-3', 'call-3');
    await control.hangup('order-3');
    expect(asked).toEqual(['order-2', 'call-3']);
  });
});

describe('the two ids of a call at Plivo', () => {
  it('are forgotten when ten thousand newer ones are known, the oldest first', () => {
    const calls = new PlivoCalls();
    for (let i = 0; i <= 10_000; i++) calls.tell(`order-${i}`, `call-${i}`);
    expect([0, 1, 10_000].map((i) => calls.idOf(`order-${i}`))).toEqual(['order-0', 'call-1', 'call-10000']);
  });
});

describe('Plivo’s settings', () => {
  it('that are set in part say what is missing', () => {
    const problems = (set: object) =>
      plivoCarrier.problems?.({
        PLIVO_AUTH_TOKEN: [],
        PLIVO_CODEC: 'PCMU@8000h',
        PLIVO_L16_BYTE_ORDER: 'auto',
        ...set,
      } as never);
    expect(problems({})).toEqual([]);
    expect(problems({ PLIVO_AUTH_ID: ID })).toEqual([expect.stringMatching(/^PLIVO_AUTH_ID: needs PLIVO_AUTH_TOKEN/)]);
    expect(problems({ PLIVO_AUTH_ID: ID, PLIVO_AUTH_TOKEN: ['t'] })).toEqual([]);
  });
});
