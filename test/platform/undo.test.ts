import { expect, test } from 'vitest';
import { createUndoList } from '../../src/platform/undo.ts';

test('what was done is undone in reverse, each once', async () => {
  const undone: string[] = [];
  const undo = createUndoList();
  undo.add(() => void undone.push('pool'));
  undo.add(async () => {
    await Promise.resolve();
    undone.push('server');
  });
  await undo.run();
  await undo.run();
  expect(undone).toEqual(['server', 'pool']);
});

test('a failure does not keep the rest from being undone, and is thrown at the end', async () => {
  const undone: string[] = [];
  const undo = createUndoList();
  undo.add(() => void undone.push('pool'));
  undo.add(() => Promise.reject(new Error('stuck')));
  await expect(undo.run()).rejects.toThrow('stuck');
  expect(undone).toEqual(['pool']);
});
