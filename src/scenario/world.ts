import type { Instance } from './instance.ts';

/** One scenario while it is played: its organization under a name of its own, and what was handed out. */
export interface World {
  readonly instance: Instance;
  /** The organization as the service knows it. */
  readonly orgId: string;
  /** As the file calls it. */
  readonly writtenOrgId: string;
  /** Secrets by the key or token's id. */
  readonly secrets: Map<string, string>;
  /** The last sequence of each call's Extends. */
  readonly sequences: Map<string, number>;
}

/** The organization a step means: its own, the file's under its real name, or one that nobody declared. */
export function orgOf(world: World, named: string | undefined): string {
  if (named === undefined || named === world.writtenOrgId) return world.orgId;
  return named;
}

/** An answer with the organization's name as the file writes it. */
export function asWritten(world: World, text: string): string {
  return text.replaceAll(world.orgId, world.writtenOrgId);
}
