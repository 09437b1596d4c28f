import { Reason } from '../../gen/tollgate/v1/outcome_pb.ts';

/** The name of a reason: `COST_EXCEEDED`; of an allowed call it is `UNSPECIFIED`. */
export function reasonName(reason: Reason | undefined): string {
  return Object.entries(Reason).find(([, value]) => value === (reason ?? 0))?.[0] ?? String(reason);
}
