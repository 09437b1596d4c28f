import { fromBinary } from '@bufbuild/protobuf';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { Refusal } from './refusal.ts';

/** A message as JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** Calls the admin plane as anybody could with curl. */
export interface AdminClient {
  /** `PolicyService/UpdatePolicy`; fails with a Refusal. */
  call(rpc: string, message: Json): Promise<Json>;
}

/** Connect JSON over fetch: what a file says travels as it is written. */
export function createAdminClient(url: string, secret: string): AdminClient {
  return {
    async call(rpc, message) {
      const response = await fetch(`${url}/tollgate.admin.v1.${rpc}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify(message, (_key, value: unknown) =>
          typeof value === 'bigint' ? value.toString() : value,
        ),
      });
      const body = (await response.json()) as Json;
      if (!response.ok) throw refusal(body);
      return body;
    },
  };
}

interface Detail {
  readonly type: string;
  readonly value: string;
}

function refusal(body: Json): Refusal {
  const details = (body['details'] ?? []) as readonly Detail[];
  const bytesOf = (type: string): Buffer | undefined => {
    const found = details.find((detail) => detail.type === type);
    return found && Buffer.from(found.value, 'base64');
  };
  const infoBytes = bytesOf('google.rpc.ErrorInfo');
  const info = infoBytes && fromBinary(ErrorInfoSchema, infoBytes);
  const bad = bytesOf('google.rpc.BadRequest');
  return new Refusal({
    code: String(body['code']).toUpperCase(),
    reason: info?.reason,
    metadata: info?.metadata ?? {},
    field: bad && fromBinary(BadRequestSchema, bad).fieldViolations[0]?.field,
    message: String(body['message']),
  });
}
