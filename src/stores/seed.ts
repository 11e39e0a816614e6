import type { DatabaseSync } from 'node:sqlite';
import { transaction } from './sqlite.ts';

/**
 * A small example business, so that a fresh installation has something to talk about. It is put in once and never again: what the owner
 * changes or deletes stays so.
 */

const SERVICES = [
  ['check-up', 'Check-up', 30, '95 dollars'],
  ['cleaning', 'Professional cleaning', 45, '120 dollars'],
  ['whitening', 'Whitening', 60, '280 dollars'],
  ['emergency', 'Emergency visit', 30, '150 dollars'],
] as const;

const STAFF = [
  ['reyes', 'Dr. Amara Reyes', ['check-up', 'emergency', 'whitening']],
  ['okafor', 'Dr. Daniel Okafor', ['check-up', 'emergency']],
  ['lind', 'Sofia Lind', ['cleaning']],
] as const;

/** Weekday (0 is Sunday), opens, closes. */
const HOURS = [
  [1, '08:00', '12:00'],
  [1, '13:00', '18:00'],
  [2, '08:00', '12:00'],
  [2, '13:00', '18:00'],
  [3, '08:00', '12:00'],
  [4, '08:00', '12:00'],
  [4, '13:00', '20:00'],
  [5, '08:00', '12:00'],
  [5, '13:00', '16:00'],
  [6, '09:00', '13:00'],
] as const;

/** Numbers from the range kept for fiction: https://nationalnanpa.com/number_resource_info/555_numbers.html */
const CALLERS = [
  ['+12025550143', 'Maria Santos', 'maria.santos@example.com', 'en', 'Prefers mornings. Allergic to penicillin.'],
  ['+12025550178', 'James Whitfield', null, 'en', 'Nervous patient: be patient and explain each step.'],
  ['+12025550119', 'Léa Martin', 'lea.martin@example.com', 'fr', null],
] as const;

/** Puts the example in if that was never done on this database. `now` is epoch ms. True when it was done now. */
export function seedExample(db: DatabaseSync, now: number): boolean {
  return transaction(db, () => {
    const done = db.prepare('INSERT OR IGNORE INTO notes_of_setup (name, done_at) VALUES (?, ?)').run('example', now);
    if (done.changes === 0) return false;
    db.prepare('INSERT INTO business (id, name, phone, address) VALUES (1, ?, ?, ?)').run(
      'Lakeside Dental',
      '+12025550100',
      '14 Lakeside Road',
    );
    const service = db.prepare('INSERT INTO services (id, name, minutes, price, position) VALUES (?, ?, ?, ?, ?)');
    SERVICES.forEach(([id, name, minutes, price], position) => {
      service.run(id, name, minutes, price, position);
    });
    const staff = db.prepare('INSERT INTO staff (id, name) VALUES (?, ?)');
    const skill = db.prepare('INSERT INTO staff_services (staff_id, service_id) VALUES (?, ?)');
    for (const [id, name, services] of STAFF) {
      staff.run(id, name);
      for (const given of services) skill.run(id, given);
    }
    const hours = db.prepare('INSERT INTO opening_hours (weekday, opens, closes) VALUES (?, ?, ?)');
    for (const [weekday, opens, closes] of HOURS) hours.run(weekday, opens, closes);
    const caller = db.prepare(
      'INSERT INTO callers (number, name, email, language, notes, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    for (const [number, name, email, language, notes] of CALLERS)
      caller.run(number, name, email, language, notes, now, now);
    return true;
  });
}
