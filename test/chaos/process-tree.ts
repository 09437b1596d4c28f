import { readFileSync, readdirSync } from 'node:fs';

/** A process and all that descend from it, parents first. Linux only: it reads `/proc`. */
export function processTree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(processTree)];
}

/** Sends a signal to a process and its descendants; those that are gone already are passed over. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  // Parents first: a stopped parent makes no more children.
  const reached = new Set<number>();
  for (let found = processTree(pid); found.some((one) => !reached.has(one));) {
    for (const one of found) if (!reached.has(one)) sendSignal(one, signal);
    for (const one of found) reached.add(one);
    found = processTree(pid);
  }
}

/** Memory of a process that is in use, in MiB; undefined when it is gone. */
export function residentMiB(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .filter((child) => child !== '')
        .map(Number),
    );
  } catch {
    // The process has ended meanwhile.
    return [];
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    const isGone = cause instanceof Error && 'code' in cause && cause.code === 'ESRCH';
    if (!isGone) throw cause;
  }
}
