import type { Registry } from 'prom-client';
import type { Log } from '../platform/log.ts';
import type { Access } from '../service/access.ts';
import { listen } from './listen.ts';
import type { TlsMaterial } from './listen.ts';
import type { AdminRouteParts } from './routes.ts';
import { createRpcHandler } from './rpc-handler.ts';
import type { Handler } from './rpc-handler.ts';

/** What the admin plane is made of. */
export interface AdminServerParts extends AdminRouteParts {
  readonly access: Access;
  readonly log: Log;
  readonly metrics: Registry;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  readonly maxMessageBytes: number;
}

/** The admin plane while it serves. */
export interface AdminServer {
  readonly port: number;
  /** What `/readyz` answers. */
  setServing(isServing: boolean): void;
  /** Stops accepting, finishes what is in flight within the deadline, then cuts. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts the admin plane: gRPC, gRPC-Web and Connect JSON, with metrics and health, on one port. */
export async function startAdminServer(parts: AdminServerParts): Promise<AdminServer> {
  let isServing = false;
  const { host, port, tls, metrics } = parts;
  const rpc = createRpcHandler(parts);
  const handler: Handler = (request, response) => {
    const text = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    };
    switch (request.url ?? '/') {
      case '/healthz':
        return text(200, 'ok\n');
      case '/readyz':
        return isServing ? text(200, 'ready\n') : text(503, 'not ready\n');
      case '/metrics':
        metrics.metrics().then(
          (body) => text(200, body, metrics.contentType),
          () => text(500, 'metrics cannot be collected\n'),
        );
        return undefined;
      default:
        return rpc(request, response);
    }
  };
  const listener = await listen({ host, port, tls, handler });
  return {
    port: listener.port,
    setServing(is) {
      isServing = is;
    },
    close: (deadlineMs) => listener.close(deadlineMs),
  };
}
