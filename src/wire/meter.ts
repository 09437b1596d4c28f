import { SubjectKind } from '../../gen/tollgate/v1/limit_pb.ts';
import type {
  Meter as MeterMessage,
  Subject as SubjectMessage,
} from '../../gen/tollgate/v1/limit_pb.ts';
import { memoizeByObject } from '../core/memoize-by-object.ts';
import type { Meter } from '../core/meter.ts';
import type { Subject, SubjectKind as Kind } from '../core/subject.ts';

/** The numbers of the kinds of subjects in messages. */
export const subjectKinds: Readonly<Record<Kind, SubjectKind>> = {
  org: SubjectKind.ORG,
  team: SubjectKind.TEAM,
  user: SubjectKind.USER,
  tier: SubjectKind.TIER,
  key: SubjectKind.KEY,
  token: SubjectKind.TOKEN,
  principal: SubjectKind.PRINCIPAL,
  app: SubjectKind.APP,
  customer: SubjectKind.CUSTOMER,
  label: SubjectKind.LABEL,
};

/** A subject, as it is sent: a label by its key and its value. Made once for each subject that a plan remembers. */
export const subjectToMessage = memoizeByObject(({ kind, id }: Subject): SubjectMessage => {
  const equals = kind === 'label' ? id.indexOf('=') : -1;
  return {
    $typeName: 'tollgate.v1.Subject',
    kind: subjectKinds[kind],
    id: equals < 0 ? id : id.slice(equals + 1),
    labelKey: equals < 0 ? '' : id.slice(0, equals),
  };
});

/** A meter, as it is sent: that of a member is the user's, inside the team. Made once, as subjects are. */
export const meterToMessage = memoizeByObject((meter: Meter): MeterMessage => {
  const { subject, member, targets, name } = meter;
  return {
    $typeName: 'tollgate.v1.Meter',
    subject: subjectToMessage(member === undefined ? subject : { kind: 'user', id: member }),
    insideTeam: member === undefined ? '' : subject.id,
    targets: [...targets],
    name,
  };
});
