import { generateKeyPairSync, sign } from 'node:crypto';
import Telnyx from 'telnyx';
import { describe, expect, it } from 'vitest';
import { TelnyxSignatures } from '../../../../../../src/callers/phone/carriers/telnyx/signature.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
/** As the portal shows it: the 32 bytes, in base64. */
const KEY = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
const BODY = '{"data":{"event_type":"call.initiated","payload":{"call_control_id":"v3:é"}}}';

const headersOf = (body: string, seconds: number) => ({
  'telnyx-timestamp': String(seconds),
  'telnyx-signature-ed25519': sign(null, Buffer.from(`${seconds}|${body}`), privateKey).toString('base64'),
});

function rig(keys: readonly string[] = [KEY]) {
  let wall = 1_700_000_000_000;
  const signatures = new TelnyxSignatures(keys, () => wall);
  return {
    now: () => wall / 1_000,
    wait: (ms: number) => {
      wall += ms;
    },
    proves: (headers: Record<string, string>, body = BODY) => signatures.proves(headers, body),
  };
}

describe('the signature of Telnyx webhooks', () => {
  it("[telnyx] webhook signature: what the carrier's own library takes is taken, and what it refuses is refused", async () => {
    const client = new Telnyx({ apiKey: 'KEY', publicKey: KEY });
    const now = Math.floor(Date.now() / 1_000);
    const good = headersOf(BODY, now);
    const [other = ''] = good['telnyx-signature-ed25519'].match(/^.{10}/) ?? [];
    const cases: ReadonlyArray<readonly [headers: Record<string, string>, body: string]> = [
      [good, BODY],
      [headersOf(BODY, now - 290), BODY],
      [headersOf(BODY, now + 290), BODY],
      [good, BODY.replace('v3', 'v2')],
      [{ ...good, 'telnyx-timestamp': String(now - 1) }, BODY],
      [headersOf(BODY, now - 310), BODY],
      [headersOf(BODY, now + 310), BODY],
      [{ 'telnyx-timestamp': String(now) }, BODY],
      [{ 'telnyx-signature-ed25519': good['telnyx-signature-ed25519'] }, BODY],
      [{ ...good, 'telnyx-signature-ed25519': other }, BODY],
      [{ ...good, 'telnyx-signature-ed25519': Buffer.alloc(64, 1).toString('base64') }, BODY],
      [{ ...good, 'telnyx-timestamp': 'soon' }, BODY],
    ];
    const verdicts: boolean[] = [];
    for (const [headers, body] of cases) {
      const theirs = await client.webhooks.unwrap(body, { headers }).then(
        () => true,
        () => false,
      );
      const ours = new TelnyxSignatures([KEY], () => Date.now()).proves(headers, body);
      expect([headers, body, ours]).toEqual([headers, body, theirs]);
      verdicts.push(ours);
    }
    expect(verdicts.filter(Boolean)).toHaveLength(3);
  });

  it('[telnyx] webhook signature: a replay is refused, however often, and a repetition has a signature of its own', () => {
    const r = rig();
    const headers = headersOf(BODY, r.now());
    expect(r.proves(headers)).toBe(true);
    expect(r.proves(headers)).toBe(false);
    // Another spelling of the same bytes is the same signature.
    const spelt = headers['telnyx-signature-ed25519'].replace(/=+$/, '');
    expect(r.proves({ ...headers, 'telnyx-signature-ed25519': spelt })).toBe(false);
    r.wait(1_000);
    expect(r.proves(headersOf(BODY, r.now()))).toBe(true);
    r.wait(299_000);
    expect(r.proves(headers)).toBe(false);
    r.wait(400_000);
    expect(r.proves(headers)).toBe(false);
  });

  it('is taken of two keys while one is being rotated, and of none where none is set', () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
    const old = other.subarray(-32).toString('base64');
    const two = rig([old, KEY]);
    expect(two.proves(headersOf(BODY, two.now()))).toBe(true);
    const one = rig([old]);
    expect(one.proves(headersOf(BODY, one.now()))).toBe(false);
    const none = rig([]);
    expect(none.proves(headersOf(BODY, none.now()))).toBe(false);
  });

  it('is not remembered for longer than it could be replayed', () => {
    const r = rig();
    for (let i = 0; i < 2_000; i++) {
      expect(r.proves(headersOf(`${i}`, r.now()), `${i}`)).toBe(true);
      r.wait(1_000);
    }
  });
});
