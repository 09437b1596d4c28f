import type { OrganizationView } from './organization-view.ts';
import type { Raise } from './raise.ts';
import type { EffectiveLimit } from './resolve.ts';
import type { Subject } from './subject.ts';

/** The raises of an effective limit, those that are over included. */
export function raisesOf(
  view: Pick<OrganizationView, 'raises'>,
  { subject, limit, meter }: EffectiveLimit,
): readonly Raise[] {
  const { member } = meter;
  const owner: Subject = member === undefined ? meter.subject : { kind: 'user', id: member };
  const own = view.raises(owner).filter(({ appliesTo }) => appliesTo !== undefined);
  const all = view.raises(subject).filter(({ appliesTo }) => appliesTo === undefined);
  if (own.length === 0 && all.length === 0) return none;
  return [...all, ...own].filter(
    (raise) =>
      raise.subject.kind === subject.kind &&
      raise.subject.id === subject.id &&
      raise.limitName === limit.name &&
      raise.metric === limit.metric &&
      raise.window === limit.window,
  );
}

const none: readonly Raise[] = [];
