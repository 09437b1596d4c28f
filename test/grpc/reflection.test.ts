import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { ChannelCredentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';
import { startTestServer } from '../support/data-server.ts';

interface Answer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
}

/** Asks one question by the published reflection protocol of a version. */
async function ask(address: string, version: 'v1' | 'v1alpha', question: object): Promise<Answer> {
  const folder = fileURLToPath(new URL('.', import.meta.resolve('@grpc/reflection')));
  const path = `${folder}../proto/grpc/reflection/${version}/reflection.proto`;
  const found = loadPackageDefinition(loadSync(path)) as unknown as {
    grpc: { reflection: Record<string, { ServerReflection: ServiceClientConstructor }> };
  };
  const Reflection = found.grpc.reflection[version]?.ServerReflection;
  if (Reflection === undefined) throw new Error(`no reflection ${version}`);
  const client = new Reflection(address, ChannelCredentials.createInsecure());
  const stream = client['ServerReflectionInfo']?.();
  stream.write(question);
  stream.end();
  for await (const answer of stream) {
    client.close();
    return answer;
  }
  throw new Error('no answer');
}

test.each(['v1', 'v1alpha'] as const)('reflection %s lists the services', async (version) => {
  await using served = await startTestServer();
  const { listServicesResponse } = await ask(served.address, version, { listServices: '*' });
  expect(listServicesResponse?.service.map(({ name }) => name).toSorted()).toEqual([
    'grpc.health.v1.Health',
    'tollgate.v1.DecisionService',
  ]);
});

test.each(['v1', 'v1alpha'] as const)(
  'reflection %s describes Check with all it imports',
  async (version) => {
    await using served = await startTestServer();
    const question = { fileContainingSymbol: 'tollgate.v1.DecisionService.Check' };
    const { fileDescriptorResponse } = await ask(served.address, version, question);
    const files = fileDescriptorResponse?.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    expect(files?.map((file) => file.name).toSorted()).toEqual([
      'google/protobuf/any.proto',
      'google/protobuf/duration.proto',
      'google/protobuf/timestamp.proto',
      'google/rpc/status.proto',
      'tollgate/v1/call.proto',
      'tollgate/v1/decision.proto',
      'tollgate/v1/limit.proto',
      'tollgate/v1/outcome.proto',
    ]);
    const request = files
      ?.flatMap((file) => file.messageType)
      .find((message) => message.name === 'CheckRequest');
    expect(request?.field.find((field) => field.name === 'request_id')?.proto3Optional).toBe(true);
  },
);
