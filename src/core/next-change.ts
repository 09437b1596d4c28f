import type { PriceScope } from './catalog.ts';
import type { OrganizationView } from './organization-view.ts';
import type { PricedCall } from './price.ts';

/**
 * The next instant at which a call would be planned otherwise although no policy changes: a credential
 * expires, a bypass ends, or a price comes into force. Milliseconds since 1970; Infinity if there is none.
 */
export function nextChangeMs(
  view: OrganizationView,
  { path, target, served }: PricedCall,
  nowMs: number,
): number {
  let nextMs = Infinity;
  const consider = (atMs: number | undefined): void => {
    if (atMs !== undefined && atMs > nowMs && atMs < nextMs) nextMs = atMs;
  };
  const isInheriting = view.priceEpochs.platform > 0;
  const considerSeries = (scope: PriceScope, subject: string, tier: string | undefined): void => {
    for (const { effectiveAtMs } of view.prices(scope, subject, tier)) consider(effectiveAtMs);
    if (!isInheriting) return;
    const inherited = view.platformPrices(scope, subject, tier);
    for (const { effectiveAtMs } of inherited) consider(effectiveAtMs);
  };
  const considerPrices = (scope: PriceScope, subject: string): void => {
    considerSeries(scope, subject, undefined);
    if (served.serviceTier !== undefined) considerSeries(scope, subject, served.serviceTier);
  };
  for (const id of path.keys) {
    consider(view.credential('key', id)?.expiresAtMs);
    consider(view.policy({ kind: 'key', id })?.bypass?.untilMs);
    considerPrices('KEY', `key:${id}`);
  }
  const { token, user, principal } = path;
  if (token !== undefined) consider(view.credential('token', token)?.expiresAtMs);
  if (user !== undefined) consider(view.policy({ kind: 'user', id: user })?.bypass?.untilMs);
  if (principal !== undefined) {
    consider(view.policy({ kind: 'principal', id: principal })?.bypass?.untilMs);
  }
  const models = target.kind === 'ROUTE_GROUP' ? target.members : [target];
  for (const { name, provider: cataloged } of models) {
    const provider = served.provider ?? cataloged;
    considerPrices('MODEL', name);
    if (provider !== undefined) considerPrices('PROVIDER_MODEL', `${provider}:${name}`);
  }
  return nextMs;
}
