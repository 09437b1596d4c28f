import { storeFailure } from '../../db/errors.ts';

/** When a look-up that has a query of its own is given up: the loss of one node delays others by no more. */
export const lateLookup = {
  timeoutMs: 1000,
  late: () => storeFailure(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
} as const;
