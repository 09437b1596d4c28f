import type { Model, RouteGroup } from './catalog.ts';
import type { OrganizationView } from './organization-view.ts';

/** The targets of one catalog, by name; a name is among one of the two at most. */
export interface Targets {
  readonly models: ReadonlyMap<string, Model>;
  readonly routeGroups: ReadonlyMap<string, RouteGroup>;
}

/**
 * The targets that apply to an organization: its own, and of the platform's those whose names it has not taken. A name that it
 * has itself is its own whole, whichever of the two kinds either of them is. Nothing is copied: there may be thousands
 * of organizations, and thousands of entries of the platform.
 */
export function effectiveTargets(
  own: Targets,
  platform: Targets | undefined,
): Pick<OrganizationView, 'model' | 'routeGroup' | 'models' | 'routeGroups'> {
  if (platform === undefined) {
    return {
      model: (id) => own.models.get(id),
      routeGroup: (id) => own.routeGroups.get(id),
      models: () => own.models.values(),
      routeGroups: () => own.routeGroups.values(),
    };
  }
  const isOwn = (id: string): boolean => own.models.has(id) || own.routeGroups.has(id);
  return {
    model: (id) => (isOwn(id) ? own : platform).models.get(id),
    routeGroup: (id) => (isOwn(id) ? own : platform).routeGroups.get(id),
    *models() {
      yield* own.models.values();
      for (const model of platform.models.values()) if (!isOwn(model.id)) yield model;
    },
    *routeGroups() {
      yield* own.routeGroups.values();
      for (const group of platform.routeGroups.values()) if (!isOwn(group.id)) yield group;
    },
  };
}
