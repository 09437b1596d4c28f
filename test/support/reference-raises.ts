import type { ReferenceLimit, ReferencePath } from './reference-resolver.ts';
import type { SaidRaise } from './raises.ts';
import type { Said } from './view.ts';

/**
 * The rule of raises once more, as plainly as it can be said and without a line of the core: which raises are for a limit
 * on a meter follows from their texts, and the amount is tried from below.
 */
export function referenceRaised(
  said: Said,
  path: ReferencePath,
  limits: readonly ReferenceLimit[],
  nowMs: number,
): ReferenceLimit[] {
  return limits.map((text): ReferenceLimit => {
    const [name = '', meter = '', declared = ''] = text.split(' ');
    const present = (said.raises ?? []).filter((raise) => isFor(said, path, raise, name, meter));
    const active = present.filter(({ untilMs = Infinity }) => untilMs > nowMs);
    let amount = BigInt(declared);
    for (const raise of active) {
      if (raise.amount !== undefined && raise.amount > amount) amount = raise.amount;
    }
    for (const { add = 0n } of active) amount += add;
    const most = 2n ** 63n - 1n;
    return `${name} ${meter} ${amount > most ? most : amount}` as ReferenceLimit;
  });
}

function isFor(
  said: Said,
  { user }: ReferencePath,
  raise: SaidRaise,
  name: string,
  meter: string,
): boolean {
  if (raise.of !== name) return false;
  const slash = name.lastIndexOf('/');
  const limit = said.policies?.[name.slice(0, slash)]?.limits?.find(
    (one) => one.name === name.slice(slash + 1),
  );
  if (limit === undefined) return false;
  const metric = raise.metric ?? 'COST';
  if (metric !== limit.metric) return false;
  const window = 'window' in raise ? raise.window : 'DAY';
  if (metric !== 'CONCURRENCY' && window !== (limit.window ?? 'DAY')) return false;
  if (raise.for === undefined) return true;
  const whose = meter.split('@')[0] ?? '';
  if (limit.for?.kind === 'MEMBER') return raise.for === `user:${user}`;
  return raise.for === whose;
}
