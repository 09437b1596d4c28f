import type { ClientBase, Pool } from 'pg';
import { isRefusedByServer } from '../../db/wire/server-refusal.ts';
import { listOrganizations } from '../sql/list-organizations.ts';

/** All organizations, by id. */
export type OrganizationList = () => Promise<readonly string[]>;

const pageSize = 1000;

/**
 * Lists organizations for work that is done one by one in a distributed PostgreSQL. The list needs every node: while one
 * is lost, the list of before is given, so that the organizations of the others are worked on.
 */
export function createOrganizationList(readAll: OrganizationList): OrganizationList {
  let known: readonly string[] | undefined;
  return async () => {
    try {
      known = await readAll();
    } catch (cause) {
      if (known === undefined || !isRefusedByServer(cause)) throw cause;
    }
    return known;
  };
}

/** Reads all organizations, page by page. */
export async function readOrganizations(
  readPage: (afterOrgId: string, most: number) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (;;) {
    const page = await readPage(found.at(-1) ?? '', pageSize);
    found.push(...page);
    if (page.length < pageSize) return found;
  }
}

/** Reads all organizations through a pool, or in a transaction. */
export function organizationsIn(client: ClientBase | Pool): Promise<readonly string[]> {
  return readOrganizations(async (afterOrgId, most) => {
    const values = [afterOrgId, most];
    const { rows } = await client.query<{ org_id: string }>(listOrganizations.text, values);
    return rows.map((row) => row.org_id);
  });
}
