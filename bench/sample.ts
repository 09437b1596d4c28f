import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { CheckRequestSchema, CheckResponseSchema } from '../gen/tollgate/v1/decision_pb.ts';
import { benchSecret, benchUser } from './scene.ts';

/** One real answer to the benchmark's Check, in base64: what the echo answers too. */
export async function sampleAnswer(port: number, orgIds: readonly string[]): Promise<string> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${benchSecret}`);
  const request = create(CheckRequestSchema, {
    orgId: orgIds[0] ?? '',
    subjects: { user: benchUser('000000000'), teams: ['red'], app: 'crm' },
    target: 'gpt-4o',
    estimate: { inputTokens: 1000n, outputTokens: 500n },
  });
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(
      '/tollgate.v1.DecisionService/Check',
      (message: Buffer) => message,
      (message: Buffer) => message,
      Buffer.from(toBinary(CheckRequestSchema, request)),
      metadata,
      (error, response) => {
        if (error !== null || response === undefined) reject(error ?? new Error('no answer'));
        else resolve(response);
      },
    );
  });
  client.close();
  // Read once, so that a sample which is none fails here.
  return Buffer.from(
    toBinary(CheckResponseSchema, fromBinary(CheckResponseSchema, bytes)),
  ).toString('base64');
}
