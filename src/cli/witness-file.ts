import { open, readFile, rename } from 'node:fs/promises';
import type { AuditHead } from '../audit/audit-trail.ts';

/** The ends of chains by organization, as they were kept; empty if there is no such file yet. */
export async function readWitness(path: string): Promise<Map<string, AuditHead>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
    throw cause;
  });
  const heads = new Map<string, AuditHead>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const [orgId, head] = headOf(line) ?? [];
    if (orgId === undefined || head === undefined) {
      throw new Error(`${path}: line ${index + 1} is not the end of a chain`);
    }
    heads.set(orgId, head);
  }
  return heads;
}

function headOf(line: string): readonly [string, AuditHead] | undefined {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof said !== 'object' || said === null) return undefined;
  const { org_id: orgId, sequence, hash } = said as Readonly<Record<string, unknown>>;
  if (typeof orgId !== 'string' || !Number.isSafeInteger(sequence)) return undefined;
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
  return [orgId, { sequence: Number(sequence), hash: Buffer.from(hash, 'hex') }];
}

/** Writes the ends of chains, a line of JSON each. The file is replaced when the new one is on the disk. */
export async function writeWitness(
  path: string,
  heads: ReadonlyMap<string, AuditHead>,
): Promise<void> {
  const lines = [...heads].map(([orgId, { sequence, hash }]) =>
    JSON.stringify({ org_id: orgId, sequence, hash: hash.toString('hex') }),
  );
  const next = `${path}.new`;
  const file = await open(next, 'w', 0o600);
  try {
    await file.writeFile(lines.map((line) => `${line}\n`).join(''));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
}
