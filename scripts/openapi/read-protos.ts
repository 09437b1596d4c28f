import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import type { DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const root = join(import.meta.dirname, '../..');
const adminPackage = 'tollgate.admin.v1';

/** The services of the admin plane as the .proto files have them, with comments, which generated code leaves out. */
export function readAdminServices(): readonly DescService[] {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-protos-'));
  try {
    const image = join(folder, 'protos.binpb');
    execFileSync('buf', ['build', '--output', image], { cwd: root, stdio: 'inherit' });
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(image)));
    return [...registry.files]
      .filter(({ proto }) => proto.package === adminPackage)
      .flatMap(({ services }) => services)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
