import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
let clone = '';

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'tollgate-contract-'));
  for (const part of ['proto', 'scripts', 'buf.yaml']) {
    cpSync(join(root, part), join(clone, part), { recursive: true });
  }
  git('init', '-q');
  commit('as it is');
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

function git(...words: string[]): void {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  execFileSync('git', [...who, ...words], { cwd: clone });
}

function commit(message: string): void {
  git('add', '-A');
  git('commit', '-qm', message);
}

function replace(from: string, to: string): void {
  const file = join(clone, 'proto/tollgate/v1/limit.proto');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
}

function check(): { status: number | null; said: string } {
  const options = { cwd: clone, encoding: 'utf8', env: { ...process.env, PATH: path } } as const;
  const { status, stdout, stderr } = spawnSync('bash', ['scripts/check-breaking.sh'], options);
  return { status, said: stdout + stderr };
}

// Red with the last commit in place of the last release: what is committed was then never looked at.
test('a field that clients of the last release read stays as it is', () => {
  git('tag', 'v1.0.0');
  replace('int64 held = 10;', 'string held = 10;');
  commit('break it');
  const { status, said } = check();
  expect(status).toBe(1);
  expect(said).toContain('Field "10" with name "held"');
  expect(said).toContain('the contract breaks clients of v1.0.0');
});

test('a new field is no break, and what was not released may change', () => {
  replace('int64 held = 10;', 'int64 held = 10;\n  // New.\n  int64 more = 90;');
  commit('add');
  expect(check()).toEqual({ status: 0, said: expect.stringContaining('no release tag') as string });
  git('tag', 'v1.0.0');
  replace('int64 more = 90;', 'int64 more = 90;\n  // Another.\n  int64 other = 91;');
  commit('add another');
  git('tag', 'not-a-release');
  expect(check()).toMatchObject({ status: 0, said: expect.stringContaining('v1.0.0') as string });
});
