/** What an error answer says. */
export interface Refused {
  /** The gRPC code's name, `INVALID_ARGUMENT`. */
  readonly code: string;
  readonly reason: string | undefined;
  /** What ErrorInfo says beside the reason, by key. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The first violation's field, as the service names it. */
  readonly field: string | undefined;
  readonly message: string;
}

/** A call was answered with an error. */
export class Refusal extends Error {
  readonly refused: Refused;
  constructor(refused: Refused) {
    super(`${refused.code} ${refused.reason ?? ''}: ${refused.message}`);
    this.refused = refused;
  }
}

/** What a step calls a field that the service calls otherwise; all other names are the same. */
const stepKeys: Readonly<Record<string, string>> = {
  request_id: 'id',
  parent_request_id: 'parent',
  org_id: 'org',
  input_tokens: 'input',
  output_tokens: 'output',
  reasoning_output_tokens: 'reasoning_output',
  cached_input_tokens: 'cached_input',
  cache_write_tokens: 'cache_write',
  cache_write_1h_tokens: 'cache_write_1h',
  cost_nanos: 'cost',
  expire_time: 'expires',
  effective_time: 'effective',
  'limit_raise.expire_time': 'until',
  'limit_raise.applies_to': 'for',
  'limit_raise.limit_name': 'name',
};

/** The messages that a step's keys are spread over. */
const wrappers =
  /^(?:estimate|usage|added|subjects|organization|team|user|principal|app|customer|key|token|model|route_group|policy|limit_raise|prices\[0\](?:\.rates\[0\])?)\./;

/** The step's own key for a field path of the service: `estimate.input_tokens` is `input`. */
export function stepField(path: string): string {
  const whole = stepKeys[path];
  if (whole !== undefined) return whole;
  const inner = path.replace(wrappers, '');
  const [head = '', ...rest] = inner.split(/(?=[.[])/);
  return (stepKeys[head] ?? head) + rest.join('');
}

/**
 * Whether a file means a field of the service: by the step's own key (`limits`), by any part of the way from
 * there (`limits[0]`, `limits[0].amount`), or by its last key alone (`amount`).
 */
export function isFieldNamed(path: string, written: string): boolean {
  const field = stepField(path);
  const isOnTheWay = field.startsWith(written) && /^(?:[.[]|$)/.test(field.slice(written.length));
  return isOnTheWay || field.replace(/\[[^\]]*\]$/, '').endsWith(`.${written}`);
}
