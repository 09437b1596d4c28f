import type { Client } from 'pg';

/** A client that sends its simple queries, such as what it prepares, with another text. */
export function rewriting(client: Client, rewrite: (text: string) => string): Client {
  return new Proxy(client, {
    get: (target, name) =>
      name === 'query'
        ? (text: string) => target.query(rewrite(text))
        : (Reflect.get(target, name) as unknown),
  });
}
