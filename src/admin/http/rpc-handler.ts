import type { IncomingMessage, ServerResponse } from 'node:http';
import { createConnectRouter, createContextValues } from '@connectrpc/connect';
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest } from '@connectrpc/connect-node';
import { rightOf } from '../../auth/rights.ts';
import type { Connection } from '../../connections/connections.ts';
import type { FailedSignIns } from '../../connections/failed-sign-ins.ts';
import { certificateName as nameOf } from '../../platform/certificate-name.ts';
import { deadlineAfter } from '../../platform/deadline.ts';
import { createFairSemaphore } from '../../platform/fair-semaphore.ts';
import type { FairSemaphore } from '../../platform/fair-semaphore.ts';
import type { Log } from '../../platform/log.ts';
import type { RpcMetrics } from '../../platform/rpc-metrics.ts';
import type { Access } from '../../service/auth.ts';
import { createAdmissions } from './admission.ts';
import type { Admission } from './admission.ts';
import { authenticate } from './authenticate.ts';
import { callKey } from './call.ts';
import type { AdminCall } from './call.ts';
import { compressions, readCallHeaders } from './call-headers.ts';
import type { CallersUnread } from './callers-unread.ts';
import { createCallsUnderWay } from './calls-under-way.ts';
import { mayLast } from './exchanges.ts';
import { answerInTime, authenticateCaller } from './interceptors.ts';
import { checkedBody } from './message-check.ts';
import { maxBytesOf, maxBytesOfAny } from './message-size.ts';
import { refuse, refusedByHttp } from './refusal.ts';
import { isGone, sendAnswer, sendNothing, sendText } from './send-answer.ts';
import { userPoliciesApi } from './user-policies-api.ts';
import type { HttpApi } from './user-policies-api.ts';
import { adminRoutes } from '../routes/routes.ts';
import type { AdminRouteParts } from '../routes/routes.ts';

/** What answers; HTTP/2's compatibility layer has the same face. */
export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
) => void;

/** What surrounds every call of the admin plane. */
export interface RpcHandlerParts extends AdminRouteParts {
  readonly access: Access;
  readonly failedSignIns: FailedSignIns;
  readonly log: Log;
  readonly rpcMetrics: RpcMetrics;
  /** The longest that a call may take, whatever its client's deadline. */
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
  /** Calls that one caller may have under way. */
  readonly maxCallerCalls: number;
  readonly unread: CallersUnread;
  /** How long the rest of a request that has been answered is read. */
  readonly lingerMs: number;
}

/** Answers gRPC, gRPC-Web and Connect JSON. A field that a message has not is refused: it may be a misspelt limit. */
export function createRpcHandler(parts: RpcHandlerParts): Handler {
  const { access, log, maxMessageBytes } = parts;
  const router = createConnectRouter({
    requestGate: authenticateCaller(access, parts.failedSignIns, log),
    interceptors: [answerInTime(log, createCallsUnderWay(parts.maxCallerCalls))],
    readMaxBytes: maxBytesOfAny(maxMessageBytes),
    jsonOptions: { ignoreUnknownFields: false },
    acceptCompression: [...compressions],
  });
  adminRoutes(parts)(router);
  // Each method has a row in the table of rights, or the server does not start.
  for (const { method } of router.handlers) rightOf(method);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const admissions = createAdmissions();
  // One caller has half of the places.
  const turns = createFairSemaphore({ most: 2 });
  return (request, response, connection) => {
    const exchange = { request, response, lingerMs: parts.lingerMs };
    const certified = nameOf(connection.certificate());
    const { authorization } = request.headers;
    const hasCredential = authorization !== undefined || certified !== undefined;
    const presented = { authorization, certificateName: certified };
    const begin = (): Admission | undefined => admissions.begin(connection, hasCredential);
    if (isGone(response)) {
      const admission = begin();
      // Nobody reads an answer, but the call counts.
      if (admission !== undefined)
        authenticate(access, presented, admission).catch(() => undefined);
      return undefined;
    }
    const { url = '/' } = request;
    const api = userPoliciesApi(url, request.method);
    const handler = handlers.get(api === undefined ? (url.split('?', 1)[0] ?? '') : api.rpcPath);
    if (handler === undefined) {
      if (!connection.countStrangerCall()) return undefined;
      if (api === undefined) return sendText(exchange, 404, 'nothing here\n');
      return sendText(exchange, 405, 'expected GET or POST\n', { allow: 'GET, POST' });
    }
    const admission = begin();
    if (admission === undefined) return sendNothing(exchange);
    const read = readRequest(request, response);
    if (read === undefined) {
      admission.refused(false);
      return sendText(exchange, 400, 'no valid host is named\n');
    }
    const { address } = connection;
    const origin = { admission, address, certificateName: certified, turns, request, response };
    answer(parts, handler, read, { ...origin, api })
      .then(({ call, content }) => sendAnswer(exchange, content, call.code === 'DEADLINE_EXCEEDED'))
      .catch((err: unknown) => {
        // The client has gone away, or its stream was reset, so there is no one to answer.
        log.debug({ rpc: handler.method.name, err }, 'the answer could not be sent');
        response.destroy();
      });
    return undefined;
  };
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

/** Where a call comes from. */
interface Origin {
  readonly admission: Admission;
  readonly address: string;
  readonly certificateName: string | undefined;
  readonly turns: FairSemaphore;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** It is not in the form of the RPC, and neither shall its answer be. */
  readonly api: HttpApi | undefined;
}

/** How long a stream lasts at most that shows what happens, and how much longer until it is cut. */
const mostWatchMs = 600_000;
const watchGraceMs = 30_000;

/** Runs one call, and counts it. */
async function answer(
  parts: RpcHandlerParts,
  handler: UniversalHandler,
  sent: UniversalServerRequest,
  { admission, address, certificateName, request, response, turns, api }: Origin,
): Promise<Answered> {
  const read = api === undefined ? sent : api.request(sent);
  const { log, rpcMetrics, timeoutMs, maxMessageBytes, unread } = parts;
  const maxBytes = maxBytesOf(handler.method.name, maxMessageBytes);
  const startedMs = performance.now();
  const headers = readCallHeaders(read.header);
  const isWatch = handler.method.name.startsWith('Watch');
  if (isWatch) mayLast(response, mostWatchMs + watchGraceMs);
  const call: AdminCall = {
    rpc: handler.method.name,
    deadlineMs: deadlineAfter(Math.min(isWatch ? mostWatchMs : timeoutMs, headers.timeoutMs)),
    certificateName,
    fault: headers.fault,
    admission,
    address,
  };
  rpcMetrics.started(call.rpc);
  // A request that is refused half-way must not take its connection along, and so the answer.
  const arriving = request.iterator({ destroyOnReturn: false });
  const chunks = api === undefined ? arriving : api.body(arriving);
  const { input: desc } = handler.method;
  const body = checkedBody(chunks, { call, headers, desc, maxBytes, unread, turns, log });
  const contextValues = createContextValues().set(callKey, call);
  try {
    const content = await handler({ ...read, header: forConnect(read), body, contextValues });
    if (call.code === undefined) {
      refusedByHttp(log, call, content.status);
      admission.refused(false);
    }
    return { call, content: api === undefined ? content : await api.answer(content) };
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
