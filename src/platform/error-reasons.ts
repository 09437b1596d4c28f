/** The gRPC code of an error, by its name. */
export type ErrorKind =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'UNIMPLEMENTED'
  | 'CANCELLED'
  | 'INTERNAL';

/**
 * What a caller does about an error. `FIX`: unchanged, the request fails again. `RETRY_SAME_ID`: it may have taken
 * effect; send it again with the same request id. `RETRY_LATER`: it had no effect; wait, then send it again.
 * `GIVE_UP`: neither a retry nor another request helps.
 */
export type ErrorAction = 'FIX' | 'RETRY_SAME_ID' | 'RETRY_LATER' | 'GIVE_UP';

/** One reason: what every error that has it has too. */
export interface ReasonRow {
  readonly code: ErrorKind;
  readonly action: ErrorAction;
  /** Whether the error says when to retry (google.rpc.RetryInfo): only where a retry can help, and then always. */
  readonly retryInfo: boolean;
  /** The keys of ErrorInfo's metadata: all of them are always there. */
  readonly metadata: readonly string[];
}

function fix<const Keys extends readonly string[]>(code: ErrorKind, ...metadata: Keys) {
  return { code, action: 'FIX', retryInfo: false, metadata } as const;
}

const missing = fix('NOT_FOUND', 'name');
const taken = fix('ALREADY_EXISTS', 'name');

/**
 * Every reason of an error, in the order of `tollgate.v1.ErrorReason`, which has the same names behind
 * `ERROR_REASON_` and says what each means. A reason that is not here does not compile; one that is not there, or
 * is described otherwise, fails a test.
 */
