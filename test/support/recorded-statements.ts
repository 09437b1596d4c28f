import { Client } from 'pg';

/** The statements that clients of `pg` in this process run, as their texts. */
export interface RecordedStatements {
  /** Those that read or write rows, each text once. */
  texts(): readonly string[];
  end(): void;
}

const isStatement = /^\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b/;

/** Records what passes through `query` of every client, until the end. */
export function recordStatements(): RecordedStatements {
  const texts = new Set<string>();
  const prototype = Client.prototype as { query: (...args: unknown[]) => unknown };
  const { query } = prototype;
  prototype.query = function recorded(this: unknown, ...args: unknown[]): unknown {
    const text = textOf(args[0]);
    if (text !== undefined && isStatement.test(text)) texts.add(text);
    return query.apply(this, args);
  };
  return {
    texts: () => [...texts],
    end() {
      prototype.query = query;
    },
  };
}

function textOf(statement: unknown): string | undefined {
  if (typeof statement === 'string') return statement;
  const isConfig = typeof statement === 'object' && statement !== null && 'text' in statement;
  return isConfig && typeof statement.text === 'string' ? statement.text : undefined;
}
