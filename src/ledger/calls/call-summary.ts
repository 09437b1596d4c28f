import type { CallSummary } from '../../service/admin/calls.ts';
import type { BookedRow } from '../sql/kept-calls.ts';
import type { KnownCall } from './known-call.ts';
import { decodeOutcome } from './outcome-record.ts';

/** A call in one line, with what is in the ledger of it. */
export function callSummary(call: KnownCall, booked: BookedRow | undefined): CallSummary {
  const { requestId, state, bookedAtMs, path, target, served, held, estimate, answer } = call;
  return {
    requestId,
    state,
    bookedAtMs,
    path,
    target: target.name,
    served,
    outcome: answer === undefined ? undefined : decodeOutcome(answer, path),
    held,
    requests: estimate.requests,
    booked: booked && {
      cost: BigInt(booked.cost),
      input: BigInt(booked.input),
      output: BigInt(booked.output),
    },
    parent: call.content?.['parent_request_id'],
  };
}
