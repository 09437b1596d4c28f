/** Something that is not written here, where it is allowed all the same, and what to write instead. */
export interface Ban {
  readonly name: string;
  readonly pattern: RegExp;
  readonly allowedIn: readonly RegExp[];
  readonly instead: string;
}

/** The bans that the linter does not know. Each has a planted violation in `fixtures/<name>.fixture`. */
export const bans: readonly Ban[] = [
  {
    name: 'own-clock',
    pattern: /\bDate\.now\(|\bnew Date\(\)/,
    allowedIn: [/^src\/(?:cli|client)\b/, /^src\/platform\/(?:deadline|log)\.ts$/],
    instead: 'take `now` as an argument, or a Clock: the database has the time',
  },
  {
    name: 'randomness',
    pattern: /\bMath\.random\(/,
    allowedIn: [],
    instead: 'node:crypto for secrets, uuid for ids',
  },
  {
    name: 'environment',
    pattern: /\bprocess\.env\b/,
    allowedIn: [/^src\/config\.ts$/, /^src\/main\.ts$/, /^src\/cli\//],
    instead: 'a setting in src/config.ts, passed on as an argument',
  },
  {
    name: 'float-money',
    pattern: /\bparseFloat\(|\bNumber\([^)]*(?:[cC]ost|[nN]anos|[aA]mount)/,
    allowedIn: [],
    instead: 'bigint nano-USD, read by core/amount.ts',
  },
  {
    name: 'foreign-folder',
    pattern: /\.\.\/shared\b/,
    allowedIn: [],
    instead: 'what the project needs is in the project',
  },
  {
    name: 'plpgsql',
    pattern:
      /LANGUAGE\s+plpgsql|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TRIGGER|FUNCTION)|\bMERGE\s+INTO\b/i,
    allowedIn: [],
    instead: 'decide in src/core; plain statements run on a distributed PostgreSQL too',
  },
  {
    name: 'temporary-table',
    pattern: /CREATE\s+(?:TEMP|TEMPORARY)\s+TABLE|\w\s+(?:big)?serial\s*(?:,|\)|NOT|PRIMARY)/i,
    allowedIn: [],
    instead: 'unnest($1::…) for the rows of a batch, uuid or bigint for ids',
  },
];

/** File names that say nothing of what is inside. */
export const emptyNames = /^(?:utils?|helpers?|common|misc|types|interfaces)\.ts$/;
