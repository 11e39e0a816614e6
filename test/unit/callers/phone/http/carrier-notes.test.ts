import { expect, it } from 'vitest';
import type { Carriers } from '../../../../../src/callers/phone/carriers/index.ts';
import { CarrierNotes } from '../../../../../src/callers/phone/http/carrier-notes.ts';
import type { Webhook } from '../../../../../src/callers/phone/http/webhook.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

const webhook = (carrier: string): Webhook => ({
  carrier,
  accountId: '',
  carrierCallId: 'c-1',
  params: { event_type: 'call.answered' },
  query: {},
  proven: true,
});

it('what a carrier tells one process is heard once by each other one, and what is no such news by none', async () => {
  const channel = new LocalMemory({ clock: new FakeClock() }).channel({ name: 'carrier-notes' });
  const heard: string[] = [];
  const process = (self: string) => {
    const noted = ({ carrierCallId, params }: { carrierCallId: string; params: Webhook['params'] }) =>
      void heard.push(`${self} ${carrierCallId} ${params['event_type']}`);
    const known: Record<string, object> = { patient: { webhook: { noted } }, other: { webhook: {} } };
    return new CarrierNotes({ channel, self, carriers: { get: (name: string) => known[name] } as unknown as Carriers });
  };
  const [here, there] = [process('here'), process('there')];
  here.tell(webhook('patient'));
  here.tell(webhook('other'));
  for (const text of ['no JSON', '[]', '{}', '{"by":"x","webhook":{"carrier":"nobody"}}']) channel.publish(text);
  await Promise.resolve();
  expect(heard).toEqual(['there c-1 call.answered']);
  there.close();
  here.tell(webhook('patient'));
  await Promise.resolve();
  expect(heard).toHaveLength(1);
});
