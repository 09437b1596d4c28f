import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeSettings } from '../src/config.ts';

const root = join(import.meta.dirname, '..');
const pages = [...markdownIn('.'), ...markdownIn('docs'), ...markdownIn('docs/decisions')];

function markdownIn(folder: string): string[] {
  const files = readdirSync(join(root, folder)).filter((file) => file.endsWith('.md'));
  return files.map((file) => join(folder, file));
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

describe('the documentation', () => {
  it('has a row for every setting with its default, as --help has', () => {
    const operations = read('docs/operations.md');
    const settings = [...describeSettings().matchAll(/^ {2}(\S+) \((.*)\)\n {6}(.*)$/gm)];
    expect(settings.length).toBeGreaterThan(20);
    const missing = settings.filter(([, name, standard = '', description = '']) => {
      const row = operations.split('\n').find((line) => line.startsWith(`| \`${name}\``));
      const cell = standard === 'unset' ? '' : standard;
      return row === undefined || !row.includes(cell) || !row.includes(description);
    });
    expect(missing.map(([, name]) => name)).toEqual([]);
  });

  it('has a row for every package that is depended on', () => {
    const decision = read('docs/decisions/0001-dependencies.md');
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as {
      readonly dependencies: Readonly<Record<string, string>>;
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    expect(names.filter((name) => !decision.includes(`\`${name}\``))).toEqual([]);
  });

  it('names a test that is there for every threat', () => {
    const rows = read('docs/security.md')
      .split('\n')
      .filter((line) => line.startsWith('| '));
    const threats = rows.slice(2);
    expect(threats.length).toBeGreaterThan(15);
    expect(threats.filter((row) => !/\]\(\.\.\/test\/\S+\.test\.ts\)/.test(row))).toEqual([]);
  });

  // Seen red with a row whose function is of another file.
  it('says of at least thirty behaviours where they are, and is right', () => {
    const rows = [
      ...read('docs/architecture.md').matchAll(/^\| (.+?) +\| `(src\/\S+)` +\| `(\w+)` +\|$/gm),
    ];
    expect(rows.length).toBeGreaterThanOrEqual(30);
    const wrong = rows.filter(([, , file = '', name = '']) => {
      const declared = new RegExp(`\\b(?:function|const|class) ${name}\\b`);
      return !existsSync(join(root, file)) || !declared.test(read(file));
    });
    expect(wrong.map(([, behaviour]) => behaviour)).toEqual([]);
  });

  it('links only to pages that are there', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map(([, target = '']) => join(dirname(page), target))
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => `${page} → ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
