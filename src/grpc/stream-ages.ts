import { constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';

/** How long the streams of single calls may take. */
export interface StreamAges {
  add(stream: ServerHttp2Stream, tooSlow: () => void): void;
  stop(): void;
}

interface Entry {
  readonly arrivedMs: number;
  readonly tooSlow: () => void;
}

/**
 * Ends streams whose request has not come whole within `requestMs` of its headers, by `tooSlow`, and resets
 * those whose answer is not taken `answerMs` after that. Looks four times in `requestMs`.
 */
export function createStreamAges(requestMs: number, answerMs: number): StreamAges {
  // In order of arrival.
  const entries = new Map<ServerHttp2Stream, Entry>();

  function look(): void {
    const nowMs = performance.now();
    for (const [stream, { arrivedMs, tooSlow }] of entries) {
      const ageMs = nowMs - arrivedMs;
      if (ageMs < requestMs) return;
      if (ageMs > requestMs + answerMs) stream.close(constants.NGHTTP2_CANCEL);
      else if (!stream.readableEnded && !stream.endAfterHeaders) tooSlow();
    }
  }

  const looking = setInterval(look, Math.max(10, requestMs / 4));
  return {
    add(stream, tooSlow) {
      entries.set(stream, { arrivedMs: performance.now(), tooSlow });
      stream.once('close', () => entries.delete(stream));
    },
    stop: () => clearInterval(looking),
  };
}
