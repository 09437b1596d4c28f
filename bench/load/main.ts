/**
 * The load generator, a process of its own: a closed loop of calls over a few connections. Its argument is a JSON
 * `LoadOrder`. It tells its parent when it begins to measure and what it measured, and goes on living until the
 * parent disconnects, so that the CPU it took can be read.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { startClosedLoop } from './closed-loop.ts';
import type { LoadMessage, LoadOrder } from './order.ts';

/** How long the last answers may take. */
const drainMs = 30_000;

const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder;
const loop = startClosedLoop(order);

function tell(message: LoadMessage): void {
  process.send?.(message);
}

/** Waits, but no longer than until a call fails. */
async function passes(ms: number): Promise<void> {
  await Promise.race([delay(ms, undefined, { ref: false }), loop.drained]);
}

await passes(order.warmSeconds * 1000);
loop.measure();
tell({ phase: 'measuring' });
await passes(order.seconds * 1000);
const result = loop.stop();
tell({ phase: 'measured', result });
const late = setTimeout(() => {
  process.stderr.write(`calls without an answer after ${drainMs} ms\n`);
  process.exit(1);
}, drainMs);
await loop.drained;
clearTimeout(late);
loop.close();
if (process.connected) await once(process, 'disconnect');
