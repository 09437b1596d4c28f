import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { createConnectRouter, createContextValues } from '@connectrpc/connect';
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import { certificateName } from '../../platform/certificate-name.ts';
import { deadlineAfter } from '../../platform/deadline.ts';
import type { Log } from '../../platform/log.ts';
import type { RpcMetrics } from '../../platform/rpc-metrics.ts';
import type { Access } from '../../service/auth.ts';
import { callKey } from './call.ts';
import type { AdminCall } from './call.ts';
import { compressions, readCallHeaders } from './call-headers.ts';
import { answerInTime, letIn } from './interceptors.ts';
import { checkedBody } from './message-check.ts';
import { maxBytesOf, maxBytesOfAny } from './message-size.ts';
import { refuse, refusedByHttp } from './refusal.ts';
import { adminRoutes } from '../routes/routes.ts';
import type { AdminRouteParts } from '../routes/routes.ts';

/** What answers; HTTP/2's compatibility layer has the same face. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What surrounds every call of the admin plane. */
export interface RpcHandlerParts extends AdminRouteParts {
  readonly access: Access;
  readonly log: Log;
  readonly rpcMetrics: RpcMetrics;
  /** The longest that a call may take, whatever its client's deadline. */
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
}

/** Answers gRPC, gRPC-Web and Connect JSON. A field that a message has not is refused: it may be a misspelt limit. */
export function createRpcHandler(parts: RpcHandlerParts): Handler {
  const { access, log, maxMessageBytes } = parts;
  const router = createConnectRouter({
    requestGate: letIn(access, log),
    interceptors: [answerInTime(log)],
    readMaxBytes: maxBytesOfAny(maxMessageBytes),
    jsonOptions: { ignoreUnknownFields: false },
    acceptCompression: [...compressions],
  });
  adminRoutes(parts)(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get((request.url ?? '').split('?', 1)[0] ?? '');
    if (handler === undefined) return say(response, 404, 'nothing here\n');
    const read = readRequest(request, response);
    if (read === undefined) return say(response, 400, 'no valid host is named\n');
    answer(parts, handler, read, request)
      .then((answered) => send(answered, request, response))
      .catch((err: unknown) => {
        // The client has gone away, or its stream was reset: there is nobody to tell.
        log.debug({ rpc: handler.method.name, err }, 'the answer could not be sent');
        response.destroy();
      });
    return undefined;
  };
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

/** Undefined: its Host is missing, as HTTP/1.0 allows, or no host. */
function readRequest(
  request: IncomingMessage,
  response: ServerResponse,
): UniversalServerRequest | undefined {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, undefined);
  } catch {
    // Connect builds a URL of it, and throws where that fails.
    return undefined;
  }
}

interface Answered {
  readonly call: AdminCall;
  readonly content: UniversalServerResponse;
}

/** Runs one call, and counts it. */
async function answer(
  parts: RpcHandlerParts,
  handler: UniversalHandler,
  read: UniversalServerRequest,
  request: IncomingMessage,
): Promise<Answered> {
  const { log, rpcMetrics, timeoutMs, maxMessageBytes } = parts;
  const maxBytes = maxBytesOf(handler.method.name, maxMessageBytes);
  const startedMs = performance.now();
  const headers = readCallHeaders(read.header);
  const call: AdminCall = {
    rpc: handler.method.name,
    deadlineMs: deadlineAfter(Math.min(timeoutMs, headers.timeoutMs)),
    certificateName: certificateNameOf(request),
    fault: headers.fault,
  };
  rpcMetrics.started(call.rpc);
  // A request that is refused half-way must not take its connection along, and so the answer.
  const chunks = request.iterator({ destroyOnReturn: false });
  const body = checkedBody(chunks, { call, headers, desc: handler.method.input, maxBytes, log });
  const contextValues = createContextValues().set(callKey, call);
  try {
    const content = await handler({ ...read, header: forConnect(read), body, contextValues });
    if (call.code === undefined) refusedByHttp(log, call, content.status);
    return { call, content };
  } catch (cause) {
    throw refuse(log, call, cause);
  } finally {
    rpcMetrics.ended(call.rpc, call.code ?? 'INTERNAL', (performance.now() - startedMs) / 1000);
  }
}

/** Connect would judge length and time by these, in words of its own and on its own clock: we do. */
function forConnect({ header }: UniversalServerRequest): Headers {
  const kept = new Headers(header);
  for (const name of ['content-length', 'grpc-timeout', 'connect-timeout-ms']) kept.delete(name);
  return kept;
}

function certificateNameOf({ socket }: IncomingMessage): string | undefined {
  const { authorized } = socket as Partial<TLSSocket>;
  return authorized === true
    ? certificateName((socket as TLSSocket).getPeerCertificate())
    : undefined;
}

async function send(
  { call, content }: Answered,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!request.complete) {
    const isSlow = call.code === 'DEADLINE_EXCEEDED' && request.httpVersionMajor === 1;
    // Who was too slow is not waited for; of others the rest is read away, for it stands before the next call.
    if (isSlow) response.shouldKeepAlive = false;
    else request.resume();
  }
  await universalResponseToNodeResponse(content, response);
}
