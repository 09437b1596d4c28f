import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PriceImport } from '../../../src/policies/price-import.ts';
import type { PolicyStore } from '../../../src/policies/policy-store.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { change, organization, price, startMs, storeOn } from '../builders.ts';

let database: TestDatabase;
let store: PolicyStore;
let nowMs = startMs;
let notices = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  store = storeOn(database.pool, {
    clock: { nowMs: () => nowMs },
    onChange: () => {
      notices += 1;
    },
  });
  await store.createOrganization(organization('acme'), change);
});

afterAll(() => database.drop());

const dayMs = 86_400_000;
const page = { size: 2, token: undefined };

/** Offers of models `<prefix>0`, `<prefix>1`, …; with `fromMs` announced for then. */
function offersOf(prefix: string, inputs: readonly bigint[], fromMs?: number): PriceImport {
  const offers = inputs.map((input, index) => {
    const { scope, subject, serviceTier, perTokens, rates } = price(
      'MODEL',
      `${prefix}${index}`,
      input,
    );
    const listed = { provider: 'p', model: subject, leftOut: [], rounded: [] };
    return { listed, scope, subject, serviceTier, perTokens, rates, fromMs };
  });
  return { source: 'test', offers, skipped: [] };
}

// Planted: with the time of an appended price in its place, the second page begins with the first's last.
test('the pages of a preview hold every price once, though the clock goes on', async () => {
  const offers = offersOf('paged', [1n, 2n, 3n, 4n, 5n]);
  const preview = { ...change, validateOnly: true };
  const seen: string[] = [];
  let token: string | undefined;
  do {
    nowMs += 1000;
    const answer = await store.importPrices('acme', offers, { ...page, token }, preview);
    seen.push(...answer.items.map(({ subject }) => subject));
    token = answer.nextToken;
  } while (token !== undefined);
  expect(seen).toEqual(['paged0', 'paged1', 'paged2', 'paged3', 'paged4']);
});

test('an announced price is the same while it is ahead, when it has begun, and until another is put', async () => {
  const announced = offersOf('later', [7n], nowMs + dayMs);
  const changeOf = async (offers: PriceImport) => {
    const { items } = await store.importPrices('acme', offers, page, change);
    return items.map((item) => item.change);
  };
  expect(await changeOf(announced)).toEqual(['ADDED']);
  expect(await changeOf(announced)).toEqual(['SAME']);
  // Not yet: what holds now is another price.
  expect(await changeOf(offersOf('later', [7n]))).toEqual(['ADDED']);
  nowMs += 2 * dayMs;
  expect(await changeOf(offersOf('later', [7n]))).toEqual(['SAME']);
  expect(await changeOf(offersOf('later', [8n]))).toEqual(['CHANGED']);
  expect(await changeOf(announced)).toEqual(['SAME']);
});

test('an import that changes nothing notifies no process', async () => {
  await store.importPrices('acme', offersOf('quiet', [1n, 2n]), page, change);
  const before = notices;
  await store.importPrices('acme', offersOf('quiet', [1n, 2n]), page, change);
  expect(notices).toBe(before);
});

test('an organization that is not there is NOT_FOUND', async () => {
  const none = store.importPrices('nowhere', offersOf('x', [1n]), page, change);
  await expect(none).rejects.toMatchObject({ reason: 'ORGANIZATION_NOT_FOUND' });
});
