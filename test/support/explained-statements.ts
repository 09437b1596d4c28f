import { Client } from 'pg';
import type { Pool } from 'pg';

/** What one statement reads, as PostgreSQL says. */
export interface ExplainedStatement {
  readonly text: string;
  /** Pages of 8 kB, in memory or not. */
  readonly pages: number;
  /** How many rows it reads of tables, those included that it then leaves out. */
  readonly scans: readonly (readonly [table: string, rows: number])[];
}

interface Run {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A node of a plan, as far as it is read here. */
interface Node {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Node[];
}

/** Explains what queries do that clients of `pg` in this process run during the work, each with its own parameters. */
export async function explainQueries(
  pool: Pool,
  work: () => Promise<unknown>,
): Promise<readonly ExplainedStatement[]> {
  const runs = await recordQueries(work);
  const explained: ExplainedStatement[] = [];
  for (const { text, values } of runs) {
    const { rows } = await pool.query<{ 'QUERY PLAN': readonly [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      [...values],
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan === undefined) throw new Error('there is no plan');
    const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    explained.push({ text, pages, scans: [...scansOf(plan)] });
  }
  return explained;
}

async function recordQueries(work: () => Promise<unknown>): Promise<readonly Run[]> {
  const runs: Run[] = [];
  const prototype = Client.prototype as { query: (...args: unknown[]) => unknown };
  const { query } = prototype;
  prototype.query = function recorded(this: unknown, ...args: unknown[]): unknown {
    const run = runOf(args);
    if (run !== undefined && /^\s*(?:SELECT|WITH|\()/.test(run.text)) runs.push(run);
    return query.apply(this, args);
  };
  try {
    await work();
  } finally {
    prototype.query = query;
  }
  return runs;
}

function runOf([statement, values]: readonly unknown[]): Run | undefined {
  const given = Array.isArray(values) ? values : [];
  if (typeof statement === 'string') return { text: statement, values: given };
  const isConfig = typeof statement === 'object' && statement !== null && 'text' in statement;
  if (!isConfig || typeof statement.text !== 'string') return undefined;
  const own = 'values' in statement && Array.isArray(statement.values) ? statement.values : given;
  return { text: statement.text, values: own };
}

function* scansOf(node: Node): Generator<readonly [string, number]> {
  const table = node['Relation Name'];
  if (table !== undefined) {
    const rows = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
    yield [table, rows * node['Actual Loops']];
  }
  for (const below of node.Plans ?? []) yield* scansOf(below);
}
