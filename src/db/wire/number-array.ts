/** The numbers of a bigint[] as PostgreSQL writes it. */
export function numbersOf(literal: string | null | undefined): bigint[] {
  if (literal === undefined || literal === null || literal === '{}') return [];
  return literal.slice(1, -1).split(',').map(BigInt);
}
