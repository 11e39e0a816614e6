import type { DatabaseSync } from 'node:sqlite';
import { isMemoryKey, type Party } from '../call/party.ts';
import { canBeRemembered, parseParty } from '../numbering/party.ts';

/**
 * What earlier versions kept of callers by whatever the carrier wrote for them. A text that holds a number becomes that number. What was kept
 * for "Anonymous", a placeholder or nothing at all is many people's, and goes: whoever comes next without a number must not be told of them.
 * Their appointments and messages are the business's, and stay, without anybody whom they are of.
 */
export function rekeyCallers(db: DatabaseSync): void {
  const texts = (sql: string) =>
    db
      .prepare(sql)
      .all()
      .map((row) => String(row['text']));
  const remove = db.prepare('DELETE FROM callers WHERE number = ?');
  const move = db.prepare('UPDATE OR IGNORE callers SET number = ? WHERE number = ?');
  // What the number's own record does not know is taken over before the other goes.
  const merge = db.prepare(`
    UPDATE callers SET (name, email, language, notes) = (
      SELECT coalesce(callers.name, o.name), coalesce(callers.email, o.email), coalesce(callers.language, o.language),
        coalesce(callers.notes, o.notes) FROM callers o WHERE o.number = :old)
    WHERE number = :new`);
  for (const old of texts('SELECT number AS text FROM callers')) {
    const party = partyOf(old);
    if (party === undefined) continue;
    if (party.kind === 'number' && move.run(party.number, old).changes === 0) merge.run({ old, new: party.number });
    if (party.kind !== 'identity') remove.run(old);
  }
  const columns = [
    ['appointments', 'caller_number'],
    ['messages', 'caller_number'],
    ['messages', 'callback_number'],
  ] as const;
  for (const [table, column] of columns) {
    const set = db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${column} = ?`);
    for (const old of texts(`SELECT DISTINCT ${column} AS text FROM ${table} WHERE ${column} IS NOT NULL`)) {
      const party = partyOf(old);
      if (party !== undefined && party.kind !== 'identity') set.run(party.kind === 'number' ? party.number : null, old);
    }
  }
}

/** Who was meant; undefined where the text is right as it is. */
function partyOf(text: string): Party | undefined {
  return isMemoryKey(text) && canBeRemembered(text) ? undefined : parseParty(text);
}
