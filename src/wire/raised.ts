import type { RaisedAmount } from '../../gen/tollgate/v1/limit_pb.ts';
import type { Raised } from '../core/raise.ts';
import { timestampOf } from './time.ts';

/** What raises have made of an amount, as it is sent. */
export function raisedToMessage({ declared, applied }: Raised): RaisedAmount {
  return {
    $typeName: 'tollgate.v1.RaisedAmount',
    declaredAmount: declared,
    raises: applied.map(({ id, untilMs, added }) => ({
      $typeName: 'tollgate.v1.AppliedRaise',
      raiseId: id,
      expireTime: timestampOf(untilMs),
      addedAmount: added,
    })),
  };
}
