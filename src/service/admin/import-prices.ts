import type { Clock } from '../../platform/clock.ts';
import { checkDeadline } from '../../platform/deadline.ts';
import { createFairSemaphore } from '../../platform/fair-semaphore.ts';
import type { Page } from '../../platform/paging.ts';
import { invalidFields, ServiceError } from '../../platform/service-error.ts';
import { createSlices } from '../../platform/slices.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';
import type { PriceImportAnswer } from '../../policies/stored-price.ts';
import { builtInPrices } from '../../price-lists/built-in-prices.ts';
import { modelPricesJson } from '../../price-lists/model-prices-json.ts';
import { selectPrices } from '../../price-lists/select-prices.ts';
import type { PriceSelection } from '../../price-lists/select-prices.ts';

/** The most prices that one change may write: the organization waits for it. */
const maxPrices = 5000;
/** How long a price list may be read in one turn of the event loop. */
const sliceMs = 10;
/** Price lists that are read at once; one caller may read half of them. */
const maxReading = 2;
const maxWaiting = 16;

/** What is imported, for whom. */
export interface ImportPricesInput {
  readonly orgId: string;
  /** The JSON of a price list; undefined: the built-in one. */
  readonly text: string | undefined;
  readonly selection: PriceSelection;
  readonly page: Page;
  readonly by: Change;
  readonly callerName: string;
  /** On the monotonic clock, milliseconds. */
  readonly deadlineMs: number;
}

/**
 * Compares a price list with the prices in force and imports what differs. A list may take a second to read: it is read
 * in slices, and of one caller one list at a time. FIELD_INVALID on `source` where it names too many prices.
 */
export function createImportPrices(parts: {
  readonly store: Pick<PolicyStore, 'importPrices'>;
  readonly clock: Clock;
  /** What is wrong with the subject of a price; undefined: nothing. */
  readonly subjectFault: Parameters<typeof selectPrices>[2];
}) {
  const semaphore = createFairSemaphore({
    most: maxReading,
    mostWaiting: maxWaiting,
    full: tooMany,
  });
  return (input: ImportPricesInput): Promise<PriceImportAnswer> =>
    semaphore.pass(input.callerName, async () => {
      const { orgId, text, selection, page, by, deadlineMs } = input;
      const slices = createSlices(sliceMs, () => checkDeadline(deadlineMs));
      const list = await (text === undefined
        ? builtInPrices(parts.clock.nowMs())
        : modelPricesJson(text, slices));
      const prices = await selectPrices(list, selection, parts.subjectFault, slices);
      const found = prices.offers.length;
      if (found > maxPrices) {
        const description = `names ${found} prices, at most ${maxPrices} at once: choose providers or models`;
        throw invalidFields([{ field: 'source', description }]);
      }
      return parts.store.importPrices(orgId, prices, page, by);
    });
}

function tooMany(): ServiceError {
  const message = `a caller may have at most ${maxWaiting} price lists waiting`;
  return new ServiceError('OVERLOADED', message, { retryAfterMs: 1000 });
}
