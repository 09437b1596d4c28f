import { expect, onTestFinished, test, vi } from 'vitest';
import { inTime } from '../../src/platform/in-time.ts';
import { createUndoList } from '../../src/platform/undo.ts';

const late = (): Error => new Error('too late');
const never = new Promise<void>(() => undefined);

test('an answer and a failure pass through, and silence ends', async () => {
  await expect(inTime(Promise.resolve('answer'), 60_000, late)).resolves.toBe('answer');
  await expect(inTime(Promise.reject(new Error('refused')), 60_000, late)).rejects.toThrow(
    'refused',
  );
  await expect(inTime(never, 10, late)).rejects.toThrow('too late');
});

/* Red when the result of work that was given up reached nobody: its failure ended the process. */
test('work that fails after it was given up is not heard of', async () => {
  const unheard = vi.fn();
  process.on('unhandledRejection', unheard);
  onTestFinished(() => void process.off('unhandledRejection', unheard));
  const { promise, reject } = Promise.withResolvers<void>();
  await expect(inTime(promise, 1, late)).rejects.toThrow('too late');
  reject(new Error('afterwards'));
  await new Promise(setImmediate);
  expect(unheard).not.toHaveBeenCalled();
});

/* Red on a bare timer: it fires before what arrived while the process stood still is read. */
test('an answer that is there when a paused process goes on counts', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const answered = inTime(promise, 1, late);
  const untilMs = performance.now() + 20;
  while (performance.now() < untilMs);
  setImmediate(() => resolve('answer'));
  await expect(answered).resolves.toBe('answer');
});

/* Red when each step was waited for: one that hangs kept the process from stopping. */
test('from the deadline on no step of stopping is waited for', async () => {
  const undone: string[] = [];
  const undo = createUndoList();
  undo.add(() => void undone.push('pool'));
  undo.add(() => never);
  await expect(undo.run(performance.now())).rejects.toThrow('did not end in time');
  expect(undone).toEqual(['pool']);
});
