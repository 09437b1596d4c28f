import type { Fields } from './form.ts';
import type { Instance } from './instance.ts';
import { textOf } from './values.ts';

/** One scenario while it is played: its organizations under names of their own, and what was handed out. */
export interface World {
  readonly instance: Instance;
  /** The scenario's own organization as the service knows it. */
  readonly orgId: string;
  /** The names that the service knows, by those that the file gives its organizations. */
  readonly orgIds: Map<string, string>;
  /** Which scenario of the instance this is. */
  readonly number: number;
  /** Secrets by kind and id: `key k1`. */
  readonly secrets: Map<string, string>;
  /** The last sequence of each call's Extends, by request id. */
  readonly sequences: Map<string, number>;
}

const maxIdLength = 200;

/** A world of its own for a scenario, whose organization the file calls `writtenOrgId`. */
export function createWorld(instance: Instance, writtenOrgId: string): World {
  const number = instance.nextNumber();
  const orgIds = new Map<string, string>();
  const orgId = declare(orgIds, writtenOrgId, number);
  return { instance, orgId, orgIds, number, secrets: new Map(), sequences: new Map() };
}

/** The service's name of an organization that the file sets up; no other scenario can have it. */
export function declareOrg(world: World, writtenOrgId: string): string {
  return declare(world.orgIds, writtenOrgId, world.number);
}

function declare(orgIds: Map<string, string>, written: string, number: number): string {
  const known = orgIds.get(written);
  if (known !== undefined) return known;
  const suffix = `-scenario-${number}`;
  // An id that the service would refuse is left as it is, so that it does; a long one must not become one.
  const isRefused = written === '' || written.length > maxIdLength;
  const orgId = isRefused ? written : `${written.slice(0, maxIdLength - suffix.length)}${suffix}`;
  orgIds.set(written, orgId);
  return orgId;
}

/** The organization that a step means: the scenario's own, or the one it names; none where it says `null`. */
export function orgOf(world: World, fields: Fields): { orgId?: string } {
  const named = fields['org'];
  if (named === undefined) return { orgId: world.orgId };
  const written = textOf(named);
  return written === undefined ? {} : { orgId: world.orgIds.get(written) ?? written };
}

/** Whose record of a catalog a step means: the scenario's own organization's, or the platform's. */
export function ownerOf(
  world: World,
  fields: Fields,
): { readonly org_id: string } | { readonly platform: true } {
  return fields['platform'] === true ? { platform: true } : { org_id: world.orgId };
}

/** A text of the service with the organizations' names as the file writes them. */
export function asWritten(world: World, text: string): string {
  let written = text;
  for (const [name, orgId] of world.orgIds) {
    if (orgId !== '') written = written.replaceAll(orgId, name);
  }
  return written;
}
