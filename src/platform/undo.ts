/** What must be undone, noted next to where it was done. */
export interface UndoList {
  /** Notes how to undo what was just done. */
  add(undo: () => void | Promise<void>): void;
  /** Undoes everything in reverse order, whatever fails, and throws the first failure at the end. */
  run(): Promise<void>;
}

/** Starts an empty list. */
export function createUndoList(): UndoList {
  const undos: (() => void | Promise<void>)[] = [];
  return {
    add: (undo) => undos.push(undo),
    async run() {
      const failures: unknown[] = [];
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        try {
          await undo();
        } catch (cause) {
          failures.push(cause);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
