import type { Said } from './view.ts';

/**
 * The targets that apply to an organization, once more and without a line of the core: its own, and those of the platform
 * whose names are not among its own.
 */
export function referenceCatalog(said: Said): Pick<Said, 'models' | 'routeGroups'> {
  const { models = [], routeGroups = [], platform } = said;
  if (platform === undefined || said.organization?.catalog === 'OWN')
    return { models, routeGroups };
  const taken = [...models, ...routeGroups].map(({ id }) => id);
  const isFree = ({ id }: { readonly id: string }): boolean => !taken.includes(id);
  return {
    models: [...models, ...(platform.models ?? []).filter(isFree)],
    routeGroups: [...routeGroups, ...(platform.routeGroups ?? []).filter(isFree)],
  };
}
