import { status } from '@grpc/grpc-js';
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
  HealthListResponseSchema,
} from '../../gen/grpc/health/v1/health_pb.ts';
import type { HealthCheckResponse } from '../../gen/grpc/health/v1/health_pb.ts';
import { asServiceError } from '../wire/status.ts';
import { decode, encode } from './codec.ts';
import { grpcStatus } from './grpc-status.ts';

/** Answers health checks (`grpc.health.v1.Health`), without authentication. */
export interface Health {
  readonly handlers: {
    readonly check: handleUnaryCall<Buffer, Buffer>;
    readonly list: handleUnaryCall<Buffer, Buffer>;
    readonly watch: handleServerStreamingCall<Buffer, Buffer>;
  };
  /** Says SERVING or NOT_SERVING for the server and each of its services, to watchers at once. */
  setServing(isServing: boolean): void;
  /** Ends every Watch, so that connections can close. */
  endWatches(): void;
}

type Watch = ServerWritableStream<Buffer, Buffer>;

/** Starts as NOT_SERVING. `services` are the full names that may be asked after, beside the empty one. */
export function createHealth(services: readonly string[]): Health {
  const known = new Set(['', ...services]);
  // Those of services that are not here hear nothing more, but must be ended too.
  const watches = new Map<Watch, 'known' | 'unknown'>();
  let state: HealthCheckResponse = responseOf(Serving.NOT_SERVING);

  return {
    handlers: {
      check(call, callback) {
        try {
          if (known.has(serviceOf(call.request))) {
            return callback(null, encode(HealthCheckResponseSchema, state));
          }
          return callback({ code: status.NOT_FOUND, details: 'no such service here' });
        } catch (cause) {
          return callback(grpcStatus(asServiceError(cause)));
        }
      },
      list(_call, callback) {
        const statuses = Object.fromEntries([...known].map((name) => [name, state]));
        const message = { $typeName: HealthListResponseSchema.typeName, statuses } as const;
        callback(null, encode(HealthListResponseSchema, message));
      },
      watch(call) {
        try {
          const isKnown = known.has(serviceOf(call.request));
          watches.set(call, isKnown ? 'known' : 'unknown');
          sendState(call, isKnown ? state : responseOf(Serving.SERVICE_UNKNOWN));
          call.on('cancelled', () => watches.delete(call));
        } catch (cause) {
          call.emit('error', grpcStatus(asServiceError(cause)));
        }
      },
    },
    setServing(isServing) {
      const next = isServing ? Serving.SERVING : Serving.NOT_SERVING;
      if (state.status === next) return;
      state = responseOf(next);
      for (const [watch, service] of watches) if (service === 'known') sendState(watch, state);
    },
    endWatches() {
      for (const watch of watches.keys()) watch.end();
      watches.clear();
    },
  };
}

function serviceOf(request: Buffer): string {
  return decode(HealthCheckRequestSchema, request).service;
}

function responseOf(serving: Serving): HealthCheckResponse {
  return { $typeName: 'grpc.health.v1.HealthCheckResponse', status: serving };
}

function sendState(watch: Watch, response: HealthCheckResponse): void {
  watch.write(encode(HealthCheckResponseSchema, response));
}
