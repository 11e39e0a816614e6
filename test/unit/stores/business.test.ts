import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { businessQueries } from '../../../src/stores/business.ts';
import { matchExpression, sectionsOf } from '../../../src/stores/knowledge.ts';
import { migrations } from '../../../src/stores/schema.ts';
import { seedExample } from '../../../src/stores/seed.ts';
import { openDatabase, transaction } from '../../../src/stores/sqlite.ts';
import { exampleBusiness, MONDAY, ZONE } from './support.ts';

const MARIA = '+12025550143';
const booking = {
  service: 'cleaning',
  start: '2025-11-24T09:00',
  name: 'Maria Santos',
  callId: 'call-1',
  callerNumber: MARIA,
};
const folders: string[] = [];
const tempFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-store-'));
  folders.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('the database', () => {
  it('is made with its folder, for its owner alone, and keeps what was written', () => {
    const path = join(tempFolder(), 'data', 'voicebridge.db');
    const first = openDatabase(path, migrations);
    expect(seedExample(first, 1)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(first.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' });
    first.close();
    const second = openDatabase(path, migrations);
    expect(second.prepare('SELECT count(*) AS n FROM callers').get()).toMatchObject({ n: 3 });
    second.close();
  });

  it('puts the example in once: what the owner deletes stays deleted', () => {
    const { db } = exampleBusiness();
    db.exec('DELETE FROM callers');
    expect(seedExample(db, 2)).toBe(false);
    expect(db.prepare('SELECT count(*) AS n FROM callers').get()).toMatchObject({ n: 0 });
  });

  it('applies each step of the schema once and refuses a database from the future', () => {
    const path = join(tempFolder(), 'x.db');
    const steps = [...migrations, { id: '0099-more', sql: 'CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT' }];
    openDatabase(path, steps).close();
    openDatabase(path, steps).close();
    expect(() => openDatabase(path, migrations)).toThrow(/newer version \(0099-more\)/);
  });

  it('says which file cannot be used, and undoes a step that fails', () => {
    const path = join(tempFolder(), 'x.db');
    writeFileSync(path, 'this is not a database, however long it may be'.repeat(100));
    expect(() => openDatabase(path, migrations)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    const other = join(tempFolder(), 'y.db');
    expect(() => openDatabase(other, [{ id: '1', sql: 'CREATE TABLE a (b) ; nonsense' }])).toThrow(/syntax error/);
    const db = openDatabase(other, []);
    expect(db.prepare("SELECT name FROM sqlite_master WHERE name = 'a'").get()).toBeUndefined();
  });

  it('keeps all of a transaction or nothing', () => {
    const { db } = exampleBusiness();
    expect(() =>
      transaction(db, () => {
        db.exec('DELETE FROM callers');
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(db.prepare('SELECT count(*) AS n FROM callers').get()).toMatchObject({ n: 3 });
    expect(db.isTransaction).toBe(false);
  });
});

describe('callers and messages', () => {
  it('finds, changes only what is given, and makes what is new', () => {
    const { callers } = exampleBusiness().business;
    expect(callers.find(MARIA)).toMatchObject({ name: 'Maria Santos', language: 'en' });
    expect(callers.update(MARIA, { notes: 'Moved.', name: undefined }, MONDAY)).toMatchObject({
      name: 'Maria Santos',
      notes: 'Moved.',
    });
    expect(callers.find('+12025550000')).toBeUndefined();
    expect(callers.update('+12025550000', { name: 'New' }, MONDAY)).toEqual({
      number: '+12025550000',
      name: 'New',
      email: null,
      language: null,
      notes: null,
    });
  });

  it('keeps a repeated message once, and its latest details', () => {
    const { db, business } = exampleBusiness();
    const message = { callId: 'c', body: 'Please call back', urgent: false, callerNumber: MARIA };
    const first = business.messages.leave(message, MONDAY);
    expect(business.messages.leave({ ...message, urgent: true, name: 'Maria' }, MONDAY + 1)).toEqual(first);
    business.messages.leave({ ...message, callId: 'd' }, MONDAY);
    expect(db.prepare('SELECT call_id, name, urgent FROM messages ORDER BY id').all()).toMatchObject([
      { call_id: 'c', name: 'Maria', urgent: 1 },
      { call_id: 'd', name: null, urgent: 0 },
    ]);
  });
});

describe('appointments', () => {
  it('offers times within opening hours, in the future, on the grid, long enough for the service', () => {
    const { appointments } = exampleBusiness().business;
    const slots = appointments.available({ service: 'whitening', from: '2025-11-24', days: 1, limit: 100 }, MONDAY);
    const starts = slots.map(({ start }) => start.slice(11));
    expect(starts[0]).toBe('08:00');
    expect(starts).toContain('11:00');
    expect(starts).not.toContain('11:15');
    expect(starts.at(-1)).toBe('17:00');
    const later = appointments.available(
      { service: 'whitening', from: '2025-11-24', days: 1, limit: 100 },
      MONDAY + 2 * 3_600_000,
    );
    expect(later[0]?.start).toBe('2025-11-24T09:15');
    expect(appointments.available({ service: 'whitening', from: '2025-11-23', days: 1, limit: 9 }, 0)).toEqual([]);
    expect(appointments.available({ service: 'nothing', from: '2025-11-24', days: 1, limit: 9 }, 0)).toEqual([]);
    expect(
      appointments.available(
        { service: 'check-up', from: '2025-11-24', days: 1, limit: 9, earliest: '17:00', latest: '17:15' },
        MONDAY,
      ),
    ).toMatchObject([{ start: '2025-11-24T17:00' }, { start: '2025-11-24T17:15' }]);
  });

  it('books, and gives every member of staff their own; then the slot is gone', () => {
    const { appointments } = exampleBusiness().business;
    const wish = { service: 'check-up', start: '2025-11-24T09:00', name: 'A', callId: 'c' };
    const staff = [1, 2].map(() => {
      const result = appointments.book(wish, MONDAY);
      return result.booked ? result.appointment.staff : undefined;
    });
    expect(staff.sort()).toEqual(['Dr. Amara Reyes', 'Dr. Daniel Okafor']);
    const third = appointments.book(wish, MONDAY);
    expect(third).toMatchObject({ booked: false, reason: 'taken' });
    expect(third.booked ? [] : third.alternatives).not.toHaveLength(0);
    expect(third.booked ? [] : third.alternatives.map(({ start }) => start)).not.toContain('2025-11-24T09:00');
    // A longer one that would reach into it is not possible either.
    expect(appointments.book({ ...booking, service: 'whitening', start: '2025-11-24T08:30' }, MONDAY)).toMatchObject({
      reason: 'taken',
    });
  });

  it('gives a caller who asks twice the same appointment', () => {
    const { appointments } = exampleBusiness().business;
    const first = appointments.book(booking, MONDAY);
    expect(first).toMatchObject({ booked: true, appointment: { service: 'Professional cleaning', minutes: 45 } });
    expect(appointments.book(booking, MONDAY)).toEqual(first);
    expect(appointments.upcoming(MARIA, MONDAY)).toHaveLength(1);
  });

  it.each([
    ['unknown_service', { service: 'surgery' }],
    ['invalid_time', { start: '2025-11-24T09:07' }],
    ['invalid_time', { start: '2025-02-30T09:00' }],
    ['in_the_past', { start: '2025-11-21T09:00' }],
    ['too_far_ahead', { start: '2027-11-22T09:00' }],
    ['closed', { start: '2025-11-24T12:15' }],
    ['closed', { start: '2025-11-24T11:30' }],
    ['closed', { start: '2025-11-23T09:00' }],
  ])('refuses with %s', (reason, change) => {
    const now = reason === 'closed' ? Date.parse('2025-11-20T12:00:00Z') : MONDAY;
    const { appointments } = exampleBusiness().business;
    expect(appointments.book({ ...booking, ...change }, now)).toMatchObject({ booked: false, reason });
  });

  it('is closed on a day of closure', () => {
    const { db, business } = exampleBusiness();
    db.exec("INSERT INTO closures VALUES ('2025-11-24', 'Works')");
    expect(business.appointments.book(booking, MONDAY)).toMatchObject({ reason: 'closed' });
  });

  it('lets one number hold five open appointments', () => {
    const { appointments } = exampleBusiness().business;
    for (const time of ['08:00', '09:00', '10:00', '11:00', '13:00'])
      expect(appointments.book({ ...booking, start: `2025-11-24T${time}` }, MONDAY)).toMatchObject({ booked: true });
    expect(appointments.book({ ...booking, start: '2025-11-24T15:00' }, MONDAY)).toMatchObject({ reason: 'too_many' });
  });

  it('cannot be overlapped even by writing past the program', () => {
    const { db, business } = exampleBusiness();
    business.appointments.book(booking, MONDAY);
    expect(() => db.exec('INSERT INTO booked_cells SELECT staff_id, cell, appointment_id FROM booked_cells')).toThrow(
      /UNIQUE/,
    );
  });

  it('cancels for the number that booked, or by name; the slot is free again', () => {
    const { appointments } = exampleBusiness().business;
    const book = () => {
      const result = appointments.book(booking, MONDAY);
      return result.booked ? result.appointment.reference : '';
    };
    const reference = book();
    expect(reference).toMatch(/^\d{6}$/);
    expect(appointments.cancel({ reference: '000000', callerNumber: MARIA }, MONDAY)).toMatchObject({
      reason: 'not_found',
    });
    expect(appointments.cancel({ reference, callerNumber: '+12025550000' }, MONDAY)).toMatchObject({
      reason: 'name_needed',
    });
    expect(appointments.cancel({ reference, name: 'Somebody' }, MONDAY)).toMatchObject({ reason: 'not_found' });
    expect(appointments.cancel({ reference, callerNumber: MARIA }, MONDAY)).toMatchObject({ cancelled: true });
    expect(appointments.cancel({ reference, callerNumber: MARIA }, MONDAY)).toMatchObject({ reason: 'not_found' });
    const again = book();
    expect(appointments.cancel({ reference: again, name: 'maría  SANTOS' }, MONDAY)).toMatchObject({ cancelled: true });
    const last = book();
    expect(appointments.cancel({ reference: last, callerNumber: MARIA }, MONDAY + 3 * 3_600_000)).toMatchObject({
      reason: 'in_the_past',
    });
  });
});

describe('knowledge', () => {
  it('is cut at headings, but not inside code', () => {
    expect(sectionsOf('intro\n# A\ntext\n## B\nmore\n```\n# not a heading\n```\n## Empty\n', 'x.md')).toEqual([
      { title: 'x.md', body: 'intro' },
      { title: 'A', body: 'text' },
      { title: 'A: B', body: 'more\n```\n# not a heading\n```' },
    ]);
  });

  it('takes the telling words of a question, and nothing of the search syntax', () => {
    expect(matchExpression('Where can I park my car?')).toBe('"park" OR "car"');
    expect(matchExpression('what is it')).toBe('"what" OR "is" OR "it"');
    expect(matchExpression('"park* NEAR(x) title:y -z^')).toBe('"park" OR "near" OR "x" OR "title" OR "y" OR "z"');
    expect(matchExpression('?!')).toBeUndefined();
  });

  it('finds the shipped sections by other forms of their words', () => {
    const { knowledge } = exampleBusiness(join(import.meta.dirname, '../../../knowledge')).business;
    knowledge.refresh();
    expect(knowledge.search('where can I park')[0]?.source).toBe('practice.md: The practice: Parking');
    expect(knowledge.search('do you accept Cigna?')[0]?.text).toContain('Delta Dental');
    expect(knowledge.search('my tooth was knocked out')[0]?.text).toContain('milk');
    expect(knowledge.search('quantum chromodynamics')).toEqual([]);
    for (const nasty of ['"', "';--", 'AND', 'a* OR', '\0', '(((', 'NEAR/2'])
      expect(() => knowledge.search(nasty)).not.toThrow();
  });

  it('of a file that became wrong stays as it was, and says so once', () => {
    const folder = tempFolder();
    const file = join(folder, 'a.md');
    writeFileSync(file, Buffer.from('\ufeff# Wifi\r\nThe password is on the wall.', 'utf16le'));
    const { knowledge } = exampleBusiness(folder).business;
    expect(knowledge.refresh()).toEqual({ files: 1, changed: 1 });
    expect(knowledge.search('wifi')).toMatchObject([{ source: 'a.md: Wifi', text: 'The password is on the wall.' }]);
    writeFileSync(file, Buffer.from('# Wifi\nTh\u00e9re is none.', 'latin1'));
    utimesSync(file, 1, 1);
    expect(knowledge.refresh()).toEqual({
      files: 1,
      changed: 0,
      problems: [`${file}: line 2: is not UTF-8: save the file as UTF-8`],
    });
    expect(knowledge.refresh()).toEqual({ files: 1, changed: 0 });
    expect(knowledge.search('wifi')).toMatchObject([{ text: 'The password is on the wall.' }]);
  });

  it('follows changed, new and removed files, and reads only those', () => {
    const folder = tempFolder();
    const file = join(folder, 'a.md');
    writeFileSync(file, '# Wifi\nThe password is on the wall.');
    const { knowledge } = exampleBusiness(folder).business;
    expect(knowledge.refresh()).toEqual({ files: 1, changed: 1 });
    expect(knowledge.refresh()).toEqual({ files: 1, changed: 0 });
    writeFileSync(file, '# Wifi\nThere is no network here.');
    utimesSync(file, 1, 1);
    expect(knowledge.refresh()).toEqual({ files: 1, changed: 1 });
    expect(knowledge.search('wifi')).toMatchObject([{ text: 'There is no network here.' }]);
    rmSync(file);
    expect(knowledge.refresh()).toEqual({ files: 0, changed: 1 });
    expect(knowledge.search('wifi')).toEqual([]);
  });
});

describe('who is nobody for certain', () => {
  const NOBODY = [
    '',
    'Anonymous',
    'anonymous',
    'withheld',
    '+266696687',
    '+17378742833',
    '+10000000000',
    'sip:alice@pbx.example.com',
    '1001',
    'client:',
  ];

  it.each(NOBODY)('%j: nothing is found and nothing kept of him', (key) => {
    const { db, business } = exampleBusiness();
    db.prepare('INSERT INTO callers VALUES (?, ?, NULL, NULL, ?, 1, 1)').run(key, 'Ada', 'asked for an HIV test');
    expect(business.callers.find(key)).toBeUndefined();
    expect(() => business.callers.update(key, { notes: 'x' }, MONDAY)).toThrow(
      expect.objectContaining({ code: 'CALLER_UNKNOWN' }),
    );
    const { appointments } = business;
    const booked = appointments.book({ ...booking, callerNumber: key }, MONDAY);
    if (!booked.booked) throw new Error(booked.reason);
    db.prepare('UPDATE appointments SET caller_number = ?').run(key);
    expect(appointments.upcoming(key, MONDAY)).toEqual([]);
    const { reference } = booked.appointment;
    expect(appointments.cancel({ reference, callerNumber: key }, MONDAY)).toMatchObject({ reason: 'name_needed' });
    expect(appointments.cancel({ reference, callerNumber: key, name: booking.name }, MONDAY)).toMatchObject({
      cancelled: true,
    });
  });

  it('books as often as one caller may, and no more, within a call', () => {
    const { business } = exampleBusiness();
    const { available, book } = business.appointments;
    const slots = available({ service: 'cleaning', from: '2025-11-25', days: 14, limit: 10 }, MONDAY);
    const results = slots.map(({ start }) =>
      book({ ...booking, start, callerNumber: undefined, callId: 'one' }, MONDAY),
    );
    expect(results.map((result) => result.booked).filter(Boolean)).toHaveLength(5);
    expect(results.at(-1)).toMatchObject({ booked: false, reason: 'too_many' });
    const [, second] = available({ service: 'cleaning', from: '2025-12-10', days: 5, limit: 4 }, MONDAY);
    expect(book({ ...booking, start: second!.start, callerNumber: undefined, callId: 'two' }, MONDAY)).toMatchObject({
      booked: true,
    });
  });

  it('is so in a database of before, too: what was kept of many goes, what was kept of a number is that number’s', () => {
    const path = join(tempFolder(), 'old.db');
    const [first] = migrations;
    const old = openDatabase(path, [first!]);
    seedExample(old, 1);
    const caller = old.prepare('INSERT INTO callers VALUES (?, ?, ?, NULL, ?, 1, 1)');
    for (const number of NOBODY.slice(0, 7)) caller.run(number, 'Ada', null, 'asked for an HIV test');
    caller.run('12025550143', 'Wrong', 'm@example.com', 'second notes');
    caller.run('sip:+12025550177@pbx.example.com', 'Lee', null, 'by SIP');
    caller.run('sip:alice@pbx.example.com', 'Alice', null, 'by name');
    const booking = old.prepare(
      "INSERT INTO appointments (reference, service_id, staff_id, starts_at, ends_at, caller_number, name, call_id, created_at) VALUES (?, 'check-up', 'reyes', 2e12, 2e12 + 1, ?, 'Ada', 'c', 1)",
    );
    booking.run('100001', 'Anonymous');
    booking.run('100002', '');
    booking.run('100003', '+1 202 555 0177');
    booking.run('100004', '+12025550143');
    old
      .prepare(
        "INSERT INTO messages (call_id, caller_number, body, callback_number, urgent, created_at) VALUES ('c', 'Anonymous', 'call me', '+266696687', 0, 1)",
      )
      .run();
    old.close();

    const db = openDatabase(path, migrations);
    const all = (sql: string) =>
      db
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }));
    expect(all("SELECT number FROM callers WHERE notes LIKE '%HIV%'")).toEqual([]);
    const business = businessQueries(db, { zone: ZONE });
    expect(business.callers.find('+12025550143')).toMatchObject({
      name: 'Maria Santos',
      email: 'maria.santos@example.com',
    });
    expect(business.callers.find('+12025550177')).toMatchObject({ name: 'Lee', notes: 'by SIP' });
    expect(all("SELECT number FROM callers WHERE number NOT LIKE '+%'")).toEqual([
      { number: 'sip:alice@pbx.example.com' },
    ]);
    expect(all('SELECT reference, caller_number AS who FROM appointments ORDER BY reference')).toEqual([
      { reference: '100001', who: null },
      { reference: '100002', who: null },
      { reference: '100003', who: '+12025550177' },
      { reference: '100004', who: '+12025550143' },
    ]);
    expect(all('SELECT caller_number, callback_number FROM messages')).toEqual([
      { caller_number: null, callback_number: null },
    ]);
    db.close();
    openDatabase(path, migrations).close();
  });
});

describe('a person who is known by more than a number', () => {
  const USER = 'whatsapp:US.13491208655302741918';
  const OTHER = 'whatsapp:US.22222222222222222222';

  it('is told what was kept under the number, and goes on being when the number is not told any more', () => {
    const { business } = exampleBusiness();
    const { callers, appointments } = business;
    const booked = appointments.book(booking, MONDAY);
    if (!booked.booked) throw new Error(booked.reason);
    expect(callers.find(USER)).toBeUndefined();
    callers.link(USER, MARIA);
    // The number is not told from here on: he goes by a username.
    expect(callers.find(USER)).toMatchObject({ number: USER, name: 'Maria Santos' });
    expect(appointments.upcoming(USER, MONDAY).map(({ reference }) => reference)).toEqual([
      booked.appointment.reference,
    ]);
    expect(callers.update(USER, { notes: 'prefers the afternoon' }, MONDAY)).toMatchObject({
      name: 'Maria Santos',
      notes: 'prefers the afternoon',
    });
    // The same booking once more is the same booking, and he may cancel it without a name.
    expect(appointments.book({ ...booking, callerNumber: USER }, MONDAY)).toEqual(booked);
    expect(appointments.cancel({ reference: booked.appointment.reference, callerNumber: USER }, MONDAY)).toMatchObject({
      cancelled: true,
    });
  });

  it('tells nothing to whoever shows the number alone, which can be forged', () => {
    const { business } = exampleBusiness();
    const { callers, appointments } = business;
    callers.link(USER, MARIA);
    callers.update(USER, { notes: 'told by WhatsApp' }, MONDAY);
    const booked = appointments.book({ ...booking, callerNumber: USER }, MONDAY);
    expect(callers.find(MARIA)?.notes).not.toBe('told by WhatsApp');
    expect(appointments.upcoming(MARIA, MONDAY)).toEqual([]);
    const reference = booked.booked ? booked.appointment.reference : '';
    expect(appointments.cancel({ reference, callerNumber: MARIA }, MONDAY)).toEqual({
      cancelled: false,
      reason: 'name_needed',
    });
  });

  it('loses the number to nobody: one that two people had is neither’s', () => {
    const { business } = exampleBusiness();
    const { callers } = business;
    callers.link(USER, MARIA);
    callers.update(USER, { language: 'es' }, MONDAY);
    callers.link(OTHER, MARIA);
    expect(callers.find(OTHER)).toBeUndefined();
    expect(callers.find(USER)).toEqual({ number: USER, name: null, email: null, language: 'es', notes: null });
    callers.link(USER, MARIA);
    expect(callers.find(USER)?.name).toBeNull();
  });

  it('is not made of what is no key', () => {
    const { business } = exampleBusiness();
    business.callers.link('Anonymous', MARIA);
    business.callers.link(MARIA, MARIA);
    expect(business.callers.find('Anonymous')).toBeUndefined();
    expect(business.callers.find(MARIA)).toMatchObject({ name: 'Maria Santos' });
  });
});
