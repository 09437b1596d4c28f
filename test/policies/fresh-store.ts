import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { change, freshId, organization, storeOn } from './builders.ts';

/** What each test of a file starts with. */
export interface FreshStore {
  readonly database: TestDatabase;
  readonly store: PolicyStore;
  /** An organization at epoch 1. */
  readonly org: string;
  /** The organization's epoch now. */
  epoch(): Promise<number>;
}

/** One database for the file, one organization for each of its tests. */
export function useFreshStore(): FreshStore {
  let database: TestDatabase;
  let store: PolicyStore;
  let org: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    store = storeOn(database.pool);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    org = freshId('org');
    await store.createOrganization(organization(org), change);
  });
  return {
    get database() {
      return database;
    },
    get store() {
      return store;
    },
    get org() {
      return org;
    },
    epoch: async () => {
      const { rows } = await database.pool.query<{ epoch: string }>(
        'SELECT epoch FROM org WHERE org_id = $1',
        [org],
      );
      return Number(rows[0]?.epoch);
    },
  };
}
