import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bans, emptyNames } from './house/bans.ts';
import { importTable } from './house/imports.ts';
import { plainWords } from './house/plain-words.ts';

const root = join(import.meta.dirname, '..');
const sources = filesBelow('src').filter((file) => /\.(?:ts|sql)$/.test(file));

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** What a file of src/ imports: packages as they are, files as paths below src/ (or `gen/…`). */
function importsOf(file: string, text: string): string[] {
  const found = [...text.matchAll(/\b(?:from '([^']+)';|import\('([^']+)'\))/g)].map(
    ([, from, dynamic]) => from ?? dynamic ?? '',
  );
  return found.map((name) =>
    name.startsWith('.') ? relative(join(root, 'src'), join(root, dirname(file), name)) : name,
  );
}

function importedFiles(file: string): string[] {
  return importsOf(file, read(file))
    .map((name) => join('src', name))
    .filter((path) => sources.includes(path));
}

/** The groups of two or more nodes that reach each other, each in alphabetical order (Tarjan's algorithm). */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): number => {
    const at = order.size;
    order.set(node, at);
    stack.push(node);
    let lowest = at;
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, order.get(next) ?? at);
    }
    if (lowest === at) {
      const group = stack.splice(stack.indexOf(node));
      if (group.length > 1) found.push(group.toSorted());
    }
    return lowest;
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

function folderOf(file: string): string {
  const path = relative('src', file);
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}

function isAllowed(folder: string, imported: string): boolean {
  const allowed = importTable[folder] ?? [];
  if (allowed.includes('*') || imported.startsWith(`${folder}/`)) return true;
  return allowed.some((entry) => {
    if (entry.endsWith('.ts')) return imported === entry;
    if (entry === 'gen') return imported.startsWith('../gen/');
    return (
      imported === entry ||
      imported.startsWith(entry.endsWith('/') || entry.endsWith(':') ? entry : `${entry}/`)
    );
  });
}

describe('the import table', () => {
  it('is kept by every file', () => {
    const violations = sources.flatMap((file) =>
      importsOf(file, read(file))
        .filter((imported) => !isAllowed(folderOf(file), imported))
        .map((imported) => `${file} imports ${imported}`),
    );
    expect(violations).toEqual([]);
  });

  it('has no cycle, types included', () => {
    expect(cycles(new Map(sources.map((file) => [file, importedFiles(file)])))).toEqual([]);
  });

  it('would catch a cycle of three', () => {
    const graph = { a: ['b'], b: ['c', 'd'], c: ['a'], d: [] };
    expect(cycles(new Map(Object.entries(graph)))).toEqual([['a', 'b', 'c']]);
  });

  it('would catch a core that reads the database, and two planes that know each other', () => {
    expect(isAllowed('core', 'pg')).toBe(false);
    expect(isAllowed('core', 'ledger/ledger.ts')).toBe(false);
    expect(isAllowed('grpc', 'admin/server.ts')).toBe(false);
    expect(isAllowed('service', 'ledger/pg-ledger.ts')).toBe(false);
    expect(isAllowed('service', 'ledger/ledger.ts')).toBe(true);
  });
});

describe('a ban', () => {
  for (const { name, pattern, allowedIn, instead } of bans) {
    it(`on ${name} is kept: ${instead}`, () => {
      const violations = sources.filter(
        (file) =>
          !allowedIn.some((allowed) => allowed.test(file)) && pattern.test(code(read(file))),
      );
      expect(violations).toEqual([]);
    });

    it(`on ${name} catches the violation planted for it`, () => {
      expect(pattern.test(code(read(`test/house/fixtures/${name}.fixture`)))).toBe(true);
    });
  }

  // Seen red: on the documents and comments as they were before.
  it('on unusual words is kept, in code, comments, tests, the contract and the documentation', () => {
    const written = ['src', 'test', 'bench', 'proto/tollgate', 'docs'].flatMap(filesBelow);
    const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
    const texts = [...written.filter((file) => /\.(?:ts|sql|md|proto|yaml)$/.test(file)), ...pages]
      .filter((file) => file !== 'test/house/plain-words.ts')
      .map((file) => ({ file, text: read(file) }));
    const unusual = plainWords.flatMap(({ unusual: pattern, usual }) =>
      texts.flatMap(({ file, text }) => {
        const found = pattern.exec(text)?.[0];
        return found === undefined ? [] : [`${file}: "${found}"; write: ${usual}`];
      }),
    );
    expect(unusual).toEqual([]);
  });

  it('on names that say nothing is kept', () => {
    expect(sources.filter((file) => emptyNames.test(basename(file)))).toEqual([]);
    expect(emptyNames.test('helpers.ts')).toBe(true);
  });
});

/** A file without its comments. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*(?:\/\/|--).*$/gm, '');
}

describe('the schema', () => {
  const schema = filesBelow('src/db/migrations').map(read).join('\n');
  const global = [
    'credential_secret',
    'account',
    'account_certificate',
    'account_request',
    'account_secret',
    'sweep_lease',
    'platform',
  ];

  it('has the organization first in every primary key and unique index', () => {
    const tables = [...code(schema).matchAll(/CREATE TABLE (\w+) \(([\s\S]*?)\n\)/g)];
    expect(tables.length).toBeGreaterThan(8);
    const wrong = tables.filter(([, name = '', body = '']) => {
      const key =
        /PRIMARY KEY \(([^)]+)\)/.exec(body)?.[1] ?? /^\s*(\w+) [^,]*PRIMARY KEY/m.exec(body)?.[1];
      return !global.includes(name) && !key?.startsWith('org_id');
    });
    expect(wrong.map(([, name]) => name)).toEqual([]);
    const indexes = [
      ...code(schema).matchAll(/CREATE UNIQUE INDEX (?:CONCURRENTLY )?\w+\s+ON \w+ \(([^)]+)\)/g),
    ];
    expect(indexes.filter(([, columns = '']) => !columns.startsWith('org_id'))).toEqual([]);
  });

  it('refers only inside an organization or to it', () => {
    const references = [...code(schema).matchAll(/REFERENCES (\w+) \(([^)]+)\)/g)];
    expect(references.filter(([, , columns = '']) => !columns.startsWith('org_id'))).toEqual([]);
    expect(code(schema)).not.toMatch(/ON DELETE SET/);
  });

  it('passes time in as a value: no statement that updates on conflict asks the server for it', () => {
    const statements = sources
      .filter((file) => file.startsWith('src/ledger/sql/') || file.startsWith('src/policies/'))
      .filter((file) =>
        /DO UPDATE SET[\s\S]*?\b(?:now\(\)|clock_timestamp\(\))/.test(code(read(file))),
      );
    expect(statements).toEqual([]);
  });
});
