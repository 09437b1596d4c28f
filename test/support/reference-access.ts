import { referenceCatalog } from './reference-catalog.ts';
import { one } from './reference-resolver.ts';
import type { ReferencePath } from './reference-resolver.ts';
import type { Said } from './view.ts';

/** Whether a list names a model, by regular expressions made of its patterns. */
function isModelNamed(said: Said, list: readonly string[], name: string): boolean {
  const groups = referenceCatalog(said).models?.find(({ id }) => id === name)?.groups ?? [];
  return list.some((entry) => {
    if (entry.startsWith('group:')) return groups.includes(entry.slice('group:'.length));
    const pieces = entry.split('*').map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${pieces.join('[^]*')}$`).test(name);
  });
}

/** Whether a list grants or counts a target: by its name, or by those of all members of a route group. */
export function isTargetNamed(said: Said, list: readonly string[], target: string): boolean {
  const members =
    referenceCatalog(said).routeGroups?.find(({ id }) => id === target)?.members ?? [];
  if (isModelNamed(said, list, target)) return true;
  return members.length > 0 && members.every((member) => isModelNamed(said, list, member));
}

/** Why the model rules refuse a target, in order; what has no price is not asked here. */
export function referenceAccess(said: Said, path: ReferencePath, target: string): string[] {
  const catalog = referenceCatalog(said);
  const group = catalog.routeGroups?.find(({ id }) => id === target);
  const models = group?.members ?? [target];
  const isKnown = models.every((name) => catalog.models?.some(({ id }) => id === name));
  const user = path.user === undefined ? undefined : said.policies?.[`user:${path.user}`]?.access;
  const isOver = (what: 'allow' | 'maxTier'): boolean =>
    user?.mode === 'REPLACE' &&
    (what === 'allow' ? (user.allow ?? []).length > 0 : user.maxTier !== undefined);

  const rules = subjectsWithRules(path).flatMap((subject) => {
    const access = said.policies?.[subject]?.access;
    return access === undefined ? [] : [{ subject, access }];
  });
  const allows = rules
    .filter(({ subject }) => !(isTemplate(subject) && isOver('allow')))
    .map(({ access }) => access.allow ?? [])
    .filter((list) => list.length > 0);
  const ceilings = rules
    .filter(({ subject }) => !(isTemplate(subject) && isOver('maxTier')))
    .map(({ access }) => access.maxTier ?? Infinity);
  const denies = rules.map(({ access }) => access.deny ?? []);
  const found = models.flatMap((name) => catalog.models?.filter(({ id }) => id === name) ?? []);
  const ranks = found.map(({ tierRank }) => tierRank ?? -1);

  const orgAllow = said.policies?.['org']?.access?.allow ?? [];
  const unknownModels =
    said.organization?.unknownModels ?? (orgAllow.length > 0 ? 'DENY' : 'ALLOW');
  const reasons: string[] = [];
  if (!isKnown && unknownModels === 'DENY') reasons.push('MODEL_UNKNOWN');
  const isDisabled = found.some(({ state }) => state === 'DISABLED');
  const isDenied = denies.some((list) =>
    [target, ...models].some((name) => isModelNamed(said, list, name)),
  );
  if (isDenied || isDisabled) reasons.push('MODEL_DENIED');
  if (allows.some((list) => !isTargetNamed(said, list, target))) reasons.push('MODEL_NOT_GRANTED');
  if (Math.max(-1, ...ranks) > Math.min(Infinity, ...ceilings)) reasons.push('MODEL_TIER');
  return reasons;
}

function isTemplate(subject: string): boolean {
  return /^(tier|team):/.test(subject);
}

function subjectsWithRules(path: ReferencePath): string[] {
  return [
    'org',
    ...[...path.teams.keys()].map((id) => `team:${id}`),
    ...one('tier', path.tier),
    ...one('user', path.user),
    ...path.keys.map((id) => `key:${id}`),
    ...one('token', path.token),
    ...one('principal', path.principal),
    ...one('app', path.app),
  ];
}
