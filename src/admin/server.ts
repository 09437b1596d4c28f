import type { ConnectionMetrics } from '../connections/connection-metrics.ts';
import type { ConnectionLimits } from '../connections/connections.ts';
import { createUnreadBytes } from '../connections/unread-bytes.ts';
import { apiDocsPathOf, createApiDocs } from './http/api-docs.ts';
import { createCallersUnread } from './http/callers-unread.ts';
import { listen } from './http/listen.ts';
import type { TlsMaterial } from './http/listen.ts';
import { createRpcHandler } from './http/rpc-handler.ts';
import type { Handler, RpcHandlerParts } from './http/rpc-handler.ts';
import { sendText } from './http/send-answer.ts';
import { connectionTimeouts } from './http/timeouts.ts';
import type { ConnectionTimeouts } from './http/timeouts.ts';

/** What the admin plane is made of. */
export interface AdminServerParts
  extends ConnectionLimits, Omit<RpcHandlerParts, 'unread' | 'lingerMs'> {
  /** Answers `/metrics`; undefined: another port does. */
  readonly metrics: Handler | undefined;
  readonly connectionMetrics: ConnectionMetrics;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  /** Calls of one connection at once, over HTTP/2. */
  readonly maxStreams: number;
  /** Bytes of requests that have not arrived completely, of all callers; one may use a quarter. */
  readonly maxUnreadBytes: number;
  /** How slow clients may be; by default it follows from the time that a call may take. */
  readonly timeouts?: Partial<ConnectionTimeouts>;
}

/** The admin plane while it serves. */
export interface AdminServer {
  readonly port: number;
  /** What `/readyz` answers. */
  setServing(isServing: boolean): void;
  /** Stops accepting, cuts what is idle, finishes what is in flight within the deadline, then cuts that too. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts the admin plane: gRPC, gRPC-Web and Connect JSON, with its description, metrics and health, on one port. */
export async function startAdminServer(parts: AdminServerParts): Promise<AdminServer> {
  let isServing = false;
  const { metrics, connectionMetrics } = parts;
  const timeouts = { ...connectionTimeouts(parts.timeoutMs), ...parts.timeouts };
  const { lingerMs } = timeouts;
  const unreadBytes = createUnreadBytes(parts.maxUnreadBytes, (bytes) =>
    connectionMetrics.unread(bytes),
  );
  const rpc = createRpcHandler({ ...parts, lingerMs, unread: createCallersUnread(unreadBytes) });
  const apiDocs = createApiDocs({ lingerMs });
  const metricsPath = metrics === undefined ? undefined : '/metrics';
  const handler: Handler = (request, response, connection) => {
    const answerText = (status: number, body: string): void => {
      if (connection.countStrangerCall()) sendText({ request, response, lingerMs }, status, body);
    };
    switch (request.url ?? '/') {
      case '/healthz':
        return answerText(200, 'ok\n');
      case '/readyz':
        return isServing ? answerText(200, 'ready\n') : answerText(503, 'not ready\n');
      case metricsPath:
        return metrics?.(request, response, connection);
      default:
        return (apiDocsPathOf(request.url) === undefined ? rpc : apiDocs)(
          request,
          response,
          connection,
        );
    }
  };
  const listener = await listen({ ...parts, timeouts, handler });
  return {
    port: listener.port,
    setServing(is) {
      isServing = is;
    },
    close(deadlineMs) {
      // A stream would keep the drain waiting until its deadline.
      parts.calls.feed.close();
      return listener.close(deadlineMs);
    },
  };
}
