/** Lets a number of tasks run at once; the others wait in the order in which they came. */
export interface Gate {
  /** Runs a task when there is room; its answer or failure is passed on. */
  pass<T>(task: () => Promise<T>): Promise<T>;
}

/** A gate for `most` tasks at once. It does not bound how many wait. */
export function createGate(most: number): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;

  function leave(): void {
    const next = waiting.shift();
    // The place passes on to who waits longest, so nobody overtakes.
    if (next === undefined) inside -= 1;
    else next();
  }

  return {
    async pass(task) {
      if (inside < most) inside += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await task();
      } finally {
        leave();
      }
    },
  };
}
