import type { HoldState, StoredCall } from '../ledger.ts';

/** The state of a call's hold. One that expired and was charged has expired; a post-paid call is settled. */
export function holdStateOf({ state }: Pick<StoredCall, 'state'>): HoldState {
  return state === 'CHARGED' ? 'EXPIRED' : state;
}
