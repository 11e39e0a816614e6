import type { Service } from '../thread/serve.ts';

/** A database's side of its thread: named queries, by area. */

/** What is asked of a database. */
export interface Query {
  readonly area: string;
  readonly name: string;
  readonly args: unknown[];
}

type Queries = Readonly<Record<string, Readonly<Record<string, (...args: never[]) => unknown>>>>;

/** Answers with `queries`. `before` is told of the area of each question. A name that is none of them is refused. */
export function databaseService(
  db: { close(): void },
  queries: Queries,
  before: (area: string) => void = () => {},
): Service {
  return {
    answer(question) {
      const { area, name, args } = question as Query;
      before(area);
      const functions = Object.hasOwn(queries, area) ? queries[area] : undefined;
      if (functions === undefined || !Object.hasOwn(functions, name)) throw new Error(`no query ${area}.${name}`);
      return functions[name]!(...(args as never[]));
    },
    close: () => db.close(),
  };
}
