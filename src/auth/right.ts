import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { Role } from '../service/caller.ts';

/** Which roles may call an RPC. */
export interface Right {
  /** For an organization that the role holds for. */
  readonly roles: readonly Role[];
  /** What the RPC does without an organization, where that takes another role, and which. */
  readonly forPlatform?: { readonly roles: readonly Role[]; readonly does: string };
}

/** The rights of each method of a service: the compiler finds a method that is left out. */
export function rightsOf<Service extends Pick<DescService, 'typeName'> & { method: object }>(
  service: Service,
  rows: Readonly<Record<keyof Service['method'], Right>>,
): readonly (readonly [method: string, Right])[] {
  return Object.entries<Right>(rows).map(([name, right]) => [`${service.typeName}/${name}`, right]);
}

/** What a method is called in the table. */
export function rowName({ parent, localName }: DescMethod): string {
  return `${parent.typeName}/${localName}`;
}
