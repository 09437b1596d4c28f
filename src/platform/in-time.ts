/**
 * The work's answer, or the error that `late` makes when there is none after `timeoutMs` milliseconds, 2^31 - 1
 * at most. The work is not stopped; its result is dropped.
 */
export function inTime<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const fail = (): void => reject(late());
  // After a pause of this process the timer fires first: what has arrived meanwhile is read before it is judged.
  const timer = setTimeout(() => setImmediate(() => setImmediate(fail)), timeoutMs);
  const follow = async (): Promise<void> => {
    try {
      resolve(await work);
    } catch (cause) {
      reject(cause);
    } finally {
      clearTimeout(timer);
    }
  };
  void follow();
  return promise;
}
