import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DescService } from '@bufbuild/protobuf';

const folder = join(import.meta.dirname, '../../gen/tollgate/admin/v1');

/** Every service of the admin plane, by name: whatever is generated, also what is added later. */
export async function adminServices(): Promise<readonly DescService[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('_pb.ts'));
  const modules = await Promise.all(
    files.map(async (file) => (await import(join(folder, file))) as Record<string, unknown>),
  );
  return modules
    .flatMap((module) => Object.values(module))
    .filter(isService)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function isService(value: unknown): value is DescService {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'kind') === 'service';
}
