import type { DatabaseSync } from 'node:sqlite';
import { type BusinessQueries, businessQueries } from '../../../src/stores/business.ts';
import { migrations } from '../../../src/stores/schema.ts';
import { seedExample } from '../../../src/stores/seed.ts';
import { openDatabase } from '../../../src/stores/sqlite.ts';

export const ZONE = 'America/New_York';
/** Monday, 24 November 2025, 07:00 in New York. */
export const MONDAY = Date.parse('2025-11-24T12:00:00Z');

export function exampleBusiness(knowledge?: string): { db: DatabaseSync; business: BusinessQueries } {
  const db = openDatabase(':memory:', migrations);
  seedExample(db, MONDAY);
  return { db, business: businessQueries(db, { zone: ZONE, knowledge }) };
}
