/**
 * `node bench/medians.ts FILE…`: of several runs with `--json FILE`, a table of medians as RESULTS.md has it. A ratio
 * that one of the runs refused stays refused.
 */
import { readFileSync } from 'node:fs';
import type { Figure } from './measure.ts';

type Levels = Readonly<Record<string, Figure>>;

interface Run {
  readonly echo: Levels;
  readonly ratio: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
}

const files = process.argv.slice(2);
const runs = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Run);
const [first] = runs;
if (first === undefined) throw new Error('usage: node bench/medians.ts FILE…');

console.log(
  '| in flight | what | per second | p50 ms | p99 ms | to the echo | CPU µs: server | db | generator | WAL bytes |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const level of Object.keys(first.echo)) {
  for (const name of ['echo', ...Object.keys(first.ratio)]) {
    const figures = runs
      .map((run) => figuresOf(run, name)[level])
      .filter((one) => one !== undefined);
    const ratios = runs.map((run) => run.ratio[name]?.[level] ?? Number.NaN);
    console.log(line(level, name, figures, ratios));
  }
}

/** Beside echo and ratio, a run has the figures under their names. */
function figuresOf(run: Run, name: string): Levels {
  return (run as unknown as Record<string, Levels>)[name] ?? {};
}

function line(level: string, name: string, figures: readonly Figure[], ratios: readonly number[]) {
  const of = (read: (figure: Figure) => number, digits = 0): string =>
    median(figures.map(read)).toFixed(digits);
  const ratio = ratios.some((one) => Number.isNaN(one)) ? 'refused' : median(ratios).toFixed(2);
  const isEcho = name === 'echo';
  const cells = [
    level.slice(1),
    name,
    Number(of(({ perSecond }) => perSecond)).toLocaleString('en-US'),
    of(({ p50Ms }) => p50Ms, 2),
    of(({ p99Ms }) => p99Ms, 1),
    isEcho ? '' : ratio,
    of(({ cpuUs }) => cpuUs.server),
    isEcho ? '' : of(({ cpuUs }) => cpuUs.database),
    of(({ cpuUs }) => cpuUs.generator),
    isEcho ? '' : of(({ walBytes }) => walBytes),
  ];
  return `| ${cells.join(' | ')} |`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
