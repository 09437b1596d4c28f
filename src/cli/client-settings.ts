import { file } from '../platform/setting.ts';

/** Where the command-line client connects, and with which token. */
export function readClientSettings(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): {
  readonly address: string;
  readonly token: string | undefined;
  readonly ca: Buffer | undefined;
} {
  const { TOLLGATE_ADDRESS, TOLLGATE_TOKEN, TOLLGATE_CA } = environment;
  return {
    address: TOLLGATE_ADDRESS || '127.0.0.1:8081',
    token: TOLLGATE_TOKEN || undefined,
    ca: TOLLGATE_CA ? file(TOLLGATE_CA) : undefined,
  };
}
