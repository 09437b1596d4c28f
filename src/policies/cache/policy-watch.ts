import type { Socket } from 'node:net';
import { Client } from 'pg';
import type { Notification } from 'pg';
import { changeChannel } from '../store/change.ts';
import type { ChangeNotice } from '../store/change.ts';

/** What the watch connects to, and its callbacks. */
export interface PolicyWatchParts {
  readonly url: string;
  /** Where the connection's socket comes from, and how long connecting may take. */
  readonly sockets?: { open(): Socket };
  readonly connectTimeoutMs?: number;
  readonly onNotice: (notice: ChangeNotice) => void;
  /** Called when the connection is lost; the watch reconnects by itself. */
  readonly onLost?: (cause: unknown) => void;
  /** The first wait before a new try; doubles up to half a minute. */
  readonly firstDelayMs?: number;
}

/** A watch that runs until it is closed. */
export interface PolicyWatch {
  /** Resolves when the watch listens for the first time. */
  readonly listening: Promise<void>;
  close(): Promise<void>;
}

const maxDelayMs = 30_000;

/**
 * Listens for changes that other processes made. A hint only: notices are lost while the connection is,
 * and nothing but speed depends on them.
 */
export function startPolicyWatch(parts: PolicyWatchParts): PolicyWatch {
  const { firstDelayMs = 250 } = parts;
  const { promise: listening, resolve: nowListening } = Promise.withResolvers<void>();
  let delayMs = firstDelayMs;
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function connect(): Promise<void> {
    const connection = new Client({
      connectionString: parts.url,
      application_name: 'tollgate watch',
      keepAlive: true,
      connectionTimeoutMillis: parts.connectTimeoutMs ?? 5000,
      query_timeout: parts.connectTimeoutMs ?? 5000,
      ...(parts.sockets && { stream: () => parts.sockets?.open() }),
    });
    client = connection;
    let lost = false;
    const lose = (cause: unknown): void => {
      if (lost || closed) return;
      lost = true;
      parts.onLost?.(cause);
      connection.end().catch(() => {
        // It is broken already; there is nothing to end.
      });
      timer = setTimeout(() => void connect(), delayMs);
      timer.unref();
      delayMs = Math.min(delayMs * 2, maxDelayMs);
    };
    connection.on('error', lose);
    connection.on('end', () => lose(new Error('connection ended')));
    connection.on('notification', (notification) => tell(notification, parts.onNotice));
    try {
      await connection.connect();
      await connection.query(`LISTEN ${changeChannel}`);
      delayMs = firstDelayMs;
      nowListening();
    } catch (cause) {
      lose(cause);
    }
  }

  void connect();
  return {
    listening,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      nowListening();
      await client?.end().catch(() => {
        // It was broken already.
      });
    },
  };
}

function tell(notification: Notification, onNotice: (notice: ChangeNotice) => void): void {
  // The empty id is the platform's.
  const [orgId = '', epochText = '', kind = ''] = (notification.payload ?? '').split(' ');
  const epoch = Number(epochText);
  if (kind !== '' && Number.isSafeInteger(epoch)) onNotice({ orgId, epoch, kind });
}
