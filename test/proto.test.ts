import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DescField, DescFile, DescMessage } from '@bufbuild/protobuf';
import { ScalarType, createRegistry } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '../proto');
const files = globSync('**/*.proto', { cwd: folder }).toSorted();
const own = files.filter((file) => file.startsWith('tollgate/'));

function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}

// Red on the contract without options, and with the outer class of one file named as another's.
test.each(own)('%s says what its code is called in Go, Java and C#', (file) => {
  const isAdmin = file.startsWith('tollgate/admin/');
  const words = basename(file, '.proto').split('_');
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
  expect(read(file).match(/^option .*;$/gm)).toEqual([
    `option csharp_namespace = "Tollgate${isAdmin ? '.Admin' : ''}.V1";`,
    `option go_package = "tollgate/${isAdmin ? 'admin/v1;tollgateadminv1' : 'v1;tollgatev1'}";`,
    'option java_multiple_files = true;',
    `option java_outer_classname = "${name}Proto";`,
    `option java_package = "tollgate${isAdmin ? '.admin' : ''}.v1";`,
  ]);
});

// Red with our own shortened copies: generated code of both collides with genproto and googleapis-common-protos.
test('what is not ours is as it was published', () => {
  const digests = files
    .filter((file) => !own.includes(file))
    .map((file) => [file, createHash('sha256').update(read(file)).digest('hex')]);
  const rows = read('README.md').matchAll(/^\| `(\S+\.proto)` +\| .* \| `([0-9a-f]{64})` \|$/gm);
  expect(digests).toEqual([...rows].map(([, file, digest]) => [file, digest]));
});

/** Every field of the contract, `tollgate.v1.Outcome.decide_time`. */
async function fields(): Promise<DescField[]> {
  const generated = globSync('tollgate/**/*_pb.ts', { cwd: join(folder, '../gen') });
  const modules = await Promise.all(
    generated.map((file) => import(join(folder, '../gen', file)) as Promise<object>),
  );
  const descs = modules.flatMap((module) => Object.values(module) as (DescFile | object)[]);
  const registry = createRegistry(...descs.filter(isFile));
  return [...registry]
    .filter((desc): desc is DescMessage => desc.kind === 'message')
    .filter(({ typeName }) => typeName.startsWith('tollgate.'))
    .flatMap((message) => message.fields);
}

function isFile(desc: DescFile | object): desc is DescFile {
  return 'kind' in desc && desc.kind === 'file';
}

const named = (all: readonly DescField[]): string[] =>
  all.map(({ parent, name }) => `${parent.typeName}.${name}`);

const pythonKeywords = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

// Planted: with `decide_time` as `decided_at`, `request_count` as `requests`, `cost_nanos` of GetUsage as `cost`, and
// `applies_to` as `for`, one line each is red.
test('fields are named by the rules of docs/decisions/0020-names-of-fields.md', async () => {
  const all = await fields();
  expect(all.length).toBeGreaterThan(300);
  const isTime = (field: DescField) => field.message?.typeName === 'google.protobuf.Timestamp';
  const misnamed = all.filter((field) => isTime(field) !== field.name.endsWith('_time'));
  expect(named(misnamed)).toEqual([]);
  const isWhole = ({ scalar }: DescField) =>
    scalar === ScalarType.INT64 || scalar === ScalarType.INT32;
  const money = all.filter(({ name }) => /(?:^|_)(?:cost|nanos)(?:_|$)/.test(name));
  const unclear = money.filter((field) => isWhole(field) !== field.name.endsWith('_nanos'));
  // Whether a bypass lifts limits on cost.
  expect(named(unclear.filter(({ scalar }) => scalar !== ScalarType.BOOL))).toEqual([]);
  const counts = all.filter(({ name }) =>
    /^(?:requests|occurrences|in_flight|models|expired)$/.test(name),
  );
  // What a caller says of a call, and not a count in an answer.
  const weights = new Set([
    'tollgate.admin.v1.PriceCallRequest.requests',
    'tollgate.v1.Estimate.requests',
    'tollgate.v1.ReportRequest.requests',
  ]);
  expect(named(counts.filter(isWhole)).filter((name) => !weights.has(name))).toEqual([]);
  expect(named(all.filter(({ name }) => pythonKeywords.has(name)))).toEqual([]);
});
