import { toBinary } from '@bufbuild/protobuf';
import type { DescFile, DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server, ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { file_google_rpc_error_details } from '../../gen/google/rpc/error_details_pb.ts';

/**
 * Answers what services there are and what their messages look like (reflection v1 and v1alpha), those of error
 * details too: grpcurl prints them then.
 */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const files = new Map<string, Buffer>();
  for (const service of services) collect(service.file, files);
  collect(file_google_rpc_error_details, files);
  // Only the files are read; the format must be one of two and means nothing here.
  const contract = { format: 'Protocol Buffer 3 EnumDescriptorProto', type: {} } as const;
  const reflection = new ReflectionService({
    tollgate: { ...contract, fileDescriptorProtos: [...files.values()] },
  });
  reflection.addToServer(withBackPressure(server));
}

/** A file and all it imports, each once. */
function collect(file: DescFile, files: Map<string, Buffer>): void {
  if (files.has(file.name)) return;
  files.set(file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collect(dependency, files);
}

type Stream = ServerDuplexStream<unknown, unknown>;

/** A server to which handlers are added that read no question while an answer is not taken. */
function withBackPressure(server: Server): Server {
  const addService: Server['addService'] = (definition, { ServerReflectionInfo: handler }) => {
    if (typeof handler !== 'function') throw new Error('expected a handler of reflection');
    const paced: UntypedServiceImplementation = {
      ServerReflectionInfo(stream: Stream) {
        readWhenTaken(stream);
        Reflect.apply(handler, undefined, [stream]);
      },
    };
    server.addService(definition, paced);
  };
  return Object.create(server, { addService: { value: addService } }) as Server;
}

/** The library writes an answer to each question at once, however many wait to be taken. */
function readWhenTaken(stream: Stream): void {
  const write = stream.write.bind(stream) as (message: unknown) => boolean;
  stream.write = (message: unknown): boolean => {
    const hasRoom = write(message);
    if (!hasRoom) {
      stream.pause();
      stream.once('drain', () => stream.resume());
    }
    return hasRoom;
  };
}
