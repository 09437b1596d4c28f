import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { DescMessage } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CatalogService } from '../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CredentialService } from '../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { EnforcementService } from '../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import { PolicyService } from '../../gen/tollgate/admin/v1/policies_pb.ts';
import { UsageService } from '../../gen/tollgate/admin/v1/usage_pb.ts';
import { maxBytesOf } from '../../src/admin/http/message-size.ts';
import { rightOf } from '../../src/auth/rights.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import { measureLongestTurn } from '../support/longest-turn.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

const MiB = 1024 * 1024;
let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane({ maxMessageBytes: MiB });
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());

/** The services of the plane, from their descriptors: a new RPC is tried without being named here. */
const rpcs = [
  CatalogService,
  CredentialService,
  DirectoryService,
  EnforcementService,
  OrganizationService,
  PolicyService,
  UsageService,
].flatMap((service) =>
  service.methods.map((method) => ({ rpc: `${service.name}/${method.name}`, method })),
);

interface Hostile {
  readonly what: string;
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** Bodies as large as the RPC's bound lets them be, each made to be slow to refuse. */
function* hostileBodies(desc: DescMessage, maxBytes: number): Generator<Hostile> {
  const json = (what: string, body: string): Hostile => ({ what, type: 'application/json', body });
  const fill = (piece: string, less: number): string =>
    piece.repeat(Math.floor((maxBytes - less) / piece.length));
  yield json('unknown fields', `{${fill('"xy":1,', 20)}"z":1}`);
  yield json('one long unknown name', `{"${fill('x', 10)}":1}`);
  yield json('deep lists', fill('[', 0));
  yield json('deep objects', fill('{"a":', 0));
  yield json('empty strings', fill('""', 0));
  yield json('escaped quotes', `{"org_id":"${fill('\\"', 20)}"}`);
  for (const { jsonName, fieldKind } of desc.fields) {
    if (fieldKind === 'list')
      yield json(`empty ${jsonName}`, `{"${jsonName}":[${fill('{},', 40)}{}]}`);
    if (fieldKind === 'list')
      yield json(`texts ${jsonName}`, `{"${jsonName}":[${fill('"a",', 40)}"a"]}`);
    if (fieldKind === 'scalar')
      yield json(`long ${jsonName}`, `{"${jsonName}":"${fill('ü ', 900_0)}"}`);
  }
  for (const { number, fieldKind } of desc.fields) {
    const element = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(0).finish();
    const body = Buffer.alloc(maxBytes - (maxBytes % element.length), element);
    const what = `empty elements of the ${fieldKind} ${number}`;
    yield { what, type: 'application/proto', body: new Uint8Array(body) };
  }
}

// Red on the code before: an unknown name was answered with 874 kB, and ImportPrices held the loop for 78 ms on the
// first of its bodies.
test.each(rpcs)('no body of $rpc holds the event loop', async ({ rpc, method }) => {
  const maxBytes = maxBytesOf(method.name, MiB);
  for (const { what, type, body } of hostileBodies(method.input, maxBytes)) {
    for (const [bytes, encoding] of [
      [Buffer.from(body), 'identity'],
      [gzipSync(body), 'gzip'],
    ] as const) {
      const longest = await measureLongestTurn(async () => {
        const { length } = await answerOf(rpc, type, bytes, encoding);
        expect(length, what).toBeLessThan(20_000);
      });
      expect(longest.cpuMs, `${rpc}: ${what}, ${encoding}`).toBeLessThan(50);
    }
  }
});

const bombs = {
  gzip: gzipSync(Buffer.alloc(64 * MiB)),
  br: brotliCompressSync(Buffer.alloc(64 * MiB)),
};

// Planted: without the bound in `decompress` all 64 MiB are inflated, and the reason is another.
test.each(rpcs)('a bomb for $rpc is cut while it inflates', async ({ rpc }) => {
  for (const [encoding, bytes] of Object.entries(bombs)) {
    for (const type of ['application/json', 'application/proto']) {
      const longest = await measureLongestTurn(async () => {
        const answer = await answerOf(rpc, type, bytes, encoding);
        expect(answer.toString()).toContain('"reason":"MESSAGE_TOO_LARGE"');
      });
      expect(longest.cpuMs, `${rpc}: ${encoding}`).toBeLessThan(50);
    }
  }
});

/** Sends with `node:http`, which costs the measured thread less than `fetch` does. */
async function answerOf(
  rpc: string,
  type: string,
  body: Buffer,
  encoding: string,
): Promise<Buffer> {
  const headers = {
    authorization: 'Bearer root',
    'content-type': type,
    'content-encoding': encoding,
  };
  const sent = request(`${plane.url}/tollgate.admin.v1.${rpc}`, { method: 'POST', headers });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(
  rpc: string,
  secret: string,
  type: string,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
): Promise<Response> {
  const options: RequestInit & { readonly duplex: 'half' } = {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': type },
    body,
    duplex: 'half',
  };
  return fetch(`${plane.url}/tollgate.admin.v1.${rpc}`, options);
}

const writes = rpcs.filter(({ method }) => !rightOf(method).roles.includes('org_viewer'));

// Red before: the role was judged by the handler, after the whole body had been read and decoded.
test.each(writes)('a viewer that calls $rpc is refused before its body comes', async ({ rpc }) => {
  const endless = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{')),
  });
  const response = await send(rpc, 'viewer', 'application/json', endless);
  expect(await response.text()).toContain('ROLE_FORBIDDEN');
  await endless.cancel().catch(() => undefined);
});
