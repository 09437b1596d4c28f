import type { ServiceImpl } from '@connectrpc/connect';
import type {
  HistoryService,
  ListRevisionsRequest,
} from '../../../gen/tollgate/admin/v1/history_pb.ts';
import { revisionKinds } from '../../policies/policy-store.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { readPage } from '../../wire/admin/page.ts';
import { revisionToMessage } from '../../wire/admin/revisions.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { readOwner } from './owner.ts';

type RevisedRecord = Parameters<PolicyStore['listRevisions']>[1];

/** The history of organizations. */
export function historyRoutes(
  store: Pick<PolicyStore, 'listRevisions'>,
): ServiceImpl<typeof HistoryService> {
  return {
    async listRevisions(request, context) {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const of = readRecord(violations, request);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.listRevisions(orgId, of, page);
      return { revisions: items.map(revisionToMessage), nextPageToken: nextToken };
    },
  };
}

/** Which record is asked for; undefined: all. */
function readRecord(
  violations: Violations,
  { orgId, kind: number, id }: ListRevisionsRequest,
): RevisedRecord {
  if (number === 0) {
    if (id !== '') violations.add('kind', 'is required with an id');
    return undefined;
  }
  const kind = revisionKinds[number - 1];
  if (kind === undefined || kind === 'policy' || kind === 'price' || kind === 'raise') {
    const others = 'policies, prices and raises have lists of their own';
    violations.add('kind', `must be a kind of record; ${others}`);
    return undefined;
  }
  if (kind !== 'organization') return { kind, id: readId(violations, 'id', id) };
  if (id !== '') violations.add('id', 'must be empty: it is the organization itself');
  return { kind, id: orgId };
}
