import { isRefusedByServer } from '../../db/wire/server-refusal.ts';
import { hasOverdueHolds } from '../sql/overdue-holds.ts';
import { listOrganizations } from '../sql/list-organizations.ts';
import { createOrganizationList, readOrganizations } from '../upkeep/organization-list.ts';
import type { SweepConnection } from './connection.ts';

/** Some organizations with holds that are due. */
export interface DueOrganizations {
  readonly due: readonly string[];
  /** Where the search goes on; undefined: all have been asked. */
  readonly goOnAfter: string | undefined;
}

/**
 * Finds the organizations with holds that are due one by one, for a distributed PostgreSQL. One that cannot be asked,
 * because its node is lost, is left out.
 */
export function createDueOrganizations(connection: Pick<SweepConnection, 'rows'>) {
  const readPage = async (afterOrgId: string, most: number): Promise<readonly string[]> => {
    const values = [afterOrgId, `${most}`];
    const [rows = []] = await connection.rows({ ...listOrganizations, values });
    return rows.map(([orgId]) => orgId ?? '');
  };
  const list = createOrganizationList(() => readOrganizations(readPage));

  async function isDue(orgId: string, nowMs: string | null): Promise<boolean> {
    try {
      const [rows = []] = await connection.rows({ ...hasOverdueHolds, values: [orgId, nowMs] });
      return rows.length > 0;
    } catch (cause) {
      if (isRefusedByServer(cause)) return false;
      throw cause;
    }
  }

  return async (
    afterOrgId: string,
    most: number,
    nowMs: string | null,
    mayGoOn: () => boolean,
  ): Promise<DueOrganizations> => {
    const due: string[] = [];
    let lastOrgId = afterOrgId;
    for (const orgId of await list()) {
      if (orgId <= afterOrgId) continue;
      if (due.length === most || !mayGoOn()) return { due, goOnAfter: lastOrgId };
      if (await isDue(orgId, nowMs)) due.push(orgId);
      lastOrgId = orgId;
    }
    return { due, goOnAfter: undefined };
  };
}
