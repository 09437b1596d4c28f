/**
 * Takes the lease of the sweep, or keeps it: it is free if its time is over, also where its end lies further
 * ahead than any lease lasts, because the database's clock was set back. Returns a row if it is ours now.
 */
export const takeSweepLease = {
  name: 'take-sweep-lease',
  /** $1 text: who takes it; $2 int: for how long, milliseconds. */
  text: `UPDATE sweep_lease SET holder = $1::text, ends_at = now() + $2::int * interval '1 ms'
WHERE holder = $1::text OR ends_at <= now() OR ends_at > now() + $2::int * interval '1 ms'
RETURNING 1`,
} as const;

/** Gives the lease back. $1 text: whose it was. */
export const leaveSweepLease = {
  name: 'leave-sweep-lease',
  text: 'UPDATE sweep_lease SET ends_at = now() WHERE holder = $1::text',
} as const;
