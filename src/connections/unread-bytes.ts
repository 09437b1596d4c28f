import { ServiceError } from '../platform/service-error.ts';

/** Who sends: a connection, or a caller. */
export interface Sender {
  unreadBytes: number;
}

/** Bytes of all requests that have not arrived completely, against their bound. */
export interface UnreadBytes {
  /** Adds (or takes away) bytes of a sender; whether it stays within the bounds. */
  add(sender: Sender, bytes: number): boolean;
}

/** One sender may use this part of the bound. */
const sendersShare = 4;

/** Nothing unread yet. */
export function createUnreadBytes(
  maxUnreadBytes: number,
  onChange: (bytes: number) => void,
): UnreadBytes {
  let total = 0;
  return {
    add(sender, bytes) {
      total += bytes;
      sender.unreadBytes += bytes;
      onChange(total);
      return total <= maxUnreadBytes && sender.unreadBytes <= maxUnreadBytes / sendersShare;
    },
  };
}

/** RESOURCE_EXHAUSTED `TOO_MUCH_UNREAD`: a request cannot be read because too many have not arrived completely. */
export function tooMuchUnread(): ServiceError {
  const message = 'too many requests have not arrived completely: send each at once';
  return new ServiceError('TOO_MUCH_UNREAD', message, {
    retryAfterMs: 1000,
  });
}
