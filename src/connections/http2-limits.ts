/**
 * What a connection may ask of HTTP/2 itself. nghttp2 closes a connection with more resets than these, whoever
 * sends them; by default a thousand, and 33 a second, which short deadlines of one busy client reach. Here the
 * limit is far away: `countStrangerCall` distinguishes strangers from known callers. Streams beyond the concurrent
 * ones are rejected natively, one by one: they include those of a client that gives up a thousand calls and begins
 * a thousand before the process has read of the former.
 */
export const http2Limits = {
  streamResetBurst: 100_000,
  streamResetRate: 50_000,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100_000,
  maxHeaderListPairs: 100,
};
