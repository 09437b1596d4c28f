import { ServiceError } from './service-error.ts';

/** An instant on the process clock, milliseconds since 1970, from now; the database's clock plays no part. */
export function deadlineAfter(timeoutMs: number): number {
  return Date.now() + timeoutMs;
}

/**
 * The work's answer, or DEADLINE_EXCEEDED when the instant (process clock, milliseconds since 1970) comes
 * first. The work is not stopped: its outcome is dropped. As a function it is not begun when it is too late.
 */
export function withinDeadline<T>(
  work: Promise<T> | (() => Promise<T>),
  deadlineMs: number,
): Promise<T> {
  const leftMs = deadlineMs - Date.now();
  if (leftMs <= 0) {
    if (work instanceof Promise) work.catch(() => undefined);
    return Promise.reject(deadlineExceeded());
  }
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(deadlineExceeded()), leftMs);
  const follow = async (): Promise<void> => {
    try {
      resolve(await (work instanceof Promise ? work : work()));
    } catch (cause) {
      reject(cause);
    } finally {
      clearTimeout(timer);
    }
  };
  void follow();
  return promise;
}

function deadlineExceeded(): ServiceError {
  const message = 'not answered in time; it may have happened: repeat with the same request id';
  return new ServiceError('DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', message);
}