export const errorReasons = {
  // The request itself.
  FIELD_INVALID: fix('INVALID_ARGUMENT'),
  MESSAGE_UNDECODABLE: fix('INVALID_ARGUMENT'),
  MESSAGE_TRAILING_BYTES: fix('INVALID_ARGUMENT'),
  MESSAGE_TOO_COMPLEX: fix('INVALID_ARGUMENT'),
  MESSAGE_DUPLICATE_KEY: fix('INVALID_ARGUMENT'),
  MESSAGE_TOO_LARGE: fix('RESOURCE_EXHAUSTED', 'max_bytes'),
  TIMEOUT_INVALID: fix('INVALID_ARGUMENT'),
  COMPRESSION_UNKNOWN: fix('UNIMPLEMENTED', 'supported'),
  METHOD_UNKNOWN: fix('UNIMPLEMENTED'),
  // Who calls.
  SERVICE_TOKEN_MISSING: fix('UNAUTHENTICATED'),
  SERVICE_TOKEN_INVALID: fix('UNAUTHENTICATED'),
  ADMIN_SECRET_MISSING: fix('UNAUTHENTICATED'),
  ADMIN_SECRET_INVALID: fix('UNAUTHENTICATED'),
  ORG_FORBIDDEN: fix('PERMISSION_DENIED'),
  ROLE_FORBIDDEN: fix('PERMISSION_DENIED', 'role'),
  // Calls, and what they were before.
  CALL_NOT_FOUND: {
    code: 'NOT_FOUND',
    action: 'GIVE_UP',
    retryInfo: false,
    metadata: ['request_id'],
  },
  REQUEST_ID_CONFLICT: fix('ALREADY_EXISTS', 'field'),
  HOLD_NOT_OPEN: {
    code: 'FAILED_PRECONDITION',
    action: 'GIVE_UP',
    retryInfo: false,
    metadata: ['hold_state'],
  },
  TOO_MANY_METERS: fix('FAILED_PRECONDITION', 'max_meters'),
  CREDIT_TOO_LARGE: fix('FAILED_PRECONDITION', 'name', 'window', 'used'),
  // The server, the store and the connection.
  OVERLOADED: {
    code: 'RESOURCE_EXHAUSTED',
    action: 'RETRY_LATER',
    retryInfo: true,
    metadata: [],
  },
  TOO_MUCH_UNREAD: {
    code: 'RESOURCE_EXHAUSTED',
    action: 'RETRY_LATER',
    retryInfo: true,
    metadata: [],
  },
  ANSWERS_NOT_TAKEN: {
    code: 'RESOURCE_EXHAUSTED',
    action: 'RETRY_SAME_ID',
    retryInfo: true,
    metadata: [],
  },
  STORE_BUSY: {
    code: 'RESOURCE_EXHAUSTED',
    action: 'RETRY_SAME_ID',
    retryInfo: true,
    metadata: [],
  },
  STORE_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    action: 'RETRY_SAME_ID',
    retryInfo: true,
    metadata: [],
  },
  SERVER_STOPPING: {
    code: 'UNAVAILABLE',
    action: 'RETRY_SAME_ID',
    retryInfo: true,
    metadata: [],
  },
  DEADLINE_EXCEEDED: {
    code: 'DEADLINE_EXCEEDED',
    action: 'RETRY_SAME_ID',
    retryInfo: false,
    metadata: [],
  },
  REQUEST_TOO_SLOW: {
    code: 'DEADLINE_EXCEEDED',
    action: 'RETRY_SAME_ID',
    retryInfo: false,
    metadata: [],
  },
  CANCELLED: { code: 'CANCELLED', action: 'RETRY_SAME_ID', retryInfo: false, metadata: [] },
  INTERNAL: { code: 'INTERNAL', action: 'GIVE_UP', retryInfo: false, metadata: [] },
  // Changes on the admin plane.
  ETAG_MISMATCH: fix('ABORTED', 'name', 'etag'),
  CREDENTIAL_REVOKED: fix('FAILED_PRECONDITION', 'name'),
  TARGET_EXISTS: taken,
  // What a call or a request of the admin plane names, and is not there, or is there already.
  ORGANIZATION_NOT_FOUND: missing,
  ORGANIZATION_EXISTS: taken,
  TEAM_NOT_FOUND: missing,
  TEAM_EXISTS: taken,
  USER_NOT_FOUND: missing,
  USER_EXISTS: taken,
  PRINCIPAL_NOT_FOUND: missing,
  PRINCIPAL_EXISTS: taken,
  APP_NOT_FOUND: missing,
  APP_EXISTS: taken,
  CUSTOMER_NOT_FOUND: missing,
  CUSTOMER_EXISTS: taken,
  KEY_NOT_FOUND: missing,
  KEY_EXISTS: taken,
  TOKEN_NOT_FOUND: missing,
  TOKEN_EXISTS: taken,
  MODEL_NOT_FOUND: missing,
  MODEL_EXISTS: taken,
  ROUTE_GROUP_NOT_FOUND: missing,
  ROUTE_GROUP_EXISTS: taken,
  MODEL_GROUP_NOT_FOUND: missing,
  MODEL_GROUP_EXISTS: taken,
  POLICY_NOT_FOUND: missing,
  LIMIT_NOT_FOUND: missing,
  PRICE_NOT_FOUND: missing,
  RECORD_IN_USE: fix('FAILED_PRECONDITION', 'name'),
  // A client of a newer release.
  FIELD_UNKNOWN: {
    code: 'UNIMPLEMENTED',
    action: 'RETRY_LATER',
    retryInfo: true,
    metadata: ['field'],
  },
  // Temporary raises.
  RAISE_NOT_FOUND: missing,
  RAISE_EXISTS: taken,
  RAISE_WITHOUT_EFFECT: fix('FAILED_PRECONDITION', 'name'),
  TOO_MANY_RAISES: fix('FAILED_PRECONDITION', 'max_raises'),
  // Accounts and their secrets.
  ACCOUNT_NOT_FOUND: missing,
  ACCOUNT_EXISTS: taken,
  ACCOUNT_REVOKED: fix('FAILED_PRECONDITION', 'name'),
  ACCOUNT_SECRET_NOT_FOUND: missing,
  ACCOUNT_SECRET_ENDED: fix('FAILED_PRECONDITION', 'name'),
  CERTIFICATE_NAME_EXISTS: taken,
  LAST_PLATFORM_ADMIN: fix('FAILED_PRECONDITION', 'name'),
  TOO_MANY_SECRETS: fix('FAILED_PRECONDITION', 'max_secrets'),
  AUDIT_ENTRY_NOT_FOUND: missing,
} as const satisfies Readonly<Record<string, ReasonRow>>;

/** The reason of an error: UPPER_SNAKE_CASE, as google.rpc.ErrorInfo carries it. */
export type ErrorReason = keyof typeof errorReasons;
