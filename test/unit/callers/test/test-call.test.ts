import { expect, it } from 'vitest';
import { TestCall, type TestCallDeps } from '../../../../src/callers/test/http/test-call.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { fakeLog } from '../../../fakes/legs.ts';

it('hangs up a call that is only being made, and frees its place', async () => {
  const sent: string[] = [];
  const did: string[] = [];
  const assigned = Promise.withResolvers<never>();
  const arrival = { id: 'a1', free: () => void did.push('freed'), assign: () => assigned.promise };
  const deps = {
    intake: { admit: () => ({ ok: true, arrival }) },
    calls: { join: () => false },
    dispatch: { saysAddress: () => false },
    clock: new FakeClock(),
    log: fakeLog(),
    bufferBytes: 1_000_000,
    watch: () => {},
    forget: (_: TestCall, id: string | undefined) => void did.push(`forgot ${id}`),
  } as unknown as TestCallDeps;
  const call = new TestCall(
    {
      send: (text: string) => void sent.push(JSON.parse(text).type),
      sendBinary: () => {},
      close: () => void did.push('closed'),
      bufferedBytes: 0,
    } as unknown as ConstructorParameters<typeof TestCall>[0],
    deps,
  );
  call.text('{"type":"start"}');
  call.text('{"type":"hangup"}');
  expect(sent).toEqual(['ended']);
  expect(did).toEqual(['closed', 'freed', 'forgot a1']);
});
