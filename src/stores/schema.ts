import { rekeyCallers } from './rekey.ts';
import type { Migration } from './sqlite.ts';

/**
 * The business's tables. Moments are epoch milliseconds. A caller's number is his key, as `memoryKey` of `src/call/party.ts` gives it: E.164, or
 * an identity that was proven; of messages, who left it for people to read. NULL: nobody for certain.
 *
 * No double booking is a constraint, not a check: an appointment occupies cells of 15 minutes of one member of staff, and a cell exists
 * once. Whatever the program does, and however many processes do it, two appointments cannot overlap.
 */
export const CELL_MINUTES = 15;

const business = `
CREATE TABLE business (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  phone TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;

CREATE TABLE services (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  minutes INTEGER NOT NULL CHECK (minutes > 0 AND minutes % ${CELL_MINUTES} = 0),
  price TEXT NOT NULL,
  position INTEGER NOT NULL
) STRICT;

CREATE TABLE staff (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;

CREATE TABLE staff_services (
  staff_id TEXT NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
  service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
  PRIMARY KEY (staff_id, service_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE opening_hours (
  weekday INTEGER NOT NULL CHECK (weekday BETWEEN 0 AND 6),
  opens TEXT NOT NULL CHECK (opens GLOB '[0-2][0-9]:[0-5][0-9]'),
  closes TEXT NOT NULL CHECK (closes GLOB '[0-2][0-9]:[0-5][0-9]' AND closes > opens),
  PRIMARY KEY (weekday, opens)
) STRICT, WITHOUT ROWID;

CREATE TABLE closures (
  date TEXT PRIMARY KEY CHECK (date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE callers (
  number TEXT PRIMARY KEY,
  name TEXT,
  email TEXT,
  language TEXT,
  notes TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE appointments (
  id INTEGER PRIMARY KEY,
  reference TEXT NOT NULL UNIQUE,
  service_id TEXT NOT NULL REFERENCES services (id),
  staff_id TEXT NOT NULL REFERENCES staff (id),
  starts_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL CHECK (ends_at > starts_at),
  caller_number TEXT,
  name TEXT NOT NULL,
  notes TEXT,
  call_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  cancelled_at INTEGER
) STRICT;
CREATE INDEX appointments_by_caller ON appointments (caller_number, starts_at) WHERE cancelled_at IS NULL;

CREATE TABLE booked_cells (
  staff_id TEXT NOT NULL REFERENCES staff (id),
  cell INTEGER NOT NULL,
  appointment_id INTEGER NOT NULL REFERENCES appointments (id) ON DELETE CASCADE,
  PRIMARY KEY (staff_id, cell)
) STRICT, WITHOUT ROWID;
CREATE INDEX booked_cells_by_appointment ON booked_cells (appointment_id);

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  call_id TEXT NOT NULL,
  caller_number TEXT,
  name TEXT,
  recipient TEXT,
  body TEXT NOT NULL,
  callback_number TEXT,
  urgent INTEGER NOT NULL CHECK (urgent IN (0, 1)),
  created_at INTEGER NOT NULL,
  UNIQUE (call_id, body)
) STRICT;

CREATE TABLE knowledge_files (
  name TEXT PRIMARY KEY,
  version TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE knowledge USING fts5 (
  title, body, file UNINDEXED,
  tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TABLE notes_of_setup (
  name TEXT PRIMARY KEY,
  done_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** The index forgets at once what is deleted of it: https://www.sqlite.org/fts5.html#the_secure_delete_configuration_option */
const forgetfulIndex = `
INSERT INTO knowledge (knowledge, rank) VALUES ('secure-delete', 1);
INSERT INTO knowledge (knowledge) VALUES ('rebuild');
`;

/** Which person, known by more than a number, a number is of: '' where it was several people's. */
const numbersOfPeople = `
CREATE TABLE caller_numbers (
  number TEXT PRIMARY KEY,
  key TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX caller_numbers_by_key ON caller_numbers (key);
`;

export const migrations: readonly Migration[] = [
  { id: '0001-business', sql: business },
  { id: '0002-forgetful-index', sql: forgetfulIndex },
  { id: '0003-callers-by-key', run: rekeyCallers },
  { id: '0004-numbers-of-people', sql: numbersOfPeople },
];
