import type {
  Estimate as EstimateMessage,
  Subjects,
  Usage,
} from '../../gen/tollgate/v1/call_pb.ts';
import { unknownEstimate } from '../core/call.ts';
import type { Estimate, NamedSubjects } from '../core/call.ts';
import { servedBy } from '../core/served-by.ts';
import type { ServedBy } from '../core/served-by.ts';
import {
  idFault,
  readAmount,
  readId,
  readOptionalAmount,
  readOptionalId,
  readServiceTier,
} from './fields.ts';
import { readUnits } from './units.ts';
import type { Violations } from './violations.ts';

const maxTeams = 32;
const maxLabels = 32;
/** The most requests that one call may count as. */
const maxRequests = 1_000_000n;
const noLabels: ReadonlyMap<string, string> = new Map();
const noSubjects: NamedSubjects = {
  teams: [],
  user: undefined,
  tier: undefined,
  key: undefined,
  principal: undefined,
  app: undefined,
  customer: undefined,
  labels: noLabels,
};

const nothingAdded: Estimate = { ...unknownEstimate, requests: 0n };

/** Reads the subjects that a request names; absent: none. */
export function subjectsFromMessage(
  violations: Violations,
  field: string,
  message: Subjects | undefined,
): NamedSubjects {
  if (message === undefined) return noSubjects;
  return {
    teams: readTeams(violations, `${field}.teams`, message.teams),
    user: readOptionalId(violations, `${field}.user`, message.user),
    tier: readOptionalId(violations, `${field}.tier`, message.tier),
    key: readOptionalId(violations, `${field}.key`, message.key),
    principal: readOptionalId(violations, `${field}.principal`, message.principal),
    app: readOptionalId(violations, `${field}.app`, message.app),
    customer: readOptionalId(violations, `${field}.customer`, message.customer),
    labels: readLabels(violations, `${field}.labels`, message.labels),
  };
}

/** Reads who serves a call; a message that says nothing of it costs nothing. */
export function servedFromMessage(
  violations: Violations,
  message: { readonly provider?: string | undefined; readonly serviceTier?: string | undefined },
): ServedBy {
  return servedBy(
    readOptionalId(violations, 'provider', message.provider),
    readServiceTier(violations, 'service_tier', message.serviceTier),
  );
}

/** Reads what a call may use; absent: unknown. */
export function estimateFromMessage(
  violations: Violations,
  field: string,
  message: EstimateMessage | undefined,
): Estimate {
  if (message === undefined) return unknownEstimate;
  const requests = readRequests(violations, `${field}.requests`, message.requests);
  return readEstimate(violations, field, message, requests);
}

/** Reads what an Extend adds: as an estimate, but without a weight, which stays that of the Check. */
export function addedFromMessage(
  violations: Violations,
  field: string,
  message: EstimateMessage | undefined,
): Estimate {
  if (message === undefined) return nothingAdded;
  if (message.requests !== undefined) {
    violations.add(`${field}.requests`, 'must be absent: an Extend adds no requests');
  }
  return readEstimate(violations, field, message, nothingAdded.requests);
}

function readEstimate(
  violations: Violations,
  field: string,
  message: EstimateMessage,
  requests: bigint,
): Estimate {
  return {
    ...readInput(violations, field, message),
    output: readOptionalAmount(violations, `${field}.output_tokens`, message.outputTokens),
    reasoningOutput: undefined,
    requests,
    cost: readOptionalAmount(violations, `${field}.cost_nanos`, message.costNanos),
  };
}

/** Reads how many requests a call counts as; absent: 1. */
export function readRequests(
  violations: Violations,
  field: string,
  requests: bigint | undefined,
): bigint {
  if (requests === undefined) return 1n;
  if (requests < 1n || requests > maxRequests) {
    violations.add(field, `must be 1 to ${maxRequests}`);
  }
  return requests;
}

/** Reads what a call did use; required. `requests` is its weight, if it is post-paid. */
export function usageFromMessage(
  violations: Violations,
  field: string,
  message: Usage | undefined,
  requests: bigint,
): Estimate {
  if (message === undefined) {
    violations.add(field, 'must be present (all zero if nothing was used)');
    return unknownEstimate;
  }
  return {
    ...readInput(violations, field, message),
    ...readOutput(violations, field, message),
    requests,
    cost: readOptionalAmount(violations, `${field}.cost_nanos`, message.costNanos),
  };
}

function readInput(
  violations: Violations,
  field: string,
  message: EstimateMessage | Usage,
): Pick<Estimate, 'input' | 'cachedInput' | 'cacheWrite' | 'cacheWrite1h' | 'units'> {
  const names = {
    cached: `${field}.cached_input_tokens`,
    write: `${field}.cache_write_tokens`,
    write1h: `${field}.cache_write_1h_tokens`,
  };
  const input = readAmount(violations, `${field}.input_tokens`, message.inputTokens);
  const cachedInput = readAmount(violations, names.cached, message.cachedInputTokens);
  const cacheWrite = readAmount(violations, names.write, message.cacheWriteTokens);
  const cacheWrite1h = readAmount(violations, names.write1h, message.cacheWrite1hTokens);
  if (input >= 0n && cachedInput > input) {
    violations.add(names.cached, 'must not be above input_tokens');
  } else if (input >= 0n && cachedInput >= 0n && cachedInput + cacheWrite > input) {
    violations.add(names.write, 'must not be above input_tokens, less those that are cached');
  }
  if (cacheWrite >= 0n && cacheWrite1h > cacheWrite) {
    violations.add(names.write1h, 'must not be above cache_write_tokens');
  }
  const units = readUnits(violations, `${field}.units`, message.units);
  return { input, cachedInput, cacheWrite, cacheWrite1h, units };
}

function readOutput(
  violations: Violations,
  field: string,
  message: Usage,
): Pick<Estimate, 'output' | 'reasoningOutput'> {
  const reasoning = `${field}.reasoning_output_tokens`;
  const output = readAmount(violations, `${field}.output_tokens`, message.outputTokens);
  const reasoningOutput = readAmount(violations, reasoning, message.reasoningOutputTokens);
  if (reasoningOutput > output && output >= 0n) {
    violations.add(reasoning, 'must not be above output_tokens');
  }
  return { output, reasoningOutput };
}

function readTeams(
  violations: Violations,
  field: string,
  teams: readonly string[],
): readonly string[] {
  if (teams.length === 0) return teams;
  if (teams.length > maxTeams) violations.add(field, `must name at most ${maxTeams} teams`);
  for (const [index, team] of teams.entries()) readId(violations, `${field}[${index}]`, team);
  return teams.length === 1 ? teams : [...new Set(teams)];
}

function readLabels(
  violations: Violations,
  field: string,
  labels: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const entries = Object.entries(labels);
  if (entries.length === 0) return noLabels;
  if (entries.length > maxLabels) violations.add(field, `must have at most ${maxLabels} labels`);
  for (const [key, value] of entries) {
    const fault = labelFault(key, value);
    // A key may be anything here, so it is named only when it cannot be misread as structure.
    if (fault !== undefined) violations.add(isPlain(key) ? `${field}[${key}]` : field, fault);
  }
  return new Map(entries);
}

function labelFault(key: string, value: string): string | undefined {
  if (key === '') return 'must not have an empty key';
  if (value === '') return 'must not have an empty value';
  if (key.includes('=')) return 'must not have a key that contains =';
  return idFault(`${key}=${value}`);
}

function isPlain(key: string): boolean {
  return /^[\w.:/-]{1,64}$/.test(key);
}
