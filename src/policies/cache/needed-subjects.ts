import type { LoadedSubject, NamedSubject } from '../store/pg-policies.ts';
import type { ViewNeed } from '../policies.ts';
import type { NamedKind } from '../store/shared-kinds.ts';

/** The subjects of a call, as far as they were found. */
export interface NeededSubjects {
  readonly loaded: readonly LoadedSubject[];
  /** Once these are loaded too, they may bring further ones. */
  readonly missing: readonly NamedSubject[];
}

/**
 * Walks from what a call names to what that brings: a credential's bindings, a principal's application. Teams,
 * tiers and labels are not walked to, because every snapshot has them all.
 */
export function neededSubjects(
  need: ViewNeed,
  get: (subject: NamedSubject) => LoadedSubject | undefined,
): NeededSubjects {
  const loaded: LoadedSubject[] = [];
  const missing: NamedSubject[] = [];
  const want = (kind: NamedKind, id: string | undefined): void => {
    if (id === undefined || isAmong(loaded, kind, id) || isAmong(missing, kind, id)) return;
    const found = get({ kind, id });
    if (found === undefined) {
      missing.push({ kind, id });
      return;
    }
    loaded.push(found);
    wantBindings(found, want);
  };
  const { credential, subjects } = need;
  if (credential !== undefined && credential !== 'UNKNOWN') want(credential.kind, credential.id);
  want('key', subjects.key);
  want('user', subjects.user);
  want('principal', subjects.principal);
  want('app', subjects.app);
  want('customer', subjects.customer);
  return { loaded, missing };
}

function wantBindings(
  subject: LoadedSubject,
  want: (kind: NamedKind, id: string | undefined) => void,
): void {
  switch (subject.kind) {
    case 'key':
    case 'token':
      want('user', subject.record?.user);
      want('principal', subject.record?.principal);
      want('app', subject.record?.app);
      want('customer', subject.record?.customer);
      return;
    case 'principal':
      want('app', subject.record?.app);
      return;
    case 'user':
    case 'app':
    case 'customer':
      return;
  }
}

function isAmong(subjects: readonly NamedSubject[], kind: NamedKind, id: string): boolean {
  return subjects.some((subject) => subject.kind === kind && subject.id === id);
}
