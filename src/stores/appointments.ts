import { randomInt } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { canBeRemembered } from '../numbering/party.ts';
import { addDays, instantOf, localTime, spoken } from '../zone.ts';
import { KEYS_OF_PERSON } from './callers.ts';
import { openingQueries } from './opening.ts';
import { CELL_MINUTES } from './schema.ts';
import { transaction } from './sqlite.ts';

/** Appointments: what is free, booking and cancelling. Local times are `YYYY-MM-DDTHH:MM` in the business's zone. */

export interface Service {
  readonly id: string;
  readonly name: string;
  readonly minutes: number;
  readonly price: string;
}

export interface Slot {
  readonly start: string;
  readonly spoken: string;
}

export interface Appointment extends Slot {
  readonly reference: string;
  readonly service: string;
  readonly staff: string;
  readonly minutes: number;
  readonly name: string;
}

export interface AvailabilityQuery {
  readonly service: string;
  /** First day, YYYY-MM-DD. */
  readonly from: string;
  readonly days: number;
  /** HH:MM; only starts within them. */
  readonly earliest?: string | undefined;
  readonly latest?: string | undefined;
  readonly limit: number;
}

export interface Booking {
  readonly service: string;
  readonly start: string;
  readonly name: string;
  /** Key of the caller who books; undefined: nobody is remembered by it. */
  readonly callerNumber?: string | undefined;
  readonly notes?: string | undefined;
  readonly callId: string;
}

export type BookingRefusal =
  | 'unknown_service'
  | 'invalid_time'
  | 'in_the_past'
  | 'too_far_ahead'
  | 'closed'
  | 'taken'
  | 'too_many';

export type BookingResult =
  | { readonly booked: true; readonly appointment: Appointment }
  | { readonly booked: false; readonly reason: BookingRefusal; readonly alternatives: readonly Slot[] };

export type CancelResult =
  | { readonly cancelled: true; readonly appointment: Appointment }
  | { readonly cancelled: false; readonly reason: 'not_found' | 'name_needed' | 'in_the_past' };

const CELL_MS = CELL_MINUTES * 60_000;
const DAYS_MOST = 31;
const AHEAD_MOST_DAYS = 365;
/** Open appointments of one caller, or of one call where the caller is nobody for certain: a confused or abused agent cannot fill the calendar. */
const OPEN_MOST = 5;

