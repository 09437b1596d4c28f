import { status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { errorDetails } from '../../src/client/error-details.ts';

/**
 * How long a client waits before it sends a request again with the same id, as the contract says; throws an error that
 * no repeat changes.
 */
export function retryDelayMs(error: unknown): number {
  if (!isServiceError(error)) throw error;
  const { code } = error;
  const { reason, retryAfterMs } = errorDetails(error);
  const isBusy = code === status.RESOURCE_EXHAUSTED && retryAfterMs !== undefined;
  // What grpc-js says where a connection breaks in the middle of an answer.
  const isBroken = code === status.INTERNAL && reason === undefined;
  if (code !== status.UNAVAILABLE && !isBusy && !isBroken) throw error;
  return isBusy ? retryAfterMs : 0;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'metadata' in error;
}
