import { PriceScope } from '../../gen/tollgate/v1/call_pb.ts';
import type { PriceRevision } from '../../gen/tollgate/v1/call_pb.ts';
import { priceScopes } from '../core/catalog.ts';

/**
 * A price revision as it is sent, from the text that the ledger keeps: `MODEL gpt-4o 3`, or with the service tier
 * that the price is for, `MODEL gpt-4o flex 3`; of the platform `PLATFORM MODEL gpt-4o 3`. No part contains a space.
 */
export function priceRevisionToMessage(kept: string): PriceRevision {
  const [first = '', ...rest] = kept.split(' ');
  const platform = first === 'PLATFORM';
  const parts = platform ? rest : [first, ...rest];
  const scope = priceScopes.find((known) => known === parts[0]);
  return {
    $typeName: 'tollgate.v1.PriceRevision',
    scope: PriceScope[scope ?? 'UNSPECIFIED'],
    subject: parts[1] ?? '',
    serviceTier: parts.length > 3 ? (parts[2] ?? '') : '',
    revision: BigInt(parts.at(-1) ?? 0),
    platform,
  };
}
