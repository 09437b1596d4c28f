import type { MessageInitShape } from '@bufbuild/protobuf';
import type { UsageSchema } from '../../gen/tollgate/v1/call_pb.ts';

const maxInt64 = 9_223_372_036_854_775_807n;
const wrongUnitNames = ['', 'Image', '1image', '.image', 'image hd', 'bild\u00e4', 'i'.repeat(65)];

/** Weights that no call can have. */
export const wrongWeights = [0n, -1n, 1_000_001n, maxInt64];

/** Requests with wrong numbers of tokens, units or money at one place, each with the field that is at fault. */
export function amountCases<Request>(
  place: string,
  rest: Request,
): (readonly [field: string, request: Request])[] {
  const of = (
    field: string,
    amounts: MessageInitShape<typeof UsageSchema>,
  ): readonly [string, Request] => [`${place}.${field}`, { ...rest, [place]: amounts }];
  return [-1n, -maxInt64 - 1n].flatMap((wrong) => [
    of('input_tokens', { inputTokens: wrong }),
    of('output_tokens', { outputTokens: wrong }),
    of('cached_input_tokens', { cachedInputTokens: wrong }),
    of('cache_write_tokens', { cacheWriteTokens: wrong }),
    of('cost_nanos', { costNanos: wrong }),
    of('cache_write_1h_tokens', { cacheWrite1hTokens: wrong }),
    of('units[image]', { units: { image: wrong, search: 1n } }),
    of('cached_input_tokens', { inputTokens: 4n, cachedInputTokens: 5n }),
    of('cached_input_tokens', { inputTokens: 4n, cachedInputTokens: 5n, cacheWriteTokens: 5n }),
    of('cache_write_tokens', { inputTokens: 4n, cacheWriteTokens: 5n }),
    of('cache_write_tokens', { inputTokens: 4n, cachedInputTokens: 2n, cacheWriteTokens: 3n }),
    of('cache_write_1h_tokens', { inputTokens: 9n, cacheWriteTokens: 4n, cacheWrite1hTokens: 5n }),
    of('units[image]', { units: { image: 2n ** 53n + 1n } }),
    ...wrongUnitNames.map((name) => of('units', { units: { [name]: 1n } })),
    of('units', { units: unitsNamed(17) }),
  ]);
}

function unitsNamed(count: number): Record<string, bigint> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`unit${index}`, 1n]));
}
