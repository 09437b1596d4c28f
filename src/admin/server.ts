import type { Registry } from 'prom-client';
import { listen } from './http/listen.ts';
import type { TlsMaterial } from './http/listen.ts';
import { createMetricsText } from './http/metrics-text.ts';
import { patienceFor } from './http/timeouts.ts';
import type { Patience } from './http/timeouts.ts';
import { createRpcHandler } from './http/rpc-handler.ts';
import type { Handler, RpcHandlerParts } from './http/rpc-handler.ts';

/** What the admin plane is made of. */
export interface AdminServerParts extends RpcHandlerParts {
  /** All of the process, as `/metrics` shows them. */
  readonly metrics: Registry;
  /** How old a text of `/metrics` may be, so that many readers cost what one costs; a second unless given. */
  readonly metricsMaxAgeMs?: number;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  /** How slow clients may be; unless given, as becomes the time that a call may take. */
  readonly patience?: Partial<Patience>;
}

/** The admin plane while it serves. */
export interface AdminServer {
  readonly port: number;
  /** What `/readyz` answers. */
  setServing(isServing: boolean): void;
  /** Stops accepting, cuts what is idle, finishes what is in flight within the deadline, then cuts that too. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts the admin plane: gRPC, gRPC-Web and Connect JSON, with metrics and health, on one port. */
export async function startAdminServer(parts: AdminServerParts): Promise<AdminServer> {
  let isServing = false;
  const { host, port, tls, metrics } = parts;
  const patience = { ...patienceFor(parts.timeoutMs), ...parts.patience };
  const rpc = createRpcHandler(parts);
  const metricsText = createMetricsText(metrics, { maxAgeMs: parts.metricsMaxAgeMs ?? 1000 });
  const handler: Handler = (request, response) => {
    // Answers hold other people's names and budgets: no cache keeps them, and no browser guesses their type.
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
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
        metricsText().then(
          (body) => text(200, body, metrics.contentType),
          () => text(500, 'metrics cannot be collected\n'),
        );
        return undefined;
      default:
        return rpc(request, response);
    }
  };
  const listener = await listen({ host, port, tls, patience, handler });
  return {
    port: listener.port,
    setServing(is) {
      isServing = is;
    },
    close: (deadlineMs) => listener.close(deadlineMs),
  };
}
