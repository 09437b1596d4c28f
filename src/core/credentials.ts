import type { CallRequest, NamedSubjects } from './call.ts';
import type { Credential } from './directory.ts';
import type { OrganizationView } from './organization-view.ts';
import type { Reason } from './reason.ts';

/** The credentials of a call: the presented secret's, and the key named by id. */
export interface PresentedCredentials {
  readonly credentials: readonly Credential[];
  readonly keys: readonly string[];
  readonly token: string | undefined;
  readonly isUnknown: boolean;
  readonly reasons: readonly Reason[];
}

/** The scope without which a credential may not call models. */
const invokeScope = 'model.invoke';

/** Finds a call's credentials and what is wrong with each. A key named by id is judged like its secret. */
export function presentedCredentials(
  view: OrganizationView,
  request: CallRequest,
  nowMs: number,
): PresentedCredentials {
  const asked: { kind: 'key' | 'token'; id: string }[] = [];
  const { credential, subjects } = request;
  if (credential !== undefined && credential !== 'UNKNOWN') asked.push(credential);
  const isAskedTwice = asked.some(({ kind, id }) => kind === 'key' && id === subjects.key);
  if (subjects.key !== undefined && !isAskedTwice) asked.push({ kind: 'key', id: subjects.key });
  const found = asked.map(({ kind, id }) => view.credential(kind, id));
  const credentials = found.filter((known) => known !== undefined);
  return {
    credentials,
    keys: asked.filter(({ kind }) => kind === 'key').map(({ id }) => id),
    token: asked.find(({ kind }) => kind === 'token')?.id,
    isUnknown: credential === 'UNKNOWN' || credentials.length < asked.length,
    reasons: credentials.flatMap((known) => credentialReasons(known, nowMs)),
  };
}

function credentialReasons(credential: Credential, nowMs: number): Reason[] {
  const found: Reason[] = [];
  if (credential.state === 'REVOKED') found.push('CREDENTIAL_REVOKED');
  if (credential.expiresAtMs !== undefined && nowMs >= credential.expiresAtMs) {
    found.push('CREDENTIAL_EXPIRED');
  }
  if (credential.state === 'DISABLED') found.push('CREDENTIAL_DISABLED');
  if (!credential.scopes.includes(invokeScope)) found.push('SCOPE_MISSING');
  return found;
}

/** The subjects named by a request and its credentials together. */
export interface BoundSubjects {
  readonly teams: readonly string[];
  readonly user: string | undefined;
  readonly principal: string | undefined;
  readonly app: string | undefined;
  readonly customer: string | undefined;
  /** Two of them disagree. */
  readonly contradicts: boolean;
}

/** Joins what a request names with what its credentials are bound to. A key's team counts as named. */
export function bindCredentials(
  subjects: NamedSubjects,
  credentials: readonly Credential[],
): BoundSubjects {
  let contradicts = false;
  const one = (
    named: string | undefined,
    bound: readonly (string | undefined)[],
  ): string | undefined => {
    const ids = new Set([named, ...bound].filter((id) => id !== undefined));
    if (ids.size > 1) contradicts = true;
    return named ?? [...ids][0];
  };
  const user = one(
    subjects.user,
    credentials.map((credential) => credential.user),
  );
  const principal = one(
    subjects.principal,
    credentials.map((credential) => credential.principal),
  );
  const app = one(
    subjects.app,
    credentials.map((credential) => credential.app),
  );
  const customer = one(
    subjects.customer,
    credentials.map((credential) => credential.customer),
  );
  const team = one(
    undefined,
    credentials.map((credential) => credential.team),
  );
  const named = [...new Set(subjects.teams)];
  if (team !== undefined && named.length > 0 && !named.includes(team)) contradicts = true;
  const teams = named.length === 0 && team !== undefined ? [team] : named;
  return { teams, user, principal, app, customer, contradicts };
}
