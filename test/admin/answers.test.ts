import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import { connectRaw } from '../support/raw-connection.ts';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = pem('ca.pem');
const tls = { certificate: pem('server.pem'), key: pem('server.key.pem'), clientCa: undefined };
const timeouts = { headersMs: 300, requestMs: 400 };

let open: AdminPlane;
let secured: AdminPlane;
beforeAll(async () => {
  [open, secured] = await Promise.all([
    startAdminPlane({ timeouts }),
    startAdminPlane({ timeouts, tls }),
  ]);
});
afterAll(() => Promise.all([open.stop(), secured.stop()]));

const path = '/tollgate.admin.v1.DirectoryService/ListUsers';
const host = 'Host: x\r\nConnection: close\r\n';
const json = 'Content-Type: application/json\r\n';

const requests: readonly [what: string, text: string, status: number][] = [
  ['health', `GET /healthz HTTP/1.1\r\n${host}\r\n`, 200],
  ['nothing', `GET /nothing HTTP/1.1\r\n${host}\r\n`, 404],
  ['every method at once', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, 404],
  ['a trace', `TRACE / HTTP/1.1\r\n${host}\r\n`, 404],
  ['an upgrade', `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`, 404],
  ['no host', `POST ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
  ['the wrong method', `PUT ${path} HTTP/1.1\r\n${host}\r\n`, 405],
  ['the wrong type', `POST ${path} HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`, 415],
  ['no secret', `POST ${path} HTTP/1.1\r\n${host}${json}Content-Length: 0\r\n\r\n`, 401],
  ['an expectation', `GET /healthz HTTP/1.1\r\n${host}Expect: a miracle\r\n\r\n`, 200],
  ['no HTTP', 'what is this?\r\n\r\n', 400],
  ['two lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
  ['long headers', `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['half of its headers', 'GET / HTTP/1.1\r\nHost:', 408],
];

// Red on the code before: an expectation, no host, no HTTP, two lengths, long headers and half of its headers were
// answered by Node, without these headers.
test.each(requests)(
  'over HTTP/1.1, a request with %s is kept by no cache',
  async (_, text, status) => {
    const http1 = { ca, ALPNProtocols: ['http/1.1'] };
    const answers = await Promise.all([
      said(connectRaw(open.server.port, text)),
      said(connectRaw(secured.server.port, text, http1)),
    ]);
    for (const answer of answers) {
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toMatch(/^cache-control: no-store\r$/im);
      expect(answer).toMatch(/^x-content-type-options: nosniff\r$/im);
    }
  },
);

async function said(connecting: ReturnType<typeof connectRaw>): Promise<string> {
  const connection = await connecting;
  await expect.poll(() => connection.said).toContain('\r\n\r\n');
  connection.close();
  return connection.said;
}

const grpc = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc' };
const calls: readonly [what: string, headers: OutgoingHttpHeaders, status: number][] = [
  ['nothing', { ':path': '/nothing' }, 404],
  ['a call of gRPC without a secret', grpc, 200],
  ['an expectation', { ':path': '/healthz', expect: 'a miracle' }, 200],
  ['a tunnel', { ':method': 'CONNECT', ':authority': 'x:1' }, 404],
];

// Red on the code before: the expectation and the tunnel were answered by Node.
test.each(calls)('over HTTP/2, %s is kept by no cache', async (_, headers, status) => {
  for (const url of [open.url, secured.url.replace('http:', 'https:')]) {
    const session = connectHttp2(url, { ca });
    const stream = session.request(headers);
    const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    expect(answered).toMatchObject({
      ':status': status,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    session.destroy();
  }
});
