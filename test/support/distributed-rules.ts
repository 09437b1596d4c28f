import type { ClientBase } from 'pg';

/** A statement to be judged. */
export interface JudgedStatement {
  readonly name: string;
  readonly text: string;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Operation?: string;
  readonly Output?: readonly string[];
  readonly Plans?: readonly PlanNode[];
  readonly 'Parent Relationship'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Recheck Cond'?: string;
  readonly Filter?: string;
  readonly 'Subplan Name'?: string;
}

/** One organization, as a plain value: `$n`, or the first element of an array. */
const oneOrganization = /\borg_id = \(?(?:\(\$\d+\)\[1\]|\$\d+)/;
const oneSecret = /\bsha256 = \$\d+/;
const oneValue = /^\(?(?:\(\$1\)\[1\]|\$1)/;

/**
 * What a distributed PostgreSQL would refuse about a statement, or could not send to the one shard of an organization.
 * Read off its text and its generic plan on a plain PostgreSQL; empty where nothing is wrong.
 */
export async function distributedFaults(
  client: ClientBase,
  { name, text }: JudgedStatement,
  distributed: ReadonlySet<string>,
): Promise<readonly string[]> {
  const plan = await genericPlan(client, text);
  const faults = [...textFaults(text), ...planFaults(plan, distributed)];
  return faults.map((fault) => `${name}: ${fault}`);
}

/** The scans of tables in the generic plan of a statement, each with the condition on its index. */
export async function keyedScans(
  client: ClientBase,
  text: string,
): Promise<readonly { readonly table: string; readonly condition: string }[]> {
  const nodes = [...walk(await genericPlan(client, text))];
  return nodes
    .filter((node) => node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable')
    .map((node) => ({
      table: node['Relation Name'] ?? '',
      condition: [node['Index Cond'], node['Recheck Cond']].join(' '),
    }));
}

/** Every table and partition whose rows belong to an organization; those of `credential_secret` belong to a secret. */
export async function tablesOfOrganizations(client: ClientBase): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'credential_secret'`,
  );
  return new Set(rows.map(({ name }) => name));
}

/** The forms that are refused, as far as the text shows them. */
export function textFaults(text: string): readonly string[] {
  const faults: string[] = [];
  const [, update] = /DO UPDATE SET([\s\S]*?)(?:\n\)|$)/.exec(text) ?? [];
  if (update !== undefined) {
    if (/\(\s*SELECT/.test(update)) faults.push('a subquery in DO UPDATE');
    if (volatile.test(update)) faults.push('a function in DO UPDATE that is not immutable');
  }
  if (/\bSET\b[^;]*?= \w+(?:\.\w+)?\[/.test(text)) faults.push('a bare subscript in SET');
  if (/LATERAL \([^()]*(?:\([^()]*\)[^()]*)*\bLIMIT\b/.test(text))
    faults.push('LIMIT in a lateral');
  if (/^INSERT\b/.test(text) && /\bSELECT\b/.test(text)) {
    if (/\bOFFSET\b/.test(text)) faults.push('OFFSET in INSERT … SELECT');
    if (volatile.test(text)) faults.push('a volatile function in INSERT … SELECT');
  }
  if (/\bMERGE\b/.test(text)) faults.push('MERGE');
  return faults;
}

const volatile = /\b(?:now|clock_timestamp|random|gen_random_uuid|nextval)\(/;

/** Tables without their organization, and correlated subqueries beside a CTE. */
function planFaults(plan: PlanNode, distributed: ReadonlySet<string>): readonly string[] {
  const nodes = [...walk(plan)];
  const faults = nodes.flatMap((node) => nodeFaults(node, distributed));
  const hasCte = nodes.some((node) => node['Node Type'] === 'CTE Scan');
  const isCorrelated = nodes.some(({ 'Subplan Name': subplan = '' }) =>
    subplan.startsWith('SubPlan'),
  );
  if (hasCte && isCorrelated) faults.push('a correlated subquery beside a CTE');
  return faults;
}

function nodeFaults(node: PlanNode, distributed: ReadonlySet<string>): readonly string[] {
  const table = node['Relation Name'] ?? '';
  const conditions = [node['Index Cond'], node['Recheck Cond'], node.Filter].join(' ');
  if (table === 'credential_secret' && node['Node Type'] !== 'ModifyTable') {
    return oneSecret.test(conditions) ? [] : [`reads ${table} by more than one secret`];
  }
  if (!distributed.has(table)) return [];
  if (node['Node Type'] === 'ModifyTable') {
    if (node.Operation !== 'Insert') return [];
    const from = organizationOf(node.Plans?.[0]);
    const isPlain = oneValue.test(from) || (from.endsWith('.org_id') && !from.startsWith('u.'));
    return isPlain ? [] : [`inserts into ${table} the organization ${from}`];
  }
  return oneOrganization.test(conditions) ? [] : [`reads ${table} of all organizations`];
}

/** The first column that a node gives; the columns of a subquery are those of the node below. */
function organizationOf(node: PlanNode | undefined): string {
  const [first = ''] = node?.Output ?? [];
  return first.startsWith('"*SELECT*"') ? organizationOf(node?.Plans?.[0]) : first;
}

function* walk(node: PlanNode): Generator<PlanNode> {
  // Below a bitmap scan are only its indexes.
  yield node;
  for (const child of node.Plans ?? []) yield* walk(child);
}

/** The plan for whatever parameters, read by keys. */
async function genericPlan(client: ClientBase, text: string): Promise<PlanNode> {
  await client.query(`SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off`);
  await client.query(`PREPARE judged AS ${text}`);
  try {
    const { rows } = await client.query<{ most: number }>(
      `SELECT cardinality(parameter_types) AS most FROM pg_prepared_statements WHERE name = 'judged'`,
    );
    const nulls = Array.from({ length: rows[0]?.most ?? 0 }, () => 'NULL').join(', ');
    const call = nulls === '' ? 'judged' : `judged(${nulls})`;
    const explained = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE ${call}`,
    );
    const plan = explained.rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan === undefined) throw new Error('EXPLAIN gave no plan');
    return plan;
  } finally {
    await client.query('DEALLOCATE judged');
  }
}
