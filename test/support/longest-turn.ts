/**
 * The most CPU time of this thread that one turn of the event loop took while something ran. CPU time, not time
 * on the wall: a busy machine does not change it.
 */
export async function measureLongestTurn(run: () => Promise<void>): Promise<{ cpuMs: number }> {
  let cpuMs = 0;
  let isRunning = true;
  let before = threadCpuMs();
  const turn = (): void => {
    const now = threadCpuMs();
    cpuMs = Math.max(cpuMs, now - before);
    before = now;
    if (isRunning) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await run();
  } finally {
    isRunning = false;
  }
  turn();
  return { cpuMs };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
