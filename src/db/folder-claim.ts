import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Claims a folder for this process, with a file that contains its process id. Returns a function that releases it.
 * Fails when the process that claimed it lives; the claim of a dead one is taken over.
 */
export function claimFolder(folder: string): () => void {
  const path = join(folder, 'tollgate.pid');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (cause) {
      if (!hasCode(cause, 'EEXIST')) throw cause;
    }
    const holder = readHolder(path);
    if (holder !== undefined && isAlive(holder)) {
      throw new Error(
        `${folder} is in use by another Tollgate (process ${holder}). ` +
          'Stop it first, or start this one in another folder or with DATABASE_URL.',
      );
    }
    rmSync(path, { force: true });
  }
  throw new Error(`${folder} could not be claimed: ${path} keeps coming back.`);
}

function readHolder(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    // It was released between the two looks.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return hasCode(cause, 'EPERM');
  }
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
