import { readFileSync } from 'node:fs';
import { ChannelCredentials, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import { gateway, gatewaySecret, refusal, startTestServer } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';

const { method } = DecisionService;
const check = { orgId: 'acme', requestId: 'r1', target: 'gpt-4o' };
const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = pem('ca.pem');
const tls = { certificate: pem('server.pem'), key: pem('server.key.pem'), clientCa: undefined };

/** A client that trusts the test authority, with or without a certificate and a token of its own. */
function connect(served: TestServer, as?: 'client' | 'stranger', token?: string) {
  const credentials =
    as === undefined
      ? ChannelCredentials.createSsl(ca)
      : ChannelCredentials.createSsl(ca, pem(`${as}.key.pem`), pem(`${as}.pem`));
  return createUnaryClient({ address: served.address, credentials, token });
}

test('with a certificate and a key the data plane speaks TLS', async () => {
  await using served = await startTestServer({ tls });
  const client = connect(served, undefined, gatewaySecret);
  const answer = await client.call(method.check, check);
  const plain = await refusal(served.client.call(method.check, check));
  client.close();
  expect(answer.requestId).toBe('r1');
  expect(status[plain.code]).toBe('UNAVAILABLE');
});

test('with a client authority, a client without its certificate does not come through', async () => {
  await using served = await startTestServer({ tls: { ...tls, clientCa: ca } });
  const client = connect(served, undefined, gatewaySecret);
  const error = await refusal(client.call(method.check, check));
  client.close();
  expect(status[error.code]).toBe('UNAVAILABLE');
});

test("a client certificate's name stands for the caller's token", async () => {
  await using served = await startTestServer({ tls: { ...tls, clientCa: ca } });
  const client = connect(served, 'client');
  await client.call(method.check, check);
  client.close();
  expect(served.logged).toMatchObject([{ rpc: 'Check', caller: 'edge' }]);
});

// The peer was seen missing with the gate's argument taken out.
test('a certificate of the authority with an unknown name is UNAUTHENTICATED; its URI is its name', async () => {
  const names: unknown[] = [];
  const access = {
    authenticate: () => gateway,
    identify: (name: string, _plane: string, peer?: string) => {
      names.push([name, peer]);
      return undefined;
    },
  };
  await using served = await startTestServer({ tls: { ...tls, clientCa: ca }, access });
  const client = connect(served, 'stranger');
  const error = await refusal(client.call(method.check, check));
  client.close();
  expect(status[error.code]).toBe('UNAUTHENTICATED');
  expect(names).toEqual([['spiffe://example.org/nobody', '127.0.0.1']]);
});
