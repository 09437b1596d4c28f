import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, LimitView } from '../../gen/tollgate/v1/outcome_pb.ts';
import { errorDetails } from '../client/error-details.ts';
import { fieldsOf, isFields } from './form.ts';
import type { Fields } from './form.ts';
import { Refusal } from './refusal.ts';
import { durationOf, nanosOf, smallWholeOf, textOf, textsOf, wholeOf } from './values.ts';
import { orgOf } from './world.ts';
import type { World } from './world.ts';

const { method } = DecisionService;

/** Calls the data plane; an error answer becomes a Refusal. */
async function call<In extends DescMessage, Out extends DescMessage>(
  world: World,
  of: DescMethodUnary<In, Out>,
  request: MessageInitShape<In>,
): Promise<MessageShape<Out>> {
  try {
    return await world.instance.data.call(of, request, { timeoutMs: 20_000 });
  } catch (cause) {
    throw isServiceError(cause) ? refusalOf(cause) : cause;
  }
}

/** An answer of the service, and no failure of ours to ask it. */
function isServiceError(cause: unknown): cause is ServiceError {
  return cause instanceof Error && 'code' in cause && 'details' in cause && 'metadata' in cause;
}

function refusalOf(error: ServiceError): Refusal {
  const { reason, metadata, violations } = errorDetails(error);
  const code = status[error.code] ?? String(error.code);
  const field = violations[0]?.field;
  return new Refusal({ code, reason, metadata, field, message: error.details });
}

/** Checks; every limit is asked for. */
export function check(world: World, fields: Fields) {
  const requestId = textOf(fields['id']);
  const parentRequestId = textOf(fields['parent']);
  const ttl = durationOf(fields['ttl']);
  return call(world, method.check, {
    ...about(world, fields),
    estimate: estimateOf(fields),
    settleNow: fields['settle_now'] === true,
    ...(requestId === undefined ? {} : { requestId }),
    ...(parentRequestId === undefined ? {} : { parentRequestId }),
    ...(ttl === undefined ? {} : { ttl }),
    limitView: LimitView.ALL,
  });
}

/** Explains. */
export function explain(world: World, fields: Fields) {
  return call(world, method.explain, {
    ...about(world, fields),
    estimate: estimateOf(fields),
    settleNow: fields['settle_now'] === true,
  });
}

/** Reports; without a target or subjects it is about a call that was checked. */
export function report(world: World, fields: Fields) {
  const { target, ...named } = about(world, fields);
  return call(world, method.report, {
    ...named,
    ...(fields['target'] === undefined ? {} : { target }),
    requestId: textOf(fields['id']) ?? '',
    ...(saysNoUsage(fields) ? {} : { usage: usageOf(fields) }),
    partial: fields['partial'] === true,
    usageUnknown: fields['usage_unknown'] === true,
    ...requestsOf(fields),
  });
}

/** A report without numbers is one of no usage, unless it says that the usage is unknown. */
function saysNoUsage(fields: Fields): boolean {
  return fields['usage_unknown'] === true && usageKeys.every((key) => fields[key] === undefined);
}

const usageKeys = [
  'input',
  'cached_input',
  'cache_write',
  'cache_write_1h',
  'output',
  'reasoning_output',
  'units',
  'cost',
];

function usageOf(fields: Fields) {
  const reasoningOutputTokens = wholeOf(fields['reasoning_output']) ?? 0n;
  return { ...numbersOf(fields), reasoningOutputTokens };
}

/** Releases. */
export function release(world: World, fields: Fields) {
  return call(world, method.release, {
    ...orgOf(world, fields),
    requestId: textOf(fields['id']) ?? '',
  });
}

