const second = 1000;
const minute = 60 * second;

/** How long clients may be slow, so that none holds a connection for nothing. In milliseconds. */
export interface Patience {
  /** Until a new connection says which protocol it speaks; with TLS, until hands are shaken. */
  readonly greetingMs: number;
  /** Until the headers of a request over HTTP/1.1 have come. */
  readonly headersMs: number;
  /** Until a request over HTTP/1.1 has come whole. */
  readonly requestMs: number;
  /** How long a connection of HTTP/2 may be silent. */
  readonly silenceMs: number;
}

/** More than a call may take, where one may be under way: its own deadline has an answer, these have none. */
export function patienceFor(timeoutMs: number): Patience {
  return {
    greetingMs: 10 * second,
    headersMs: 10 * second,
    requestMs: timeoutMs + 30 * second,
    silenceMs: timeoutMs + 5 * minute,
  };
}
