import { open, unlink } from 'node:fs/promises';

/**
 * Writes secrets to a new file that only its owner may read, and waits until it is on the disk. Fails if the file
 * exists, whatever it holds: it may hold the secrets of another store.
 */
export async function writeSecretsFile(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw new Error(`${path} cannot be created: ${reasonOf(cause)}`, { cause });
  });
  try {
    // Whatever the umask took away or a default ACL gave.
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } catch (cause) {
    await unlink(path);
    throw cause;
  } finally {
    await file.close();
  }
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EEXIST') return 'it exists already; remove it or name another';
  return cause instanceof Error ? cause.message : String(cause);
}