/** Extends; without a sequence by the next one of the call. */
export async function extend(world: World, fields: Fields) {
  const requestId = textOf(fields['id']) ?? '';
  const last = world.sequences.get(requestId) ?? 0;
  const sequence = smallWholeOf(fields['sequence']) ?? last + 1;
  const ttl = durationOf(fields['ttl']);
  const answer = await call(world, method.extend, {
    ...orgOf(world, fields),
    requestId,
    sequence,
    added: estimateOf(fields),
    limitView: LimitView.ALL,
    ...(ttl === undefined ? {} : { ttl }),
  });
  // A denied one has used its number, too; one that was refused as an error has not.
  world.sequences.set(requestId, Math.max(last, sequence));
  return answer;
}

/** Lists what may be called, by name. */
export async function listTargets(world: World, fields: Fields): Promise<string[]> {
  const { target: _, ...named } = about(world, fields);
  const names: string[] = [];
  let pageToken = '';
  do {
    const page = await call(world, method.listTargets, { ...named, pageSize: 1000, pageToken });
    names.push(...page.targets.filter(({ allowed }) => allowed).map(({ name }) => name));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return names;
}

/** Checks at once, and reports what was allowed when all are answered. */
export async function parallel(
  world: World,
  fields: Fields,
): Promise<{ allowed: number; denied: number }> {
  const written = fieldsOf(fields['check']);
  const id = textOf(written['id']);
  const checks = Array.from({ length: Number(fields['count']) }, (_, index) =>
    check(world, id === undefined ? written : { ...written, id: `${id}-${index + 1}` }),
  );
  const answers = await Promise.all(checks);
  const allowed = answers.filter(({ outcome }) => outcome?.decision === Decision.ALLOW);
  const settled = fields['report'];
  if (isFields(settled)) {
    const reports = allowed.map(({ requestId }) => report(world, { ...settled, id: requestId }));
    await Promise.all(reports);
  }
  return { allowed: allowed.length, denied: answers.length - allowed.length };
}

/** Who a call belongs to and what it calls. */
function about(world: World, fields: Fields) {
  const optional = (key: string): Record<string, string> => {
    const text = textOf(fields[key]);
    return text === undefined ? {} : { [key]: text };
  };
  const credential = textOf(fields['credential']);
  const serviceTier = textOf(fields['service_tier']);
  const labels = fieldsOf(fields['labels']);
  return {
    ...orgOf(world, fields),
    subjects: {
      teams: textsOf(fields['teams']),
      ...optional('user'),
      ...optional('tier'),
      ...optional('key'),
      ...optional('principal'),
      ...optional('app'),
      ...optional('customer'),
      labels: Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [key, textOf(value) ?? '']),
      ),
    },
    target: textOf(fields['target']) ?? '',
    ...optional('provider'),
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(credential === undefined ? {} : { credential: secretOf(world, credential) }),
  };
}

/** The secret of a declared key or token; anything else is presented as it is. */
function secretOf(world: World, named: string): string {
  return world.secrets.get(`key ${named}`) ?? world.secrets.get(`token ${named}`) ?? named;
}

function estimateOf(fields: Fields) {
  return { ...numbersOf(fields), ...requestsOf(fields) };
}

function requestsOf(fields: Fields): { requests?: bigint } {
  const requests = wholeOf(fields['requests']);
  return requests === undefined ? {} : { requests };
}

function numbersOf(fields: Fields) {
  const outputTokens = wholeOf(fields['output']);
  const costNanos = nanosOf(fields['cost']);
  return {
    inputTokens: wholeOf(fields['input']) ?? 0n,
    cachedInputTokens: wholeOf(fields['cached_input']) ?? 0n,
    cacheWriteTokens: wholeOf(fields['cache_write']) ?? 0n,
    cacheWrite1hTokens: wholeOf(fields['cache_write_1h']) ?? 0n,
    units: Object.fromEntries(
      Object.entries(fieldsOf(fields['units'])).map(([name, count]) => [
        name,
        wholeOf(count) ?? 0n,
      ]),
    ),
    ...(outputTokens === undefined ? {} : { outputTokens }),
    ...(costNanos === undefined ? {} : { costNanos }),
  };
}
