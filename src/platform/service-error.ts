/** What went wrong, as the caller must treat it; `wire/status.ts` turns it into a status. */
export type ErrorKind =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'UNIMPLEMENTED'
  | 'CANCELLED'
  | 'INTERNAL';

/** One wrong field: its path in the message (`estimate.input_tokens`) and what was expected. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** A failure that is answered as an error. `message` is sent; `cause` is logged and never sent. */
export class ServiceError extends Error {
  readonly kind: ErrorKind;
  /** Stable, UPPER_SNAKE_CASE; the `reason` of google.rpc.ErrorInfo. */
  readonly reason: string;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ErrorKind,
    reason: string,
    message: string,
    more: { violations?: readonly FieldViolation[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'ServiceError';
    this.kind = kind;
    this.reason = reason;
    this.violations = more.violations ?? [];
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** The caller's bug: `FIELD_INVALID` with one violation per wrong field. */
export function invalidFields(violations: readonly FieldViolation[]): ServiceError {
  const said = violations
    .map((violation) => `${violation.field}: ${violation.description}`)
    .join('; ');
  return new ServiceError('INVALID_ARGUMENT', 'FIELD_INVALID', said, { violations });
}
