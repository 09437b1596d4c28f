import { errorReasons } from './error-reasons.ts';
import type { ErrorKind, ErrorReason } from './error-reasons.ts';

/** One wrong field: its path in the message (`estimate.input_tokens`) and what was expected. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** One thing that must change before the request can pass, as google.rpc.PreconditionFailure has it. */
export interface Precondition {
  /** UPPER_SNAKE_CASE: `REFERENCE`. */
  readonly type: string;
  /** What it is about: `key:k1`. */
  readonly subject: string;
  readonly description: string;
}

interface Optional {
  readonly violations?: readonly FieldViolation[];
  readonly preconditions?: readonly Precondition[];
  readonly cause?: unknown;
}

type RowOf<R extends ErrorReason> = (typeof errorReasons)[R];

type MetadataOf<R extends ErrorReason> = Readonly<Record<RowOf<R>['metadata'][number], string>>;

/** What a reason's row demands, and nothing that it does not allow. */
type MoreOf<R extends ErrorReason> = Optional &
  (RowOf<R>['retryInfo'] extends true
    ? { readonly retryAfterMs: number }
    : { readonly retryAfterMs?: never }) &
  (RowOf<R>['metadata'] extends readonly []
    ? { readonly metadata?: never }
    : { readonly metadata: MetadataOf<R> });

type ArgumentsOf<R extends ErrorReason> =
  Optional extends MoreOf<R>
    ? [reason: R, message: string, more?: MoreOf<R>]
    : [reason: R, message: string, more: MoreOf<R>];

/** A reason with what its row in `errorReasons` demands of its errors. */
export type ServiceErrorArguments = { [R in ErrorReason]: ArgumentsOf<R> }[ErrorReason];

/** A failure that is answered as an error. `message` is sent; `cause` is logged and never sent. */
export class ServiceError extends Error {
  readonly kind: ErrorKind;
  /** Stable; the `reason` of google.rpc.ErrorInfo, and a value of `tollgate.v1.ErrorReason`. */
  readonly reason: ErrorReason;
  readonly violations: readonly FieldViolation[];
  readonly preconditions: readonly Precondition[];
  /** When to retry, in milliseconds from now; present where a retry can help. */
  readonly retryAfterMs: number | undefined;
  /** The `metadata` of google.rpc.ErrorInfo. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(...[reason, message, more = {}]: ServiceErrorArguments) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'ServiceError';
    this.kind = errorReasons[reason].code;
    this.reason = reason;
    this.violations = more.violations ?? [];
    this.preconditions = more.preconditions ?? [];
    this.retryAfterMs = more.retryAfterMs;
    this.metadata = more.metadata ?? {};
  }
}

/** The caller's bug: `FIELD_INVALID` with one violation per wrong field. */
export function invalidFields(violations: readonly FieldViolation[]): ServiceError {
  const said = violations
    .map((violation) => `${violation.field}: ${violation.description}`)
    .join('; ');
  return new ServiceError('FIELD_INVALID', said, { violations });
}
