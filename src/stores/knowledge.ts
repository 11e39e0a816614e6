import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { errorMessage } from '../errors.ts';
import { readOperatorFileSync } from '../operator-text.ts';
import { forgetDeleted, transaction } from './sqlite.ts';

/** Full-text search over a folder of Markdown files, cut into their sections. https://www.sqlite.org/fts5.html */

export interface KnowledgeHit {
  /** File name and heading: "insurance.md: What we accept". */
  readonly source: string;
  readonly text: string;
}

/** More of one section than this is not shown. */
const TEXT_MOST = 1_500;
const WORDS_MOST = 16;
const STOP_WORDS = new Set(
  'a an and are at be by can could did do does for from had has have how i if in is it me my of on or our please that the their there they this to was we were what when where which who will with would you your'.split(
    ' ',
  ),
);

export interface Section {
  readonly title: string;
  readonly body: string;
}

/** Cuts a Markdown text at its headings; what stands before the first one goes by the file's first line or name. */
export function sectionsOf(markdown: string, fallbackTitle: string): Section[] {
  const sections: Array<{ title: string; lines: string[] }> = [{ title: fallbackTitle, lines: [] }];
  let fenced = false;
  let document = '';
  for (const line of markdown.split(/\r\n?|\n/)) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? null : /^(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
    if (heading === null) {
      sections.at(-1)?.lines.push(line);
      continue;
    }
    const [, marks = '', title = ''] = heading;
    if (marks.length === 1) document = title;
    sections.push({ title: marks.length === 1 || document === '' ? title : `${document}: ${title}`, lines: [] });
  }
  return sections
    .map(({ title, lines }) => ({ title, body: lines.join('\n').trim() }))
    .filter(({ body }) => body !== '');
}

/** A question as an FTS5 expression that any of its words satisfies; undefined when it has no words. Nothing of FTS5's syntax gets through. */
export function matchExpression(question: string): string | undefined {
  const words = [...new Set(question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])];
  const telling = words.filter((word) => !STOP_WORDS.has(word));
  const chosen = (telling.length > 0 ? telling : words).slice(0, WORDS_MOST);
  return chosen.length === 0 ? undefined : chosen.map((word) => `"${word}"`).join(' OR ');
}

export function knowledgeQueries(db: DatabaseSync, folder: string | undefined) {
  const search = db.prepare(
    'SELECT title, body, file FROM knowledge WHERE knowledge MATCH ? ORDER BY bm25(knowledge, 4.0, 1.0) LIMIT ?',
  );
  const known = db.prepare('SELECT name, version FROM knowledge_files');
  const forget = db.prepare('DELETE FROM knowledge WHERE file = ?');
  const forgetFile = db.prepare('DELETE FROM knowledge_files WHERE name = ?');
  const add = db.prepare('INSERT INTO knowledge (title, body, file) VALUES (?, ?, ?)');
  const addFile = db.prepare('INSERT OR REPLACE INTO knowledge_files (name, version) VALUES (?, ?)');

  /** Versions of files that could not be read, so that each is told of once. */
  const refused = new Map<string, string>();

  return {
    /**
     * Brings the index up to the files: how many files it holds and how many were read anew. What of a file that became wrong was indexed
     * before stays; `problems` says which and why, once a version, and is left out when there are none.
     */
    refresh(): { files: number; changed: number; problems?: string[] } {
      const found = new Map<string, string>();
      for (const name of folder === undefined ? [] : listMarkdown(folder)) {
        const stat = statSync(join(folder!, name), { bigint: true });
        found.set(name, `${stat.mtimeNs}-${stat.size}`);
      }
      const before = new Map(known.all().map((row) => [String(row['name']), String(row['version'])]));
      const problems: string[] = [];
      const stale: Array<{ name: string; version: string; sections: Section[] }> = [];
      for (const [name, version] of found) {
        if (before.get(name) === version || refused.get(name) === version) continue;
        try {
          stale.push({ name, version, sections: sectionsOf(readOperatorFileSync(join(folder!, name)), name) });
          refused.delete(name);
        } catch (error) {
          problems.push(`${join(folder!, name)}: ${errorMessage(error)}`);
          refused.set(name, version);
        }
      }
      const gone = [...before.keys()].filter((name) => !found.has(name));
      if (stale.length > 0 || gone.length > 0) {
        transaction(db, () => {
          for (const name of gone) {
            forget.run(name);
            forgetFile.run(name);
          }
          for (const { name, version, sections } of stale) {
            forget.run(name);
            for (const { title, body } of sections) add.run(title, body, name);
            addFile.run(name, version);
          }
        });
        forgetDeleted(db);
      }
      const counts = { files: found.size, changed: stale.length + gone.length };
      return problems.length === 0 ? counts : { ...counts, problems };
    },

    /** The sections that fit a question best, best first. */
    search(question: string, limit = 3): KnowledgeHit[] {
      const expression = matchExpression(question);
      if (expression === undefined) return [];
      return search.all(expression, limit).map((row) => {
        const body = String(row['body']);
        return {
          source: `${row['file']}: ${row['title']}`,
          text: body.length > TEXT_MOST ? `${body.slice(0, TEXT_MOST)} …` : body,
        };
      });
    },
  };
}

function listMarkdown(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replace(/^\/+/, ''))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
