import type { Asker } from './asking.ts';
import type { Operation } from './gate.ts';
import type { Journal } from './journal.ts';
import { newCall } from './reference.ts';
import type { ReplicaIndex } from './replica.ts';
import { roomy } from './tenants.ts';

const usage = { inputTokens: 1n, outputTokens: 1n };
const { orgId } = roomy;

/** Requests that are wrong, each with the reason it is refused for, whatever else goes on. */
const mistakes: readonly (readonly [reason: string, operation: Operation])[] = [
  ['CALL_NOT_FOUND', { case: 'release', value: { orgId, requestId: 'never-seen' } }],
  ['CALL_NOT_FOUND', { case: 'extend', value: { orgId, requestId: 'never-seen', sequence: 1 } }],
  ['FIELD_INVALID', { case: 'check', value: { orgId, requestId: '', target: 'plain' } }],
  ['FIELD_INVALID', { case: 'check', value: { orgId, target: 'plain', ttl: { seconds: -1n } } }],
  ['FIELD_INVALID', { case: 'report', value: { orgId, requestId: 'never-seen', usage } }],
  [
    'ORGANIZATION_NOT_FOUND',
    { case: 'check', value: { orgId: 'nobody', requestId: 'x', target: 'plain' } },
  ],
];

/** Sends each of them once; none leaves anything behind. */
export async function makeMistakes(
  asker: Asker,
  journal: Journal,
  replica: ReplicaIndex,
): Promise<void> {
  for (const [reason, operation] of mistakes) {
    const promises = { call: newCall(roomy, 'never-seen'), isFirst: false, firstSentMs: 0 };
    const told = await asker.tryOnce(replica, operation, 'unary', promises);
    if (told.case === 'doubt') continue;
    if (told.case === 'refused' && told.reason === reason) continue;
    const found =
      told.case === 'refused' ? `${told.code} ${told.reason}: ${told.message}` : 'answered';
    journal.violated('a wrong request is refused for its fault', `${reason} expected: ${found}`);
  }
}
