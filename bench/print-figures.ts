import { ratioOf } from './measure.ts';
import type { Figure } from './measure.ts';

const widths = [14, 6, 8, 9, 9, 8, 9, 7, 5, 7, 7, 6] as const;

/** What stands above the figures; CPU is in microseconds for each call. */
export const headLines = [
  row(['', 'in', 'per', 'p50', 'p99', 'to the', 'server', 'db', 'gen.', 'gen. of', 'WAL', 'tx']),
  row([
    '',
    'flight',
    'second',
    'ms',
    'ms',
    'echo',
    'CPU us',
    'CPU us',
    'CPU us',
    'machine',
    'bytes',
    '',
  ]),
];

/** One figure; with the echo's, its ratio to it. */
export function figureLine(
  name: string,
  level: string,
  figure: Figure,
  calibration?: Figure,
): string {
  const { cpuUs, walBytes, transactions, generatorShare, perSecond, p50Ms, p99Ms } = figure;
  return row([
    name,
    level,
    String(perSecond),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    calibration === undefined ? '' : (ratioOf(figure, calibration)?.toFixed(3) ?? 'refused'),
    cpuUs.server.toFixed(0),
    calibration === undefined ? '' : cpuUs.database.toFixed(0),
    cpuUs.generator.toFixed(0),
    `${(generatorShare * 100).toFixed(0)} %`,
    calibration === undefined ? '' : String(walBytes),
    calibration === undefined ? '' : transactions.toFixed(2),
  ]);
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) =>
      index < 2 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
    )
    .join(' ');
}
