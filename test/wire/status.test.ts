import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { ServiceError } from '../../src/platform/service-error.ts';
import { asServiceError, statusBytes, statusTable } from '../../src/wire/status.ts';

test('every kind of failure has the gRPC code of its name', () => {
  for (const [kind, row] of Object.entries(statusTable)) expect(status[row.code]).toBe(kind);
});

test('every failure says its reason and domain; fields and delay only where there are any', () => {
  const plain = new ServiceError('CALL_NOT_FOUND', 'no such call', {
    metadata: { request_id: 'r1' },
  });
  const { code, message, details } = fromBinary(StatusSchema, statusBytes(plain));
  expect({ code, message }).toEqual({ code: status.NOT_FOUND, message: 'no such call' });
  expect(details).toHaveLength(1);
  expect(details[0] && anyUnpack(details[0], ErrorInfoSchema)).toMatchObject({
    reason: 'CALL_NOT_FOUND',
    domain: 'tollgate',
    metadata: { request_id: 'r1' },
  });
});

test('wrong fields travel as BadRequest, a delay as RetryInfo', () => {
  const violations = [{ field: 'subjects.teams[1]', description: 'must not be empty' }];
  const more = { violations, retryAfterMs: 250 };
  const error = new ServiceError('OVERLOADED', 'busy', more);
  const { details } = fromBinary(StatusSchema, statusBytes(error));
  expect(details[1] && anyUnpack(details[1], BadRequestSchema)?.fieldViolations).toMatchObject(
    violations,
  );
  expect(details[2] && anyUnpack(details[2], RetryInfoSchema)?.retryDelay).toMatchObject({
    seconds: 0n,
    nanos: 250_000_000,
  });
});

test('what is no ServiceError becomes INTERNAL without its words', () => {
  const cause = new TypeError('secret words');
  const error = asServiceError(cause);
  expect(error).toMatchObject({ kind: 'INTERNAL', message: 'internal error', cause });
  expect(Buffer.from(statusBytes(error)).toString('latin1')).not.toContain('secret words');
});
