/**
 * The calibration: a bare grpc-js server that reads a CheckRequest and answers a fixed CheckResponse, with the
 * codec and message sizes of the real service and nothing else. Prints its port.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { CheckRequestSchema, CheckResponseSchema } from '../gen/tollgate/v1/decision_pb.ts';

const sample = Buffer.from(process.argv[2] ?? '', 'base64');
const answer = fromBinary(CheckResponseSchema, sample);

const same = (bytes: Buffer): Buffer => bytes;
const server = new Server();
server.addService(
  {
    check: {
      path: '/tollgate.v1.DecisionService/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  {
    check(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
      const { requestId = '' } = fromBinary(CheckRequestSchema, call.request);
      const bytes = toBinary(
        CheckResponseSchema,
        create(CheckResponseSchema, { ...answer, requestId }),
      );
      callback(null, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
