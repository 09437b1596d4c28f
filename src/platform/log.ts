import { destination, pino, stdSerializers } from 'pino';
import type { Logger } from 'pino';

/** The process's log: JSON, one line an event. Secrets and headers never go in. */
export type Log = Logger;

/** The levels that may be chosen. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const bufferBytes = 8 * 1024;

/**
 * A log on standard error. Lines are written in blocks, so that a storm of refusals does not become a
 * storm of system calls; `close` writes what is left.
 */
export function createLog(level: LogLevel): {
  readonly log: Log;
  readonly close: () => void;
} {
  const stream = destination({ dest: 2, sync: false, minLength: bufferBytes });
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.errWithCause },
    },
    stream,
  );
  const timer = setInterval(() => stream.flush(), 1000);
  timer.unref();
  return {
    log,
    close() {
      clearInterval(timer);
      flushQuietly(stream);
    },
  };
}

function flushQuietly(stream: ReturnType<typeof destination>): void {
  try {
    stream.flushSync();
  } catch {
    // Standard error is not open (yet, or any more): there is nowhere to say so.
  }
}
