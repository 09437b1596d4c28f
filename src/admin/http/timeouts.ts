const second = 1000;
const minute = 60 * second;

/** How long clients may be slow, so that none holds a connection for nothing. In milliseconds. */
export interface ConnectionTimeouts {
  /** Until the headers of a request over HTTP/1.1 have arrived. */
  readonly headersMs: number;
  /** Until a request has arrived completely and its answer has been taken. */
  readonly requestMs: number;
  /** How long a connection of HTTP/2 may be silent. */
  readonly silenceMs: number;
  /** How long the rest of a request that has been answered is read. */
  readonly lingerMs: number;
}

/** Longer than a call may take: the call's own deadline has an answer, these have none. */
export function connectionTimeouts(timeoutMs: number): ConnectionTimeouts {
  return {
    headersMs: 10 * second,
    requestMs: timeoutMs + 30 * second,
    silenceMs: timeoutMs + 5 * minute,
    lingerMs: 5 * second,
  };
}
