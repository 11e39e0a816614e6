/**
 * The beginning of a value's JSON, for results too large to be serialised whole: work and memory are bounded by what is shown, however
 * much there is.
 */

/** No real result is nested deeper; what is goes no further than this. */
const DEPTH_MOST = 64;

/**
 * The first `most` characters (about) of what `JSON.stringify` would give. Undefined when the part that was looked at is no JSON: a cycle, a
 * bigint. `toJSON` is honoured; other code of the value's own (getters) runs only for what is shown.
 */
export function jsonPrefix(value: unknown, most: number): string | undefined {
  const parts: string[] = [];
  let left = most;
  const above: unknown[] = [];
  const put = (text: string): boolean => {
    parts.push(left >= text.length ? text : text.slice(0, left));
    left -= text.length;
    return left > 0;
  };

  /** False: enough. Throws what is no JSON. */
  const write = (raw: unknown, key: string): boolean => {
    const next = jsonValue(raw, key);
    if (typeof next === 'string') return put(JSON.stringify(next.length > left ? next.slice(0, left) : next));
    if (typeof next === 'bigint') throw new TypeError('a bigint is no JSON');
    if (typeof next !== 'object' || next === null) return put(JSON.stringify(next) ?? 'null');
    if (above.includes(next) || above.length >= DEPTH_MOST) throw new TypeError('it holds itself, or too many layers');
    above.push(next);
    const goesOn = Array.isArray(next) ? writeList(next) : writeObject(next as Record<string, unknown>);
    above.pop();
    return goesOn;
  };
  const writeList = (list: readonly unknown[]): boolean => {
    if (!put('[')) return false;
    for (let i = 0; i < list.length; i++) {
      if (i > 0 && !put(',')) return false;
      if (!write(list[i], String(i))) return false;
    }
    return put(']');
  };
  const writeObject = (object: Record<string, unknown>): boolean => {
    if (!put('{')) return false;
    let first = true;
    for (const key in object) {
      if (!Object.hasOwn(object, key)) continue;
      const field = jsonValue(object[key], key);
      if (field === undefined || typeof field === 'function' || typeof field === 'symbol') continue;
      if (!put(`${first ? '' : ','}${JSON.stringify(key)}:`)) return false;
      first = false;
      if (!write(field, key)) return false;
    }
    return put('}');
  };

  try {
    write(value, '');
  } catch {
    return undefined;
  }
  return parts.join('');
}

function jsonValue(value: unknown, key: string): unknown {
  const own = (value as { toJSON?: unknown } | null | undefined)?.toJSON;
  return typeof own === 'function' ? (own.call(value, key) as unknown) : value;
}
