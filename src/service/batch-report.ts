import { createFairSemaphore } from '../platform/fair-semaphore.ts';
import { createFairShares } from '../platform/fair-shares.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Policies } from '../policies/policies.ts';
import type { BatchItem, BatchReportInput, CallContext } from './data-plane.ts';
import { assertMayActFor, noSubjects, viewOf } from './scope.ts';

/** What BatchReport needs. */
export interface BatchReportDependencies {
  readonly policies: Policies;
  /** Operations that a lane of the ledger accepts. */
  readonly maxQueue: number;
  /** The monotonic clock of deadlines, milliseconds. */
  readonly monotonicMs: () => number;
}

/** The most reports of one batch that are under way at once: enough to fill the ledger's transactions. */
const mostOfOne = 128;
/**
 * Of a lane's queue, all batches together take this part, and those of one organization half of it, so that
 * no outbox keeps out Checks or the batches of others: by default 128 reports, half of a full transaction. Measured with four
 * batches of 1,000 at once: with twice as many the median of another organization's Checks was a third to a half higher.
 */
const shareOfQueue = 1 / 16;
/**
 * Reports of the batches that one organization has under way, and of all. Beyond that a batch is refused at once. Were it
 * accepted, it would be out of time before its turn came: with 63 callers that each sent a thousand reports, two thirds of the
 * batches were, and all of them were read for nothing.
 */
const mostReportsOfOne = 4096;
const mostReports = 32_768;
/** The last part of the time is kept for the answer. Reports that were not reached by then are not started. */
const timeForAnswer = 1 / 8;

/** Reports many calls, a bounded number at once. See `DecisionService.BatchReport`. */
export function createBatchReport({ policies, maxQueue, monotonicMs }: BatchReportDependencies) {
  const gate = createFairSemaphore({ most: Math.max(1, Math.floor(maxQueue * shareOfQueue)) });

  const accepted = createFairShares(mostReports, mostReportsOfOne);

  async function runBatch(input: BatchReportInput, context: CallContext): Promise<void> {
    const ofItems = { ...context, deadlineMs: earlier(context.deadlineMs, monotonicMs()) };
    // Reports of one request id go one after another, or which of them is the repeat would be left to chance.
    const turns = Map.groupBy(input.reports, ({ requestId }) => requestId).values();
    const isOver = (): boolean =>
      ofItems.deadlineMs !== undefined && monotonicMs() >= ofItems.deadlineMs;
    const pass = (item: BatchItem): Promise<void> =>
      gate.pass(input.orgId, async () => {
        if (!isOver()) await item.report(ofItems);
      });
    await Promise.all(Array.from({ length: mostOfOne }, () => takeTurns(turns, pass, isOver)));
  }

  return async function batchReport(input: BatchReportInput, context: CallContext): Promise<void> {
    const { orgId, reports } = input;
    assertMayActFor(context.caller, orgId);
    // First: an organization that does not exist takes no places.
    await viewOf(policies, orgId, { subjects: noSubjects, credential: undefined });
    if (!accepted.enter(orgId, reports.length)) throw overloaded();
    try {
      await runBatch(input, context);
    } finally {
      accepted.leave(orgId, reports.length);
    }
  };
}

function overloaded(): ServiceError {
  return new ServiceError('OVERLOADED', 'too many reports of batches are in progress', {
    retryAfterMs: 1000,
  });
}

async function takeTurns(
  turns: Iterable<readonly BatchItem[]>,
  pass: (item: BatchItem) => Promise<void>,
  isOver: () => boolean,
): Promise<void> {
  for (const turn of turns) {
    for (const item of turn) {
      if (isOver()) return;
      await pass(item);
    }
  }
}

function earlier(deadlineMs: number | undefined, nowMs: number): number | undefined {
  if (deadlineMs === undefined) return undefined;
  return deadlineMs - Math.max(0, deadlineMs - nowMs) * timeForAnswer;
}
