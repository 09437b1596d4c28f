import type { CallPath, TargetFacts } from './call.ts';
import type { PriceRevision } from './catalog.ts';
import type { OrganizationView } from './organization-view.ts';

/**
 * The next instant at which a call would be planned otherwise although no policy changes: a credential
 * expires, a bypass ends, or a price comes into force. Milliseconds since 1970; Infinity if there is none.
 */
export function nextChangeMs(
  view: OrganizationView,
  path: CallPath,
  target: TargetFacts,
  nowMs: number,
): number {
  let nextMs = Infinity;
  const consider = (atMs: number | undefined): void => {
    if (atMs !== undefined && atMs > nowMs && atMs < nextMs) nextMs = atMs;
  };
  const considerPrices = (prices: readonly PriceRevision[]): void => {
    for (const { effectiveAtMs } of prices) consider(effectiveAtMs);
  };
  for (const id of path.keys) {
    consider(view.credential('key', id)?.expiresAtMs);
    consider(view.policy({ kind: 'key', id })?.bypass?.untilMs);
    considerPrices(view.prices('KEY', `key:${id}`));
  }
  const { token, user, principal } = path;
  if (token !== undefined) consider(view.credential('token', token)?.expiresAtMs);
  if (user !== undefined) consider(view.policy({ kind: 'user', id: user })?.bypass?.untilMs);
  if (principal !== undefined) {
    consider(view.policy({ kind: 'principal', id: principal })?.bypass?.untilMs);
  }
  for (const { name, provider } of target.kind === 'ROUTE_GROUP' ? target.members : [target]) {
    considerPrices(view.prices('MODEL', name));
    if (provider !== undefined)
      considerPrices(view.prices('PROVIDER_MODEL', `${provider}:${name}`));
  }
  return nextMs;
}
