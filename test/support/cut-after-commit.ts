import type { Client } from 'pg';

/** ReadyForQuery outside a transaction. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** Cuts a connection when the server answers the next commit; the answer is lost. */
export function cutAfterCommit(lane: Client): { readonly isCut: boolean } {
  const state = { isCut: false };
  const { stream } = Reflect.get(lane, 'connection');
  const emit = stream.emit.bind(stream);
  stream.emit = (event: string, ...more: unknown[]) => {
    const [chunk] = more;
    const isAnswer = event === 'data' && Buffer.isBuffer(chunk) && isCommitted(chunk);
    if (!isAnswer || state.isCut) return emit(event, ...more);
    state.isCut = true;
    stream.destroy();
    return true;
  };
  return state;
}

/** Whether a transaction has ended, and neither by a failure nor by a ROLLBACK. */
function isCommitted(chunk: Buffer): boolean {
  return chunk.includes(ready) && !chunk.includes('VERROR') && !chunk.includes('ROLLBACK');
}
