import type { Count } from './journal.ts';
import type { RoundReport } from './round.ts';

const mostOfOnePromise = 5;

/** One round in a line. */
export function lineOfRound({
  index,
  faults,
  journal,
  availability,
  residentMiB,
}: RoundReport): string {
  const { asked, answered, denied, degraded, unavailable } = journal.counts;
  const { untouchedGapMs, recoveredMs, stalledMs } = availability;
  return [
    `round ${index} [${faults.join(' + ') || 'no fault'}]`,
    `calls ${asked}`,
    `answered ${answered}`,
    `denied ${denied}`,
    `degraded ${degraded}`,
    `unavailable ${unavailable}${refusalsOf(journal.refusals)}`,
    `longest gap of the untouched ${seconds(untouchedGapMs, 'none untouched')}`,
    `recovered in ${seconds(recoveredMs, 'never')}`,
    `driver stalled ${seconds(stalledMs, '')}`,
    `memory ${Math.round(residentMiB)} MiB`,
  ].join(', ');
}

/** The violations of a round, grouped by what was promised, with what is needed to play it again. */
export function linesOfViolations(seed: number, { index, violations }: RoundReport): string[] {
  const byPromise = Map.groupBy(violations, ({ promise }) => promise);
  return [...byPromise].flatMap(([promise, found]) => [
    `  VIOLATION, seed ${seed}, round ${index}: ${promise}; ${found.length} times`,
    ...found.slice(0, mostOfOnePromise).map(({ evidence }) => `    ${evidence}`),
  ]);
}

/** All rounds together. */
export function summary(seed: number, reports: readonly RoundReport[]): string[] {
  const total = (count: Count): number =>
    reports.reduce((sum, { journal }) => sum + journal.counts[count], 0);
  const violations = reports.flatMap((report) => report.violations);
  const promises = Map.groupBy(violations, ({ promise }) => promise);
  const gaps = reports.map(({ availability }) => availability.untouchedGapMs ?? 0);
  return [
    `${reports.length} rounds, seed ${seed}: ${total('asked')} calls, ${total('answered')} answered, ` +
      `${total('denied')} denied, ${total('degraded')} degraded, ${total('unavailable')} unavailable; ` +
      `longest gap of the untouched ${seconds(Math.max(0, ...gaps), '')}; ${violations.length} violations`,
    ...[...promises].map(([promise, found]) => `  ${found.length} × ${promise}`),
  ];
}

function refusalsOf(refusals: ReadonlyMap<string, number>): string {
  const said = [...refusals].map(([name, count]) => `${name} ${count}`);
  return said.length === 0 ? '' : ` (${said.join(', ')})`;
}

function seconds(ms: number | undefined, absent: string): string {
  return ms === undefined ? absent : `${(ms / 1000).toFixed(2)} s`;
}
