import type { Random } from '../support/random.ts';
import { textOf } from './asking.ts';
import type { Asker } from './asking.ts';
import type { Operation } from './gate.ts';
import type { Acknowledged, Journal } from './journal.ts';

/** What repeats need. */
export interface RepeatParts {
  readonly random: Random;
  readonly asker: Asker;
  readonly journal: Journal;
}

/** Sends again what was acknowledged: the answer is the first one, marked as a replay. */
export async function repeat(
  { random, asker, journal }: RepeatParts,
  { call, operation, answer }: Acknowledged,
): Promise<void> {
  const promises = { call, isFirst: false, firstSentMs: 0 };
  const way = random.pick(['unary', 'session'] as const);
  const result = await asker.tryOnce(random.pick([0, 1]), operation, way, promises);
  if (result.case === 'doubt' || (result.case === 'check' && result.value.degraded)) return;
  if (result.case === 'refused') {
    const evidence = `${call.requestId}: ${result.code} ${result.reason}: ${result.message}`;
    return journal.violated('a repeat is answered', evidence);
  }
  const [first, now] = [textOf(answer), textOf(result)];
  if (first !== now)
    journal.violated('a repeat is answered as the first time', `${first}\n    ${now}`);
  if (!result.value.replayed) journal.violated('a repeat is marked as a replay', now);
}

/** Sends another request under the id of one that was acknowledged: it is refused, and changes nothing. */
export async function contradict(
  { random, asker, journal }: RepeatParts,
  { call, operation }: Acknowledged,
): Promise<void> {
  const other = changed(operation);
  if (other === undefined) return;
  const promises = { call, isFirst: false, firstSentMs: 0 };
  const result = await asker.tryOnce(random.pick([0, 1]), other, 'unary', promises);
  if (result.case === 'doubt' || (result.case === 'check' && result.value.degraded)) return;
  if (result.case === 'refused' && result.reason === 'REQUEST_ID_CONFLICT') return;
  const evidence = result.case === 'refused' ? `${result.code} ${result.reason}` : textOf(result);
  journal.violated('a request id names one request', `${call.requestId}: ${evidence}`);
}

function changed(operation: Operation): Operation | undefined {
  const { orgId, requestId } = { orgId: undefined, ...operation.value };
  const named = { orgId: orgId ?? '', requestId: requestId ?? '' };
  switch (operation.case) {
    case 'check':
      return { case: 'check', value: { ...named, target: 'another' } };
    case 'report':
      return { case: 'report', value: { ...named, usage: { inputTokens: 1_000n } } };
    case 'extend':
      return {
        case: 'extend',
        value: {
          ...named,
          sequence: operation.value.sequence ?? 0,
          added: { inputTokens: 1_000n },
        },
      };
    case 'release':
      return undefined;
  }
}
