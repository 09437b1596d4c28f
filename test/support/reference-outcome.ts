/** One limit with what its meter knows, in small numbers. */
export interface ReferenceLimitState {
  /** 0 is nearest. */
  readonly distance: number;
  readonly name: string;
  readonly metric:
    'CONCURRENCY' | 'REQUESTS' | 'TOKENS' | 'INPUT_TOKENS' | 'OUTPUT_TOKENS' | 'COST';
  readonly amount: number;
  readonly action: 'BLOCK' | 'WARN' | 'DRY_RUN';
  readonly thresholds: readonly number[];
  readonly used: number;
  readonly held: number;
  /** Until its window ends; undefined for LIFETIME and CONCURRENCY. */
  readonly endsInMs: number | undefined;
  /** A bypass flag lifts it, should it block. */
  readonly isLifted: boolean;
}

/**
 * A call in small numbers, at one nano-USD for a token of input and two for one of output, three for one that is written to
 * a cache and five where it is kept for an hour, and seven for an image.
 */
export interface ReferenceCall {
  readonly input: number;
  readonly cacheWrite: number;
  readonly cacheWrite1h: number;
  readonly images: number;
  readonly requests: number;
  readonly output: number;
  /** Said by the caller. */
  readonly cost: number | undefined;
}

export interface ReferenceOutcome {
  readonly decision: 'ALLOW' | 'DENY';
  readonly reasons: readonly string[];
  readonly statuses: readonly string[];
  readonly remaining: readonly number[];
  readonly binding: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly maxOutputTokens: number | undefined;
}

type Asks = Record<ReferenceLimitState['metric'], number>;

const order = ['CONCURRENCY', 'REQUESTS', 'TOKENS', 'COST'];

/** Decides a call once more, in plain numbers and fractions, trying every output that might be affordable. */
export function referenceOutcome(
  limits: readonly ReferenceLimitState[],
  call: ReferenceCall,
): ReferenceOutcome {
  const asks = asksOf(call);
  const blocking = limits.filter((limit) => blocks(limit, asks));
  const reasons = order
    .filter((kind) => blocking.some((limit) => kindOf(limit) === kind))
    .map((kind) => `${kind}_EXCEEDED`);
  const allowed = reasons.length === 0;
  const candidates = allowed
    ? limits.filter((limit) => limit.action === 'BLOCK' && !limit.isLifted)
    : blocking.filter((limit) => `${kindOf(limit)}_EXCEEDED` === reasons[0]);
  const [binding] = candidates.toSorted(
    (a, b) =>
      shareOf(a, asks) - shareOf(b, asks) || a.distance - b.distance || (a.name < b.name ? -1 : 1),
  );
  return {
    decision: allowed ? 'ALLOW' : 'DENY',
    reasons,
    statuses: limits.map((limit) => statusOf(limit, asks)),
    remaining: limits.map(({ amount, used, held, metric }) =>
      Math.max(0, amount - used - held - (allowed ? asks[metric] : 0)),
    ),
    binding: binding && limits.indexOf(binding),
    retryAfterMs: allowed ? undefined : retryAfter(blocking, asks),
    maxOutputTokens: allowed ? undefined : affordable(limits, call, reasons),
  };
}

function asksOf(call: ReferenceCall): Asks {
  const { input, output, cacheWrite, cacheWrite1h, images, requests, cost } = call;
  const ofWrites = 2 * cacheWrite + 2 * cacheWrite1h;
  return {
    CONCURRENCY: 1,
    REQUESTS: requests,
    TOKENS: Math.max(1, input + output),
    INPUT_TOKENS: Math.max(1, input),
    OUTPUT_TOKENS: Math.max(1, output),
    // A token that is written costs two more than one that is not, and two more again for an hour.
    COST: cost ?? Math.max(1, input + ofWrites + 2 * output + 7 * images),
  };
}

function isExceeded({ used, held, amount, metric }: ReferenceLimitState, asks: Asks): boolean {
  return asks[metric] > 0 && used + held + asks[metric] > amount;
}

function blocks(limit: ReferenceLimitState, asks: Asks): boolean {
  return limit.action === 'BLOCK' && !limit.isLifted && isExceeded(limit, asks);
}

function kindOf({ metric }: ReferenceLimitState): string {
  return metric.endsWith('TOKENS') ? 'TOKENS' : metric;
}

function statusOf(limit: ReferenceLimitState, asks: Asks): string {
  if (isExceeded(limit, asks)) {
    if (limit.action === 'WARN') return 'WARNED';
    if (limit.action === 'DRY_RUN') return 'DRY_RUN';
    return limit.isLifted ? 'BYPASSED' : 'EXCEEDED';
  }
  if (limit.metric === 'CONCURRENCY') return 'OK';
  const percent = 100 * (limit.used + limit.held + asks[limit.metric]);
  return limit.thresholds.some((mark) => percent >= mark * limit.amount) ? 'NEAR' : 'OK';
}

function shareOf({ amount, used, held, metric }: ReferenceLimitState, asks: Asks): number {
  return amount === 0 ? 0 : (amount - used - held - asks[metric]) / amount;
}

function retryAfter(blocking: readonly ReferenceLimitState[], asks: Asks): number | undefined {
  const helps = blocking.every(
    ({ endsInMs, amount, metric }) => endsInMs !== undefined && asks[metric] <= amount,
  );
  return helps ? Math.max(...blocking.map(({ endsInMs }) => endsInMs ?? 0)) : undefined;
}

function affordable(
  limits: readonly ReferenceLimitState[],
  call: ReferenceCall,
  reasons: readonly string[],
): number | undefined {
  if (call.cost !== undefined || !reasons.every((r) => /^(TOKENS|COST)_/.test(r))) return undefined;
  for (let output = call.output + 50; output >= 1; output -= 1) {
    const asks = asksOf({ ...call, output });
    if (!limits.some((limit) => blocks(limit, asks))) return output;
  }
  return undefined;
}
