import { v7 as uuidv7 } from 'uuid';
import { plainArray, textArray } from '../../db/wire/binary-arrays.ts';
import type { FlightStatement } from '../../db/wire/flight.ts';
import { chargedUnits } from '../record/units-json.ts';
import type { KnownCall } from './known-call.ts';
import { closeHolds, recordEndedHolds, tellEndedHolds } from '../sql/end-holds.ts';

/** A hold that has ended because its time was over. */
export interface EndedHold {
  readonly call: KnownCall;
  /** It is booked as usage. */
  readonly isCharged: boolean;
  readonly atMs: number;
}

/** What is written of them: their calls, usage and events. */
export function endHolds(
  holds: readonly EndedHold[],
  recordedAtMs: (orgId: string) => number,
): FlightStatement[] {
  const orgIds = textArray(holds.map(({ call }) => call.orgId));
  const requestIds = textArray(holds.map(({ call }) => call.requestId));
  const users = textArray(holds.map(({ call }) => call.path.user ?? null));
  const states = textArray(holds.map(({ isCharged }) => (isCharged ? 'CHARGED' : 'EXPIRED')));
  const charged = plainArray(holds.map(({ isCharged }) => isCharged));
  const targets = textArray(holds.map(({ call }) => call.target.name));
  const recordedAt = plainArray(holds.map(({ call }) => recordedAtMs(call.orgId)));
  const at = plainArray(holds.map(({ atMs }) => atMs));
  const rowCount = holds.length;
  return [
    { ...closeHolds, values: [orgIds, requestIds, states], rowCount },
    {
      ...recordEndedHolds,
      values: [
        orgIds,
        requestIds,
        charged,
        users,
        targets,
        recordedAt,
        plainArray(holds.map(() => uuidv7())),
        textArray(holds.map(({ call }) => call.served.provider ?? call.target.provider ?? null)),
        textArray(holds.map(({ call }) => call.served.serviceTier ?? null)),
        textArray(holds.map(({ call, isCharged }) => chargedUnits(call, isCharged))),
      ],
      rowCount,
    },
    {
      ...tellEndedHolds,
      values: [orgIds, requestIds, users, at, textArray(holds.map(() => uuidv7())), targets],
      rowCount,
    },
  ];
}
