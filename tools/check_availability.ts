import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM, 00:00 to 23:59');

export default defineTool({
  description:
    'Gives free appointment times for a service, from a day on. Offer two or three of them, not all. Times are local to the business.',
  parameters: z.object({
    service: z
      .string()
      .min(1)
      .max(60)
      .describe('Id of the service, e.g. "check-up". A wrong one is answered with the list.'),
    date: z.iso.date().describe('First day to look at, YYYY-MM-DD.'),
    days: z.int().min(1).max(14).default(3).describe('How many days to look at, 1 to 14.'),
    earliest: time.describe('Not before this time of day, HH:MM.').optional(),
    latest: time.describe('Not starting after this time of day, HH:MM.').optional(),
  }),
  touches: ['appointments'],
  timeoutMs: 4_000,
  async execute({ service, date, days, earliest, latest }, { store, clock }) {
    const services = await store.appointments.services();
    const wanted = services.find(({ id }) => id === service);
    if (wanted === undefined) return { error: 'unknown_service', services };
    const query = { service, from: date, days, earliest, latest, limit: 8 };
    const slots = await store.appointments.available(query, clock.wall());
    return { service: wanted, slots };
  },
});
