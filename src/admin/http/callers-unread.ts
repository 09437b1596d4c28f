import type { Sender, UnreadBytes } from '../../connections/unread-bytes.ts';

/** Bytes of one request that has not been read completely. */
export interface UnreadBody {
  /** Whether they stay within the bounds. */
  add(bytes: number): boolean;
  /** Counts them no longer. */
  end(): void;
}

/** Counts unread bodies by caller: over HTTP/1.1 each of them is a connection of its own. */
export interface CallersUnread {
  begin(caller: string): UnreadBody;
}

/** Nothing unread yet. */
export function createCallersUnread(unread: UnreadBytes): CallersUnread {
  const senders = new Map<string, Sender>();
  return {
    begin(caller) {
      const sender = senders.get(caller) ?? { unreadBytes: 0 };
      senders.set(caller, sender);
      let counted = 0;
      let hasEnded = false;
      return {
        add(bytes) {
          // Its reader may notice later that the caller is gone.
          if (hasEnded) return false;
          counted += bytes;
          return unread.add(sender, bytes);
        },
        end() {
          hasEnded = true;
          if (counted > 0) unread.add(sender, -counted);
          if (sender.unreadBytes === 0 && senders.get(caller) === sender) senders.delete(caller);
        },
      };
    },
  };
}
