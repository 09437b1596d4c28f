import { readFileSync, readdirSync } from 'node:fs';

/** Of a process, as Linux counts it (proc(5)); in ticks of a hundredth of a second. */
interface ProcessTimes {
  readonly parent: number;
  /** User and system time of all its threads. */
  readonly own: number;
  /** The same of the children that have ended. */
  readonly ended: number;
}

const ticksPerSecond = 100;

/**
 * CPU seconds that a process and its descendants have taken so far, those that have ended included. Two readings
 * a second apart are exact to about two hundredths for each process.
 */
export function cpuSeconds(root: number): number {
  const all = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    const times = /^\d+$/.test(name) ? timesOf(Number(name)) : undefined;
    if (times !== undefined) all.set(Number(name), times);
  }
  return ticksOf(root, all) / ticksPerSecond;
}

/** The process that started this one. */
export function parentOf(pid: number): number {
  const times = timesOf(pid);
  if (times === undefined) throw new Error(`process ${pid} does not exist`);
  return times.parent;
}

function ticksOf(pid: number, all: ReadonlyMap<number, ProcessTimes>): number {
  const times = all.get(pid);
  if (times === undefined) throw new Error(`process ${pid} does not exist`);
  const children = [...all].filter(([, { parent }]) => parent === pid);
  return children.reduce((sum, [child]) => sum + ticksOf(child, all), times.own + times.ended);
}

function timesOf(pid: number): ProcessTimes | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // It ended since the folder was listed; its parent has its time now.
    return undefined;
  }
  // The name of the program, in brackets, may contain anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const at = (field: number): number => Number(fields[field - 3]);
  return { parent: at(4), own: at(14) + at(15), ended: at(16) + at(17) };
}
