import type { Pool, QueryConfig } from 'pg';

/** The pool; `onLookUp` is called for each query that looks calls up. */
export function countingLookUps(pool: Pool, onLookUp: () => void): Pool {
  return new Proxy(pool, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== 'query') return typeof value === 'function' ? value.bind(target) : value;
      return (query: QueryConfig) => {
        if (query.name === 'read-calls') onLookUp();
        return target.query(query);
      };
    },
  });
}