export function appointmentQueries(db: DatabaseSync, zone: string) {
  const opening = openingQueries(db, zone);
  const services = db.prepare('SELECT id, name, minutes, price FROM services ORDER BY position, id');
  const serviceById = db.prepare('SELECT id, name, minutes, price FROM services WHERE id = ?');
  // Staff who give the service and have no booked cell in [from, to); who has least to do that day comes first.
  const freeStaff = db.prepare(`
    SELECT ss.staff_id AS id FROM staff_services ss
    WHERE ss.service_id = :service
      AND NOT EXISTS (SELECT 1 FROM booked_cells c WHERE c.staff_id = ss.staff_id AND c.cell >= :from AND c.cell < :to)
    ORDER BY (SELECT count(*) FROM booked_cells c WHERE c.staff_id = ss.staff_id AND c.cell >= :from - 96 AND c.cell < :to + 96), ss.staff_id
    LIMIT 1`);
  const bookedCells = db.prepare(`
    SELECT c.staff_id AS staff, c.cell AS cell FROM booked_cells c
    JOIN staff_services ss ON ss.staff_id = c.staff_id AND ss.service_id = :service
    WHERE c.cell >= :from AND c.cell < :to`);
  const staffOf = db.prepare('SELECT staff_id AS id FROM staff_services WHERE service_id = ?');
  const insert = db.prepare(`
    INSERT INTO appointments (reference, service_id, staff_id, starts_at, ends_at, caller_number, name, notes, call_id, created_at)
    VALUES (:reference, :service, :staff, :startsAt, :endsAt, :callerNumber, :name, :notes, :callId, :now) RETURNING id`);
  const occupy = db.prepare('INSERT INTO booked_cells (staff_id, cell, appointment_id) VALUES (?, ?, ?)');
  const free = db.prepare('DELETE FROM booked_cells WHERE appointment_id = ?');
  const cancelRow = db.prepare('UPDATE appointments SET cancelled_at = ? WHERE id = ?');
  const columns = `a.id, a.reference, a.starts_at AS startsAt, a.ends_at AS endsAt, a.name, a.caller_number AS callerNumber,
    s.id AS serviceId, s.name AS service, st.name AS staff
    FROM appointments a JOIN services s ON s.id = a.service_id JOIN staff st ON st.id = a.staff_id
    WHERE a.cancelled_at IS NULL`;
  const byReference = db.prepare(`SELECT ${columns} AND a.reference = ?`);
  const byId = db.prepare(`SELECT ${columns} AND a.id = ?`);
  const ofCaller = db.prepare(
    `SELECT ${columns} AND a.caller_number IN ${KEYS_OF_PERSON} AND a.starts_at > ?2 ORDER BY a.starts_at LIMIT 20`,
  );
  const isHis = db.prepare(`SELECT 1 WHERE ?2 IN ${KEYS_OF_PERSON}`);
  const ofCall = db.prepare(
    `SELECT ${columns} AND a.caller_number IS NULL AND a.call_id = ? AND a.starts_at > ? ORDER BY a.starts_at LIMIT 20`,
  );
  const referenceTaken = db.prepare('SELECT 1 FROM appointments WHERE reference = ?');

  const slot = (start: number): Slot => {
    const { date, time } = localTime(start, zone);
    return { start: `${date}T${time}`, spoken: spoken(start, zone) };
  };
  const appointment = (row: Record<string, unknown>): Appointment => ({
    reference: String(row['reference']),
    service: String(row['service']),
    staff: String(row['staff']),
    minutes: (Number(row['endsAt']) - Number(row['startsAt'])) / 60_000,
    name: String(row['name']),
    ...slot(Number(row['startsAt'])),
  });
  const service = (id: string): Service | undefined => serviceById.get(id) as Service | undefined;

  const newReference = (): string => {
    for (;;) {
      // Six digits are easy to say and to hear on a telephone.
      const reference = String(randomInt(100_000, 1_000_000));
      if (referenceTaken.get(reference) === undefined) return reference;
    }
  };

  const available = (query: AvailabilityQuery, now: number): Slot[] => {
    const wanted = service(query.service);
    if (wanted === undefined) return [];
    const lengthMs = wanted.minutes * 60_000;
    const cells = wanted.minutes / CELL_MINUTES;
    const staff = staffOf.all(query.service).map((row) => String(row['id']));
    const found: Slot[] = [];
    const perDay = Math.max(3, Math.ceil(query.limit / Math.max(1, Math.min(query.days, 4))));
    for (let day = 0; day < Math.min(query.days, DAYS_MOST) && found.length < query.limit; day++) {
      const date = addDays(query.from, day);
      const starts = opening.starts(date, lengthMs).filter((start) => {
        const { time } = localTime(start, zone);
        return start > now && time >= (query.earliest ?? '00:00') && time <= (query.latest ?? '23:59');
      });
      const [first, last] = [starts[0], starts.at(-1)];
      if (first === undefined || last === undefined) continue;
      const taken = new Set(
        bookedCells
          .all({ service: query.service, from: cellOf(first), to: cellOf(last + lengthMs) })
          .map((row) => `${row['staff']}/${row['cell']}`),
      );
      const open = starts.filter((start) =>
        staff.some((id) =>
          Array.from({ length: cells }, (_, i) => i).every((i) => !taken.has(`${id}/${cellOf(start) + i}`)),
        ),
      );
      // A few of each day, spread over it: nobody can listen to forty times.
      for (const start of spread(open, Math.min(perDay, query.limit - found.length))) found.push(slot(start));
    }
    return found;
  };

  return {
    /** What can be booked. */
    services: (): Service[] => services.all() as unknown as Service[],

    /** Free starts, in order. An unknown service has none. `now` is epoch ms. */
    available,

    /** Future appointments of a caller, in order; none of who is no caller for certain. */
    upcoming: (key: string, now: number): Appointment[] =>
      canBeRemembered(key) ? ofCaller.all(key, now).map(appointment) : [],

    /**
     * Books the slot, or says why not and what is free instead. The same caller booking the same once more gets the same appointment: a
     * model that repeats a call does no harm. Of two who want the last slot one gets it, whatever process they are in.
     */
    book(booking: Booking, now: number): BookingResult {
      const refuse = (reason: BookingRefusal, from = localTime(now, zone).date): BookingResult => ({
        booked: false,
        reason,
        alternatives: available({ service: booking.service, from, days: 7, limit: 4 }, now),
      });
      const wanted = service(booking.service);
      if (wanted === undefined) return refuse('unknown_service');
      const [date = '', time = ''] = booking.start.split('T');
      const start = instantOf(date, time, zone);
      if (start === undefined || start % CELL_MS !== 0) return refuse('invalid_time');
      if (start <= now) return refuse('in_the_past');
      if (start > now + AHEAD_MOST_DAYS * 86_400_000) return refuse('too_far_ahead');
      const end = start + wanted.minutes * 60_000;
      const key = keyOf(booking.callerNumber);

      const done = transaction(db, (): Appointment | BookingRefusal => {
        const open = key === undefined ? ofCall.all(booking.callId, now) : ofCaller.all(key, now);
        const same = key && open.find((row) => row['serviceId'] === wanted.id && row['startsAt'] === start);
        if (same) return appointment(same);
        if (!opening.covers(date, start, end)) return 'closed';
        if (open.length >= OPEN_MOST) return 'too_many';
        const staff = freeStaff.get({ service: wanted.id, from: cellOf(start), to: cellOf(end) });
        if (staff === undefined) return 'taken';
        const inserted = insert.get({
          reference: newReference(),
          service: wanted.id,
          staff: staff['id'] as string,
          startsAt: start,
          endsAt: end,
          callerNumber: key ?? null,
          name: booking.name,
          notes: booking.notes ?? null,
          callId: booking.callId,
          now,
        });
        const id = Number(inserted?.['id']);
        for (let cell = cellOf(start); cell < cellOf(end); cell++) occupy.run(staff['id'] as string, cell, id);
        return appointment(byId.get(id)!);
      });
      return typeof done === 'string' ? refuse(done, date) : { booked: true, appointment: done };
    },

    /**
     * Cancels by reference. It is enough to be the caller who booked; anybody else, and who is nobody for certain, must know the name, too,
     * because a reference can be guessed and a caller's number cannot be relied on.
     */
    cancel(
      request: { reference: string; callerNumber?: string | undefined; name?: string | undefined },
      now: number,
    ): CancelResult {
      return transaction(db, (): CancelResult => {
        const row = byReference.get(request.reference);
        if (row === undefined) return { cancelled: false, reason: 'not_found' };
        const key = keyOf(request.callerNumber);
        const own = key !== undefined && isHis.get(key, row['callerNumber'] as string | null) !== undefined;
        if (!own && request.name === undefined) return { cancelled: false, reason: 'name_needed' };
        if (!own && plain(request.name ?? '') !== plain(String(row['name'])))
          return { cancelled: false, reason: 'not_found' };
        if (Number(row['startsAt']) <= now) return { cancelled: false, reason: 'in_the_past' };
        free.run(row['id'] as number);
        cancelRow.run(now, row['id'] as number);
        return { cancelled: true, appointment: appointment(row) };
      });
    },
  };
}

/** The text, where it is the key of a caller. */
function keyOf(text: string | undefined): string | undefined {
  return text !== undefined && canBeRemembered(text) ? text : undefined;
}

function cellOf(ms: number): number {
  return Math.floor(ms / CELL_MS);
}

/** At most `count` of the values, evenly spread, the first among them. */
function spread<T>(values: readonly T[], count: number): T[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)]!);
}

/** A name without case, accents and spaces: what a speech model hears is not what was typed. */
function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase();
}
