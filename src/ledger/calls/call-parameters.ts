import type { CallPath } from '../../core/call.ts';
import { memoizeByObject } from '../../core/memoize-by-object.ts';
import { arrayLiteral } from '../../db/wire/array-literal.ts';
import { int8Array, textArray } from '../../db/wire/binary-arrays.ts';
import type { Parameter } from '../../db/wire/flight.ts';
import { callTexts } from './known-call.ts';
import type { KnownCall } from './known-call.ts';
import { baseNames } from './subjects.ts';

const subjectsLiteral = memoizeByObject((path: CallPath) => arrayLiteral(baseNames(path)));

/** What is written of calls that are new, in the order of `hold-calls` and `insert-calls`. */
export function newCallParameters(calls: readonly KnownCall[]): Parameter[] {
  return newParameters(calls, calls.map(callTexts));
}

/** The parameters of `insert-calls`. */
export function insertParameters(calls: readonly KnownCall[]): Parameter[] {
  const texts = calls.map(callTexts);
  return [
    ...newParameters(calls, texts),
    textArray(calls.map((call) => call.state)),
    textArray(texts.map((text) => text.closing)),
    textArray(texts.map((text) => text.sums)),
    textArray(calls.map((call) => call.reason ?? null)),
    textArray(calls.map(parentOf)),
  ];
}

/** The call that a call's Check says it belongs to, or null. */
export function parentOf({ content }: Pick<KnownCall, 'content'>): string | null {
  return content?.['parent_request_id'] ?? null;
}

/** The parameters of `update-calls`. */
export function updateParameters(calls: readonly KnownCall[]): Parameter[] {
  const texts = calls.map(callTexts);
  return [
    ...idParameters(calls),
    textArray(calls.map((call) => call.state)),
    textArray(texts.map((text) => text.detail)),
    ...numberParameters(calls),
    textArray(texts.map((text) => text.extends)),
    textArray(texts.map((text) => text.closing)),
  ];
}

function newParameters(
  calls: readonly KnownCall[],
  texts: readonly ReturnType<typeof callTexts>[],
): Parameter[] {
  return [
    ...idParameters(calls),
    textArray(texts.map((text) => text.content)),
    textArray(texts.map((text) => text.answer)),
    textArray(texts.map((text) => text.detail)),
    textArray(calls.map((call) => subjectsLiteral(call.path))),
    textArray(texts.map((text) => text.facts)),
    ...numberParameters(calls),
    int8Array(calls.length, [calls.map((call) => call.estimate.requests)]),
  ];
}

function idParameters(calls: readonly KnownCall[]): Parameter[] {
  return [
    textArray(calls.map((call) => call.orgId)),
    textArray(calls.map((call) => call.requestId)),
  ];
}

function numberParameters(calls: readonly KnownCall[]): Parameter[] {
  const columns = [
    calls.map((call) => call.held.cost),
    calls.map((call) => call.held.input),
    calls.map((call) => call.held.output),
    calls.map((call) => BigInt(call.bookedAtMs)),
    calls.map((call) => BigInt(call.expiresAtMs)),
  ];
  return columns.map((column) => int8Array(column.length, [column]));
}
