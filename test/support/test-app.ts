import { ChannelCredentials } from '@grpc/grpc-js';
import type { App } from '../../src/app.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { readSettings } from '../../src/config.ts';
import type { Settings } from '../../src/config.ts';

/** Settings of an app in the process of a test: free ports, no sweep of its own, no log, no wait at the end. */
export function testSettings(
  databaseUrl: string,
  more: Readonly<Record<string, string>> = {},
): Settings {
  return readSettings({
    DATABASE_URL: databaseUrl,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_DRAIN_WAIT: '0s',
    TOLLGATE_EXPIRY_INTERVAL: '0s',
    TOLLGATE_LOG_LEVEL: 'silent',
    ...more,
  });
}

/** A client of an app's data port. */
export function connectTo(
  { dataPort }: Pick<App, 'dataPort'>,
  token: string | undefined,
): UnaryClient {
  const credentials = ChannelCredentials.createInsecure();
  return createUnaryClient({ address: `127.0.0.1:${dataPort}`, credentials, token });
}
