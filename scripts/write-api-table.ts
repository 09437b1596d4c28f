import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { adminServices } from './admin-shape/services.ts';
import { apiTable } from './admin-shape/table.ts';

// Writes the table of methods into docs/api.md, from the generated protos. With --check it only compares.

const page = join(import.meta.dirname, '../docs/api.md');
const begin = '<!-- The table is generated: npm run generate. -->';
const end = '<!-- End of the table. -->';

const before = readFileSync(page, 'utf8');
const [head = '', rest = ''] = before.split(begin);
const [, tail = ''] = rest.split(end);
const text = [head, begin, '\n\n', apiTable(await adminServices()), '\n\n', end, tail].join('');
const options = (await resolveConfig(page)) ?? {};
const after = await format(text, { ...options, parser: 'markdown' });

if (process.argv.includes('--check')) {
  if (after !== before) throw new Error('docs/api.md is not what the protos say: npm run generate');
} else {
  writeFileSync(page, after);
}
