import { spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Kills a process and those that it started, without waiting. The processes of PostgreSQL lead groups of their own, so
 * that killing the group of the first would leave frozen ones behind.
 */
export function killTree({ pid }: Pick<ChildProcess, 'pid'>): void {
  if (pid === undefined) return;
  const children = childrenOf(pid);
  // The first one first: it would replace the others.
  for (const one of [pid, ...children]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}

function childrenOf(pid: number): readonly number[] {
  return (childrenByProc(pid) ?? childrenByPs(pid)).filter((child) => child > 0);
}

/** As Linux reports it. */
function childrenByProc(pid: number): readonly number[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').map(Number);
  } catch {
    return undefined;
  }
}

/** As other systems do. */
function childrenByPs(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = (stdout ?? '').split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}
