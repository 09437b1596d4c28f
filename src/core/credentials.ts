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
  const requested: { kind: 'key' | 'token'; id: string }[] = [];
  const { credential, subjects } = request;
  if (credential !== undefined && credential !== 'UNKNOWN') requested.push(credential);
  const isNamedTwice = requested.some(({ kind, id }) => kind === 'key' && id === subjects.key);
  if (subjects.key !== undefined && !isNamedTwice)
    requested.push({ kind: 'key', id: subjects.key });
  const found = requested.map(({ kind, id }) => view.credential(kind, id));
  const credentials = found.filter((known) => known !== undefined);
  return {
    credentials,
    keys: requested.filter(({ kind }) => kind === 'key').map(({ id }) => id),
    token: requested.find(({ kind }) => kind === 'token')?.id,
    isUnknown: credential === 'UNKNOWN' || credentials.length < requested.length,
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

/**
 * Joins what a request names with what its credentials are bound to. A credential's team counts as named.
 * Where they disagree, the credentials are believed.
 */
export function bindCredentials(
  subjects: NamedSubjects,
  credentials: readonly Credential[],
): BoundSubjects {
  if (credentials.length === 0) return { ...named(subjects), contradicts: false };
  const user = agreed([...credentials.map((known) => known.user), subjects.user]);
  const principal = agreed([...credentials.map((known) => known.principal), subjects.principal]);
  const app = agreed([...credentials.map((known) => known.app), subjects.app]);
  const customer = agreed([...credentials.map((known) => known.customer), subjects.customer]);
  const bound = credentials.map(({ team }) => team).filter((team) => team !== undefined);
  const teams = subjects.teams.length > 0 ? subjects.teams : bound.slice(0, 1);
  const leavesOut = bound.some((team) => !teams.includes(team));
  return {
    teams: [...new Set([...teams, ...bound])],
    user: user.id,
    principal: principal.id,
    app: app.id,
    customer: customer.id,
    contradicts: leavesOut || [user, principal, app, customer].some((one) => one.contradicts),
  };
}

/** What a request names where nothing else is bound. */
function named({
  teams,
  user,
  principal,
  app,
  customer,
}: NamedSubjects): Omit<BoundSubjects, 'contradicts'> {
  return { teams: teams.length > 1 ? [...new Set(teams)] : teams, user, principal, app, customer };
}

function agreed(ids: readonly (string | undefined)[]): {
  readonly id: string | undefined;
  readonly contradicts: boolean;
} {
  const [id, ...others] = new Set(ids.filter((said) => said !== undefined));
  return { id, contradicts: others.length > 0 };
}
