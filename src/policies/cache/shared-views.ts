import { sharedView } from './cached-view.ts';
import type { SharedView } from './cached-view.ts';
import type { Derivations } from './derivations.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';

/** What the views of a snapshot share, with the platform as it stands at another; made once for each pair. */
export type SharedViews = (
  snapshot: OrganizationSnapshot,
  platform: OrganizationSnapshot,
) => SharedView;

/** Makes shared views, and keeps the last of each snapshot: when the platform changes, that is made again at its next call. */
export function createSharedViews({ rememberOf }: Derivations): SharedViews {
  const made = new WeakMap<
    OrganizationSnapshot,
    { readonly platform: OrganizationSnapshot; readonly shared: SharedView }
  >();
  return (snapshot, platform) => {
    const last = made.get(snapshot);
    if (last?.platform === platform) return last.shared;
    const shared = sharedView(snapshot, platform, rememberOf(snapshot, platform));
    made.set(snapshot, { platform, shared });
    return shared;
  };
}
