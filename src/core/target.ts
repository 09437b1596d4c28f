import type { TargetFacts } from './call.ts';
import type { OrganizationView } from './organization-view.ts';

/** What one name is, for matching: its own name and the groups it is labelled with. */
interface Named {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What a target is at this moment, by the catalog: a model, a route group with its members, or unknown. */
export function targetFacts(view: OrganizationView, name: string): TargetFacts {
  const model = view.model(name);
  if (model !== undefined) {
    const { provider, groups } = model;
    return { name, kind: 'MODEL', provider, groups, members: [] };
  }
  const group = view.routeGroup(name);
  if (group === undefined) {
    return { name, kind: 'UNKNOWN', provider: undefined, groups: [], members: [] };
  }
  const members = group.members.map((member) => {
    const known = view.model(member);
    return { name: member, provider: known?.provider, groups: known?.groups ?? [] };
  });
  return { name, kind: 'ROUTE_GROUP', provider: undefined, groups: [], members };
}

/**
 * Whether a list of targets (names, `group:<g>`, anchored patterns with `*`) names a target: itself, or,
 * for a route group, all of its members.
 */
export function targetMatches(list: readonly string[], target: TargetFacts): boolean {
  if (isNamed(list, target)) return true;
  return target.members.length > 0 && target.members.every((member) => isNamed(list, member));
}

/** Whether a list names the target or any of its members. */
export function targetTouched(list: readonly string[], target: TargetFacts): boolean {
  return isNamed(list, target) || target.members.some((member) => isNamed(list, member));
}

function isNamed(list: readonly string[], named: Named): boolean {
  return list.some((entry) => {
    if (entry.startsWith('group:')) return named.groups.includes(entry.slice(6));
    return entry.includes('*') ? globMatches(entry, named.name) : entry === named.name;
  });
}

/** An anchored glob whose only wildcard is `*`, in time linear in the text for each piece of the pattern. */
export function globMatches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= end;
}
