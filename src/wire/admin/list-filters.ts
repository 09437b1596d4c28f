import type {
  ListKeysRequest,
  ListTokensRequest,
} from '../../../gen/tollgate/admin/v1/credentials_pb.ts';
import type {
  ListPrincipalsRequest,
  ListTeamsRequest,
  ListUsersRequest,
} from '../../../gen/tollgate/admin/v1/directory_pb.ts';
import type { Violations } from '../violations.ts';
import { credentialStates, readEnvironment } from './credentials.ts';
import { principalKinds, subjectStates } from './directory.ts';
import { readEnum, readIdOrNone } from './fields.ts';

/** Reads which of their kind are listed, as facets: `tier=pro`. */
export type ReadFilters<Request> = (violations: Violations, request: Request) => readonly string[];

/** See ListTeamsRequest. */
export const teamFilters: ReadFilters<ListTeamsRequest> = (violations, { parent, state }) => [
  ...(parent === '' ? ['parent='] : idFacet(violations, 'parent', parent)),
  ...enumFacet(violations, 'state', state, subjectStates),
];

/** See ListUsersRequest. */
export const userFilters: ReadFilters<ListUsersRequest> = (violations, { team, tier, state }) => [
  ...idFacet(violations, 'team', team),
  ...idFacet(violations, 'tier', tier),
  ...enumFacet(violations, 'state', state, subjectStates),
];

/** See ListPrincipalsRequest. */
export const principalFilters: ReadFilters<ListPrincipalsRequest> = (violations, request) => [
  ...enumFacet(violations, 'kind', request.kind, principalKinds),
  ...idFacet(violations, 'namespace', request.namespace),
  ...idFacet(violations, 'group', request.group),
  ...idFacet(violations, 'app', request.app),
];

const bindings = ['user', 'team', 'principal', 'app', 'customer'] as const;

function credentialFilters(
  violations: Violations,
  request: ListKeysRequest | ListTokensRequest,
): readonly string[] {
  return [
    ...bindings.flatMap((field) => idFacet(violations, field, request[field])),
    ...enumFacet(violations, 'state', request.state, credentialStates),
  ];
}

/** See ListKeysRequest. */
export const keyFilters: ReadFilters<ListKeysRequest> = (violations, request) => {
  const environment = readEnvironment(violations, 'environment', request.environment);
  return [
    ...credentialFilters(violations, request),
    ...(environment === undefined ? [] : [`environment=${environment}`]),
  ];
};

/** See ListTokensRequest. */
export const tokenFilters: ReadFilters<ListTokensRequest> = (violations, request) => [
  ...credentialFilters(violations, request),
  ...idFacet(violations, 'namespace', request.namespace),
];

function idFacet(violations: Violations, name: string, text: string | undefined): string[] {
  const id = readIdOrNone(violations, name, text);
  return id === undefined ? [] : [`${name}=${id}`];
}

function enumFacet(
  violations: Violations,
  name: string,
  number: number,
  values: readonly string[],
): string[] {
  return number === 0 ? [] : [`${name}=${readEnum(violations, name, number, values, undefined)}`];
}
