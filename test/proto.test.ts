import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
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
