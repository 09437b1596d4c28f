import { listen } from './http/listen.ts';
import type { Listener, ListenParts } from './http/listen.ts';
import type { Handler } from './http/rpc-handler.ts';
import { sendText } from './http/send-answer.ts';

/** Starts a port that answers `/metrics` and nothing else. */
export function startMetricsServer(
  parts: Omit<ListenParts, 'handler'> & { readonly metrics: Handler },
): Promise<Listener> {
  const { lingerMs } = parts.timeouts;
  return listen({
    ...parts,
    handler(request, response, connection) {
      if (request.url === '/metrics') return parts.metrics(request, response, connection);
      if (!connection.countStrangerCall()) return undefined;
      return sendText({ request, response, lingerMs }, 404, 'nothing here\n');
    },
  });
}
