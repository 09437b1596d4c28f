import { create, fromJson, toJson } from '@bufbuild/protobuf';
import type { DescMethodUnary, DescService, JsonValue, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from '../../gen/google/rpc/error_details_pb.ts';
import type { Answer, Json } from './admin-plane.ts';

/** Calls an admin plane in gRPC with a message written as JSON; the answer is as that of `plane.call`. */
export async function callGrpc(
  url: string,
  service: DescService,
  rpc: string,
  message: Json,
  secret = 'root',
): Promise<Answer> {
  const method = service.methods
    .filter((known): known is DescMethodUnary => known.methodKind === 'unary')
    .find(({ name }) => name === rpc);
  if (method === undefined) throw new Error(`no RPC ${rpc}`);
  const transport = createGrpcTransport({ baseUrl: url });
  const headers = { authorization: `Bearer ${secret}` };
  const input: Message = create(method.input, fromJson(method.input, message as JsonValue));
  try {
    const answer = await transport.unary(method, undefined, undefined, headers, input);
    const body = toJson(method.output, answer.message) as Json;
    const ok = { status: 200, code: 'OK', reason: undefined, metadata: {} };
    return { ...ok, fields: [], preconditions: [], body };
  } catch (cause) {
    const error = ConnectError.from(cause);
    const [info] = error.findDetails(ErrorInfoSchema);
    const [bad] = error.findDetails(BadRequestSchema);
    const [unmet] = error.findDetails(PreconditionFailureSchema);
    return {
      status: error.code,
      code: Code[error.code].replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
      reason: info?.reason,
      metadata: info?.metadata ?? {},
      fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
      preconditions: (unmet?.violations ?? []).map(
        ({ type, subject, description }) => `${type} ${subject} ${description}`,
      ),
      body: {},
    };
  }
}
