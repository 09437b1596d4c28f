import type { UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { checkJsonShape } from '../../wire/json-shape.ts';
import { problemOf } from './problem.ts';
import type { Problem } from './problem.ts';

/**
 * The policies of users over HTTP, as admin pages use them: `GET` and `POST /api/admin/organizations/{orgId}/user-policies`.
 * Each request is turned into a call of UserPolicyFormService in JSON, and its answer back; everything between is as for
 * every other call.
 */
export interface HttpApi {
  /** The path of the RPC that answers; empty: the method is not one of the path. */
  readonly rpcPath: string;
  /** The request as a call of the RPC; its body is turned by `body`. */
  readonly request: (read: UniversalServerRequest) => UniversalServerRequest;
  readonly body: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  readonly answer: (content: UniversalServerResponse) => Promise<UniversalServerResponse>;
}

const path = /^\/api\/admin\/organizations\/([^/?]+)\/user-policies$/;
const service = '/tollgate.admin.v1.UserPolicyFormService';

/** A form has two lists of 256 entries of at most 200 characters. */
const maxBodyBytes = 256 * 1024;

/** What a request for the path of this API becomes; undefined: it is for another path. */
export function userPoliciesApi(url: string, method: string | undefined): HttpApi | undefined {
  const [, encodedId] = path.exec(url.split('?', 1)[0] ?? '') ?? [];
  if (encodedId === undefined) return undefined;
  const orgId = decoded(encodedId);
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  if (method === 'GET') return listing(orgId, query);
  if (method === 'POST') return update(orgId, query);
  return { rpcPath: '', request: same, body: same, answer: (one) => Promise.resolve(one) };
}

function listing(orgId: string, query: URLSearchParams): HttpApi {
  const { pageSize = '0', ...others } = Object.fromEntries(query);
  const size = /^\d{1,9}$/.test(pageSize) ? Number(pageSize) : pageSize;
  const message = JSON.stringify({ ...others, pageSize: size, orgId });
  return {
    rpcPath: `${service}/ListUserPolicyForms`,
    request: (read) => asCall(read, 'application/json'),
    body: () => chunk(Buffer.from(message)),
    answer: (content) =>
      answered(content, ({ userPolicyForms = [], nextPageToken = '' }) => ({
        headers: {},
        body: { userPolicies: (userPolicyForms as object[]).map(inFull), nextPageToken },
      })),
  };
}

function update(orgId: string, query: URLSearchParams): HttpApi {
  let header = new Headers();
  return {
    rpcPath: `${service}/UpdateUserPolicyForm`,
    request(read) {
      ({ header } = read);
      return asCall(read, header.get('content-type') ?? '');
    },
    async *body(chunks) {
      yield callOfForm(await gathered(chunks), { orgId, ...changeOf(header, query) });
    },
    answer: (content) =>
      answered(content, ({ userPolicyForm = {}, revision }) => ({
        headers: { etag: `"${String(Reflect.get(userPolicyForm as object, 'etag'))}"` },
        body: { ...inFull(userPolicyForm as object), revision },
      })),
  };
}

/** What of a change stands beside the form. */
function changeOf(header: Headers, query: URLSearchParams): Readonly<Record<string, unknown>> {
  const others = Object.fromEntries(query);
  const isCheck = { true: true, false: false }[others['validateOnly'] ?? 'false'];
  const requestId = header.get('idempotency-key');
  const etag = header.get('if-match');
  return {
    ...others,
    validateOnly: isCheck ?? others['validateOnly'],
    ...(requestId === null ? {} : { requestId }),
    ...(etag === null ? {} : { etag: /^"([^"]*)"$/.exec(etag)?.[1] ?? etag }),
  };
}

const costs = ['dailyCostLimitCents', 'monthlyCostLimitCents'];
const ofNoPolicy = new Set(['userId', 'displayName', 'notShown', 'etag', 'revision']);

/**
 * The form as the message of the RPC: cents may be numbers, and a field that is null is removed. What is no form is passed
 * on as it is, to be refused like every message that cannot be read.
 */
function callOfForm(
  bytes: Buffer,
  { etag, ...beside }: Readonly<Record<string, unknown>>,
): Uint8Array {
  const form = parsed(bytes);
  if (form === undefined) return bytes;
  const { reason, revision: _revision, ...fields } = form;
  for (const name of costs) {
    const cents = fields[name];
    if (typeof cents === 'number') fields[name] = centsText(cents);
  }
  const names = Object.keys(fields).filter((name) => !ofNoPolicy.has(name));
  const message = {
    ...beside,
    ...(reason === undefined ? {} : { reason }),
    userPolicyForm: { ...fields, ...(etag === undefined ? {} : { etag }) },
    // A name that is none of the form is refused where it stands.
    updateMask: names.filter((name) => /^[a-z][A-Za-z]*$/.test(name)).join(','),
  };
  return Buffer.from(JSON.stringify(message));
}

/** A number that JSON has kept exactly; others are left to be refused. */
function centsText(cents: number): string | number {
  const text = String(cents);
  const isExact = /^\d+(\.\d+)?$/.test(text) && text.replace('.', '').length <= 15;
  return isExact ? text : cents;
}

function parsed(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    checkJsonShape(bytes);
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? { ...json } : undefined;
  } catch {
    // The call itself finds it again, and says what it is.
    return undefined;
  }
}

/** Lists and texts that are empty are there too, so that a page need not know defaults. */
function inFull(form: object): object {
  return { displayName: '', allowedModels: [], blockedModels: [], notShown: [], ...form };
}

/** Headers of a call in JSON. What Connect would compress could not be turned. */
function asCall(read: UniversalServerRequest, contentType: string): UniversalServerRequest {
  const header = new Headers(read.header);
  header.set('content-type', contentType);
  for (const name of ['accept-encoding', 'connect-protocol-version']) header.delete(name);
  return { ...read, method: 'POST', header };
}

async function answered(
  content: UniversalServerResponse,
  turn: (message: Readonly<Record<string, unknown>>) => Pick<Problem, 'headers' | 'body'>,
): Promise<UniversalServerResponse> {
  const text = Buffer.concat(await Array.fromAsync(partsOf(content))).toString();
  const message = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  const isDone = content.status === 200;
  const turned = isDone
    ? { status: 200, ...turn(message) }
    : problemOf(content.status, message, fieldOfForm);
  const header = new Headers(content.header);
  header.delete('content-length');
  header.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(turned.headers)) header.set(name, value);
  const body = chunk(Buffer.from(JSON.stringify(turned.body)));
  return { ...content, status: turned.status, header, body };
}

async function* partsOf({ body }: UniversalServerResponse): AsyncIterable<Uint8Array> {
  if (body === undefined) return;
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

/** `user_policy_form.daily_cost_limit_cents` as the form has it. */
function fieldOfForm(field: string): string {
  const own = field.replace(/^(user_policy_form|userPolicyForm)\./, '');
  return own.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of chunks) {
    parts.push(part);
    size += part.byteLength;
    if (size > maxBodyBytes) break;
  }
  return Buffer.concat(parts, size);
}

async function* chunk(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function same<T>(value: T): T {
  return value;
}
