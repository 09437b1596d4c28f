import type { IncomingMessage, ServerResponse } from 'node:http';
import { createConnectRouter } from '@connectrpc/connect';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { Log } from '../platform/log.ts';
import type { Access } from '../service/access.ts';
import { answerErrors, letIn } from './interceptors.ts';
import { checkedBody } from './message-check.ts';
import { adminRoutes } from './routes.ts';
import type { AdminRouteParts } from './routes.ts';

/** What answers; HTTP/2's compatibility layer has the same face. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers gRPC, gRPC-Web and Connect JSON. A field that a message has not is refused: it may be a misspelt limit. */
export function createRpcHandler(
  parts: AdminRouteParts & {
    readonly access: Access;
    readonly log: Log;
    readonly maxMessageBytes: number;
  },
): Handler {
  const { access, log, maxMessageBytes } = parts;
  const router = createConnectRouter({
    requestGate: letIn(access, log),
    interceptors: [answerErrors(log)],
    readMaxBytes: maxMessageBytes,
    jsonOptions: { ignoreUnknownFields: false },
    acceptCompression: [compressionGzip, compressionBrotli],
  });
  adminRoutes(parts)(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get((request.url ?? '').split('?', 1)[0] ?? '');
    if (handler === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('nothing here\n');
      return;
    }
    const read = universalRequestFromNodeRequest(request, response, undefined, undefined);
    // Connect would judge the length by this, in words of its own; `checkedBody` counts what comes.
    const header = new Headers(read.header);
    header.delete('content-length');
    const body = checkedBody(read, handler.method.input, maxMessageBytes);
    handler({ ...read, header, body })
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((err: unknown) => {
        // The client has gone away, or its stream was reset: there is nobody to tell.
        log.debug({ rpc: handler.method.name, err }, 'the answer could not be sent');
        response.destroy();
      });
  };
}
