import type { Raised } from '../../core/raise.ts';

/** The raises of an amount as JSON keeps them: what each adds, which is in the amount. */
export type RaisedForm = readonly (readonly [id: string, untilMs: number, added: string])[];

/** The raises of an amount, for JSON. */
export function raisedForm({ applied }: Raised): RaisedForm {
  return applied.map(({ id, untilMs, added }) => [id, untilMs, added.toString()]);
}

/** Reads the raises of an amount back. */
export function raisedOf(amount: bigint, form: RaisedForm): Raised {
  const applied = form.map(([id, untilMs, added]) => ({ id, untilMs, added: BigInt(added) }));
  return { declared: applied.reduce((left, { added }) => left - added, amount), applied };
}
