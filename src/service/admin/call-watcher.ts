import { createHash } from 'node:crypto';
import { subjectName } from '../../core/subject.ts';
import type { CallFilter, CallSummary, FreshCall } from './calls.ts';

/** Which calls are watched. */
export interface WatchFilter extends Pick<
  CallFilter,
  'orgId' | 'subject' | 'target' | 'decision' | 'reason'
> {
  /** 1 to 100: how many of a hundred calls are shown. */
  readonly samplePercent: number;
  /** 1 to 200: how many calls are shown in a second. */
  readonly mostPerSecond: number;
}

/** What a watcher is sent. */
export interface WatchMessage {
  /** Oldest first. */
  readonly calls: readonly CallSummary[];
  /** Calls of the filter and the sample that are not shown, since the message before. */
  readonly dropped: number;
  /** Calls that were not read at all, whatever the filter. */
  readonly missed: number;
}

/** One who watches. */
export interface Watcher {
  /** Those of the new calls that are to be shown. */
  choose(fresh: readonly FreshCall[], missed: number): readonly FreshCall[];
  /** Shows calls; what a slow reader has not taken is dropped and counted. */
  send(calls: readonly CallSummary[]): void;
  next(waitMs: number): Promise<WatchMessage | undefined>;
  fail(cause: unknown): void;
  end(): void;
  readonly hasEnded: boolean;
}

/** Creates a watcher that nobody reads yet. */
export function createWatcher(filter: WatchFilter): Watcher {
  const fits = fitsOf(filter);
  let waiting: CallSummary[] = [];
  let dropped = 0;
  let missed = 0;
  let failure: { readonly cause: unknown } | undefined;
  let hasEnded = false;
  let wake: (() => void) | undefined;

  return {
    choose(fresh, more) {
      const fitting = fresh.filter(fits);
      const shown = fitting.slice(-filter.mostPerSecond);
      dropped += fitting.length - shown.length;
      missed += more;
      return shown;
    },
    send(calls) {
      const all = [...waiting, ...calls];
      // One message takes what comes in a second: a reader who is slower than that loses the oldest.
      waiting = all.slice(-filter.mostPerSecond);
      dropped += all.length - waiting.length;
      if (waiting.length > 0 || dropped > 0 || missed > 0) wake?.();
    },
    async next(waitMs) {
      if (waiting.length === 0 && dropped === 0 && missed === 0 && !failure && !hasEnded) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
      if (failure !== undefined) throw failure.cause;
      if (hasEnded || (waiting.length === 0 && dropped === 0 && missed === 0)) return undefined;
      const message = { calls: waiting, dropped, missed };
      [waiting, dropped, missed] = [[], 0, 0];
      return message;
    },
    fail(cause) {
      failure = { cause };
      wake?.();
    },
    end() {
      hasEnded = true;
      wake?.();
    },
    get hasEnded() {
      return hasEnded;
    },
  };
}

function fitsOf(filter: WatchFilter): (call: FreshCall) => boolean {
  const { target, decision, reason, samplePercent } = filter;
  const subject = filter.subject && subjectName(filter.subject);
  return (call) =>
    (subject === undefined || call.subjects.includes(subject)) &&
    (target === undefined || call.target === target) &&
    (decision === undefined || call.decision === decision) &&
    (reason === undefined || call.reason === reason) &&
    (samplePercent >= 100 || percentileOf(call.requestId) < samplePercent);
}

/** Where a call stands among a hundred: the same for every watcher, on every replica. */
function percentileOf(requestId: string): number {
  return createHash('sha256').update(requestId).digest().readUInt32BE(0) % 100;
}
