import { status } from '@grpc/grpc-js';

/** What each client says of each step, in order. */
export function expectedSteps(org: string): object[] {
  return [
    { step: 'create_organization', id: org, has_etag: true },
    { step: 'put_policy', revision: 1 },
    error('stale_etag', 'ABORTED', 'ETAG_MISMATCH', { etag: '1', name: org }),
    { step: 'etag_of_error', is_present_one: true },
    error('service_token_on_admin_plane', 'UNAUTHENTICATED', 'ADMIN_SECRET_INVALID'),
    check('check', { held_input: 1000, held_output: 500 }),
    check('check_again', { held_input: 1000, held_output: 500, replayed: true }),
    { step: 'extend', decision: 'DECISION_ALLOW', held_output: 1000 },
    { step: 'report', input: 1000, output: 700, over_hold: false, replayed: false },
    { step: 'report_again', replayed: true },
    denial,
    check('affordable', { held_input: 1000, held_output: 7300 }),
    { step: 'release', replayed: false },
    check('check_after_release', {
      held_input: 1000,
      held_output: 7300,
      replayed: true,
      hold_state: 'HOLD_STATE_RELEASED',
    }),
    error('conflict', 'ALREADY_EXISTS', 'REQUEST_ID_CONFLICT', { field: changed }, [changed]),
    error('release_of_settled', 'FAILED_PRECONDITION', 'HOLD_NOT_OPEN', { hold_state: 'SETTLED' }),
    error('release_of_unknown', 'NOT_FOUND', 'CALL_NOT_FOUND', { request_id: 'nobody' }),
    error('invalid', 'INVALID_ARGUMENT', 'FIELD_INVALID', {}, ['target', 'estimate.input_tokens']),
    error('no_token', 'UNAUTHENTICATED', 'SERVICE_TOKEN_MISSING'),
    error('too_large', 'RESOURCE_EXHAUSTED', 'MESSAGE_TOO_LARGE', { max_bytes: '1048576' }),
    check('session_check', { held_input: 10, held_output: 10 }),
    error('session_error', 'FAILED_PRECONDITION', 'HOLD_NOT_OPEN', { hold_state: 'SETTLED' }),
    { step: 'session_report', output: 4 },
    { step: 'session_end', ok: true },
  ];
}

const changed = 'estimate.output_tokens';

const denial = {
  step: 'denial',
  decision: 'DECISION_DENY',
  reason: 'REASON_TOKENS_EXCEEDED',
  limit: 'org/cap',
  metric: 'METRIC_TOKENS',
  amount: 10_000,
  used: 1700,
  ask: 51_000,
  remaining: 8300,
  hold_state: 'HOLD_STATE_DENIED',
  // A day has 10,000 tokens: waiting does not make 51,000 of them.
  says_when: false,
  affordable: 7300,
};

function check(step: string, more: object): object {
  const allowed = { decision: 'DECISION_ALLOW', hold_state: 'HOLD_STATE_OPEN', expires: true };
  return { step, ...allowed, replayed: false, ...more };
}

function error(
  step: string,
  code: keyof typeof status,
  reason: string,
  metadata: Readonly<Record<string, string>> = {},
  fields: readonly string[] = [],
): object {
  const found = { reason, domain: 'tollgate', in_enum: true, metadata };
  return { step, code: status[code], ...found, fields, retry_info: false };
}
