import { draftView } from '../../core/draft-view.ts';
import type { OrganizationView } from '../../core/organization-view.ts';
import { maxFindingComparisons, policyFindings } from '../../core/policy-findings.ts';
import type { Policies } from '../../policies/policies.ts';
import type { PolicyEdit } from '../../policies/policy-changes.ts';
import type { UserViews } from '../../policies/user-views.ts';
import { noSubjects, viewOf } from '../scope.ts';

/** Access rules are compared with the whole catalog, while the organization is locked: so only for a few policies. */
const mostReviewed = 20;

/**
 * Lets each of the first policies that are changed together be reviewed, against the organization as it stands before the
 * change.
 */
export function createReviewPolicies(parts: {
  readonly policies: Policies;
  readonly users: UserViews;
}) {
  return async function reviewPolicies(
    orgId: string,
    edits: readonly PolicyEdit[],
  ): Promise<readonly PolicyEdit[]> {
    const newest = await parts.policies.newestEpoch(orgId);
    const nobody = { subjects: noSubjects, credential: undefined };
    const base = await viewOf(parts.policies, orgId, nobody, newest);
    const reviewed = edits.slice(0, mostReviewed);
    const ids = reviewed.flatMap(({ subject }) => (subject.kind === 'user' ? [subject.id] : []));
    const views = (await parts.users.read(orgId, ids)) ?? [];
    const ofUser = new Map(ids.map((id, index) => [id, views[index] ?? base]));
    const most = maxFindingComparisons / Math.max(1, reviewed.length);
    return edits.map((edit, index) => {
      const { kind, id } = edit.subject;
      const view = (kind === 'user' ? ofUser.get(id) : undefined) ?? base;
      return index < mostReviewed ? { ...edit, review: reviewOn(view, most) } : edit;
    });
  };
}

function reviewOn(view: OrganizationView, most: number): PolicyEdit['review'] & {} {
  return (policy) => policyFindings(draftView(view, [policy]), policy, most);
}
