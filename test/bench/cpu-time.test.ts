import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { cpuSeconds, parentOf } from '../../bench/cpu-time.ts';

const busy =
  'const until = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < until);';
const grandchild = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(busy)}]);`;

// Red when the time of ended children was not counted.
it('counts a process and those that it started, also when they have ended', async () => {
  const child = spawn(
    process.execPath,
    ['-e', `${grandchild} console.log('done'); process.stdin.resume();`],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const pid = child.pid ?? 0;
  expect(parentOf(pid)).toBe(process.pid);
  await once(createInterface({ input: child.stdout }), 'line');
  expect(cpuSeconds(pid)).toBeGreaterThanOrEqual(0.3);
  child.stdin.end();
  await once(child, 'exit');
  expect(() => cpuSeconds(pid)).toThrow(`process ${pid} does not exist`);
});
