import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { ChannelCredentials, Server, loadPackageDefinition } from '@grpc/grpc-js';
import type { ServiceClientConstructor, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { addReflection } from '../../src/grpc/reflection.ts';
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

// Red before: their file was not served, and grpcurl printed bytes.
test.each(['BadRequest', 'ErrorInfo', 'RetryInfo'])(
  'the error detail %s is described',
  async (name) => {
    await using served = await startTestServer();
    const question = { fileContainingSymbol: `google.rpc.${name}` };
    const { fileDescriptorResponse } = await ask(served.address, 'v1', question);
    const names = fileDescriptorResponse?.fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    );
    expect(names).toContain('google/rpc/error_details.proto');
  },
);

// Red without back pressure: all 1,000 questions were read, and their answers kept.
test('of a reader who takes no answers, few questions are read', async () => {
  const handlers: UntypedServiceImplementation[] = [];
  const server = Object.assign(new Server(), {
    addService: (_definition: unknown, added: UntypedServiceImplementation) => handlers.push(added),
  });
  addReflection(server, [DecisionService]);
  let asked = 0;
  const stream = new Duplex({
    objectMode: true,
    read() {
      asked += 1;
      const symbol = { fileContainingSymbol: 'tollgate.v1.CheckRequest' };
      this.push(asked > 1000 ? null : { messageRequest: 'fileContainingSymbol', ...symbol });
    },
    write: () => undefined,
  });
  const handler = handlers[0]?.['ServerReflectionInfo'];
  if (handler === undefined) throw new Error('no handler was added');
  Reflect.apply(handler, undefined, [stream]);
  for (let turn = 0; turn < 5000; turn += 1) await setImmediate();
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThan(100);
});
