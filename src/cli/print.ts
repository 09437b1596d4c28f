/** How long a reader of standard output may leave it unread. */
const timeoutMs = 10_000;

/** Prints text and waits until it is handed over; fails when the reader is gone or does not read. */
export function print(text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error(`standard output was not read in ${timeoutMs} ms`)),
    timeoutMs,
  );
  // Unheard, a reader that is gone would end the process. The event may come after the write has failed.
  if (!process.stdout.listeners('error').includes(ignore)) process.stdout.on('error', ignore);
  process.stdout.write(text, (error) => {
    if (error) reject(error);
    else resolve();
  });
  return promise.finally(() => clearTimeout(timer));
}

function ignore(): void {
  // The write under way fails with the same error.
}
