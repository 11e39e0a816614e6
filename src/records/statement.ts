/** What a database can be given in place of a `?`. */
export type Value = string | number | null;

/** A statement with `?` for values. */
export interface Statement {
  readonly sql: string;
  readonly values: Value[];
}
