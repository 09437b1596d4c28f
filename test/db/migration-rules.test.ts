import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('../../src/db/migrations/', import.meta.url);

/** What a distributed table refuses in a statement of a migration. */
function migrationFaults(text: string): readonly string[] {
  const faults: string[] = [];
  for (const statement of text.replaceAll(/--.*/g, '').split(';')) {
    const added =
      statement.match(/\bADD (?:CONSTRAINT|PRIMARY KEY|UNIQUE|FOREIGN KEY|CHECK)\b/g) ?? [];
    if (/^\s*ALTER TABLE/.test(statement) && added.length > 1)
      faults.push('two constraints at once');
    if (/\bCREATE (?:OR REPLACE )?(?:TRIGGER|FUNCTION|PROCEDURE|RULE)\b/.test(statement)) {
      faults.push('a trigger, a function or a rule');
    }
    if (/\bON (?:DELETE|UPDATE) SET\b/.test(statement)) faults.push('SET NULL or SET DEFAULT');
    if (/\b(?:small|big)?serial\b/.test(statement)) faults.push('a serial');
    if (/\bDETACH PARTITION\b[^;]*\bCONCURRENTLY\b/.test(statement))
      faults.push('DETACH CONCURRENTLY');
  }
  return faults;
}

/**
 * The tables that are locked while an index or a unique constraint is built, and that may be large: the migration does
 * not make them itself. ON ONLY a partitioned table, which cannot have it built concurrently, locks none of its partitions.
 */
function lockedTables(text: string): readonly string[] {
  const code = text.replaceAll(/--.*/g, '');
  const made = [...code.matchAll(/\bCREATE TABLE (\w+)/g)].map(([, table]) => table);
  const index =
    /\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY\b)(?:IF NOT EXISTS )?(?:\w+\s+)?ON (?!ONLY\b)(\w+)/g;
  // One that an index built before becomes (USING INDEX) locks for an instant only.
  const constraint =
    /\bALTER TABLE (?:ONLY )?(\w+)\s+ADD (?:CONSTRAINT \w+ )?(?:PRIMARY KEY|UNIQUE)\b(?! USING INDEX)/g;
  return [...code.matchAll(index), ...code.matchAll(constraint)]
    .map(([, table = '']) => table)
    .filter((table) => !made.includes(table));
}

test.each(readdirSync(folder))('%s builds indexes of tables that exist concurrently', (file) => {
  expect(lockedTables(readFileSync(new URL(file, folder), 'utf8'))).toEqual([]);
});

test('an index that locks a large table is found', () => {
  const locking = `CREATE TABLE fresh (org_id text);
CREATE INDEX fresh_org ON fresh (org_id);
CREATE INDEX CONCURRENTLY call_a ON call (org_id);
CREATE INDEX usage_a ON ONLY usage (org_id);
ALTER TABLE fresh ADD PRIMARY KEY (org_id);
ALTER TABLE policy ADD CONSTRAINT policy_a UNIQUE USING INDEX policy_b;
CREATE UNIQUE INDEX call_b ON call (org_id);
CREATE INDEX IF NOT EXISTS meter_a ON meter (org_id);
CREATE INDEX ON org (epoch);
ALTER TABLE record ADD CONSTRAINT record_a UNIQUE (org_id);
ALTER TABLE ONLY price ADD PRIMARY KEY (org_id);`;
  expect(lockedTables(locking).toSorted()).toEqual(['call', 'meter', 'org', 'price', 'record']);
});

test.each(readdirSync(folder))('%s keeps the rules of a distributed PostgreSQL', (file) => {
  expect(migrationFaults(readFileSync(new URL(file, folder), 'utf8'))).toEqual([]);
});

test('a migration that breaks the rules is found', () => {
  const faults = [
    'ALTER TABLE meter ADD CONSTRAINT a CHECK (true), ADD CONSTRAINT b CHECK (true)',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
    'CREATE TABLE t (org_id text REFERENCES org ON DELETE SET NULL)',
    'CREATE TABLE t (org_id text, id bigserial)',
    'ALTER TABLE usage DETACH PARTITION usage_20260301 CONCURRENTLY',
  ];
  for (const text of faults) expect(migrationFaults(text), text).toHaveLength(1);
});
