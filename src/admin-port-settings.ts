import { address, bytes, count, optional, secret, setting, token } from './platform/setting.ts';

const KiB = 1024;

/** The part of the settings that is about the admin port's connections and callers, and about metrics. */
export const adminPortSettings = {
  metricsListen: optional(
    'TOLLGATE_METRICS_LISTEN',
    address,
    'Where /metrics is answered, and nothing else; without it, the admin port answers it.',
  ),
  metricsToken: secret(
    optional(
      'TOLLGATE_METRICS_TOKEN',
      token,
      'What a reader of /metrics must present (authorization: Bearer ...); without it, anybody may read.',
    ),
  ),
  adminMaxConnections: setting(
    'TOLLGATE_ADMIN_MAX_CONNECTIONS',
    '1024',
    count(1, 1_000_000),
    'Open connections of the admin port; more are closed at once.',
  ),
  adminMaxPeerConnections: setting(
    'TOLLGATE_ADMIN_MAX_PEER_CONNECTIONS',
    '256',
    count(1, 1_000_000),
    'Those of one peer address (of one /64 of IPv6).',
  ),
  adminCallerCalls: setting(
    'TOLLGATE_ADMIN_CALLER_CALLS',
    '100',
    count(1, 100_000),
    'Calls that one caller of the admin plane may have under way; more are refused.',
  ),
  adminMaxUnreadBytes: setting(
    'TOLLGATE_ADMIN_MAX_UNREAD',
    '32MiB',
    bytes(64 * KiB, 64 * KiB * KiB * KiB),
    'Bytes of admin requests that have not arrived completely; one caller may use a quarter.',
  ),
};
