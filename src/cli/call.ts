import { fromJsonString, toJson } from '@bufbuild/protobuf';
import type { DescMethod, DescMethodUnary } from '@bufbuild/protobuf';
import { ChannelCredentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { errorDetails } from '../client/error-details.ts';
import { createUnaryClient } from '../client/unary-client.ts';
import { answerInWords } from './answer-in-words.ts';
import { readClientSettings } from './client-settings.ts';
import { readArguments, wrongUse } from './arguments.ts';

const timeoutMs = 10_000;

/**
 * `tollgate call METHOD JSON [--json]`: one call of the data plane; prints what matters of the answer in words, or all of
 * it as JSON. Exit 1 on an error.
 */
export async function call(args: readonly string[]): Promise<number> {
  const methods = DecisionService.methods.filter(isUnary);
  const use = `tollgate call ${methods.map((one) => kebab(one.name)).join(' | ')} '{...}' [--json]`;
  const { positionals, values } = readArguments(use, args, { json: { type: 'boolean' } }, 2);
  const [name = '', json = '{}'] = positionals;
  const method = methods.find((one) => kebab(one.name) === name);
  if (method === undefined) throw wrongUse(use, `unknown method ${name || '(none)'}`);
  return callOne(method, json, values.json === true);
}

async function callOne(method: DescMethodUnary, json: string, whole: boolean): Promise<number> {
  const { address, token, ca } = readClientSettings();
  const credentials =
    ca === undefined ? ChannelCredentials.createInsecure() : ChannelCredentials.createSsl(ca);
  const client = createUnaryClient({ address, credentials, token });
  try {
    const request = fromJsonString(method.input, json);
    const response = await client.call(method, request, { timeoutMs });
    const text = whole
      ? JSON.stringify(toJson(method.output, response), undefined, 2)
      : answerInWords(response);
    process.stdout.write(`${text}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${inWords(error)}\n`);
    return 1;
  } finally {
    client.close();
  }
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function kebab(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}

function inWords(error: unknown): string {
  if (!isGrpcError(error)) return error instanceof Error ? error.message : String(error);
  const { reason, violations } = errorDetails(error);
  const faults = violations.map(({ field, description }) => `  ${field}: ${description}`);
  const head = `${status[error.code]}${reason === undefined ? '' : ` ${reason}`}`;
  return faults.length > 0 ? [head, ...faults].join('\n') : `${head}: ${error.details}`;
}

function isGrpcError(error: unknown): error is ServiceError {
  return error instanceof Error && 'metadata' in error && 'details' in error;
}
