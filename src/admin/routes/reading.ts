import type { HandlerContext } from '@connectrpc/connect';
import type { Reading } from '../../service/admin/reading.ts';
import { callOf } from '../http/call.ts';

/** Until when the caller of a request waits for what is read. */
export function readingOf(context: HandlerContext): Reading {
  return { deadlineMs: callOf(context.values).deadlineMs, cancelled: context.signal };
}
