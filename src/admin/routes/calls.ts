import type { ServiceImpl } from '@connectrpc/connect';
import type { CallService } from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { Calls } from '../../service/admin/calls.ts';
import type { createExplainCall } from '../../service/admin/explain-call.ts';
import type { CallFeed } from '../../service/admin/call-feed.ts';
import { getCall } from '../../service/admin/get-call.ts';
import { listCalls } from '../../service/admin/list-calls.ts';
import { watchCalls } from '../../service/admin/watch-calls.ts';
import { callToMessage } from '../../wire/admin/call-detail.ts';
import { callFilterFromMessage, callSummaryToMessage } from '../../wire/admin/calls.ts';
import {
  draftsFromMessage,
  explainedFromMessage,
  explainedToMessage,
} from '../../wire/admin/explain-call.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import { watchedToMessage, watchFromMessage } from '../../wire/admin/watch-calls.ts';
import { readRequestId } from '../../wire/fields.ts';
import { timestampOf } from '../../wire/time.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callOf } from '../http/call.ts';
import { assertStillForOrg, callerForOrg } from './caller.ts';
import { readOrgId } from './changes.ts';
import { readingOf } from './reading.ts';

/** What reads and explains calls. */
export interface CallRouteParts {
  readonly calls: Calls;
  readonly explainCall: ReturnType<typeof createExplainCall>;
  readonly feed: CallFeed;
}

/** Calls that are kept, and those that might be made. */
export function callRoutes(
  store: Pick<PolicyStore, 'getOrganization'>,
  { calls, explainCall, feed }: CallRouteParts,
): ServiceImpl<typeof CallService> {
  return {
    async *watchCalls(request, context) {
      const orgId = readOrgId(request.orgId);
      const { name: callerName } = callerForOrg(context, orgId);
      const violations = collectViolations();
      const filter = watchFromMessage(violations, orgId, request);
      violations.throwIfAny();
      const { deadlineMs } = callOf(context.values);
      const assertPermitted = (): Promise<void> => assertStillForOrg(context, orgId);
      const terms = { callerName, deadlineMs, cancelled: context.signal, assertPermitted };
      for await (const message of watchCalls(store, feed, filter, terms)) {
        yield watchedToMessage(message);
      }
    },

    async explainCall(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const call = explainedFromMessage(violations, request);
      const drafts = draftsFromMessage(violations, request);
      violations.throwIfAny();
      return explainedToMessage(await explainCall(orgId, call, drafts, readingOf(context)));
    },

    async getCall(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const id = readRequestId(violations, 'id', request.id);
      violations.throwIfAny();
      return { call: callToMessage(await getCall(store, calls, orgId, id, readingOf(context))) };
    },

    async listCalls(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = callFilterFromMessage(violations, orgId, request);
      violations.throwIfAny();
      const listed = await listCalls(store, calls, filter, page, readingOf(context));
      const { items, searchedToMs } = listed;
      return {
        calls: items.map(callSummaryToMessage),
        nextPageToken: pageAnswer(listed).nextPageToken,
        ...(searchedToMs === undefined ? {} : { searchedToTime: timestampOf(searchedToMs) }),
      };
    },
  };
}
