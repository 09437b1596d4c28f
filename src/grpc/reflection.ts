import { toBinary } from '@bufbuild/protobuf';
import type { DescFile, DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';

/** Answers what services there are and what their messages look like (reflection v1 and v1alpha). */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const files = new Map<string, Buffer>();
  for (const service of services) collect(service.file, files);
  // Only the files are read; the format must be one of two and means nothing here.
  const contract = { format: 'Protocol Buffer 3 EnumDescriptorProto', type: {} } as const;
  const reflection = new ReflectionService({
    tollgate: { ...contract, fileDescriptorProtos: [...files.values()] },
  });
  reflection.addToServer(server);
}

/** A file and all it imports, each once. */
function collect(file: DescFile, files: Map<string, Buffer>): void {
  if (files.has(file.name)) return;
  files.set(file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collect(dependency, files);
}
