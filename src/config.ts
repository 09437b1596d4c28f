import { adminPortSettings } from './admin-port-settings.ts';
import { dataPortSettings } from './data-port-settings.ts';
import { logLevels } from './platform/log.ts';
import {
  SettingFault,
  address,
  bytes,
  count,
  duration,
  file,
  oneOf,
  optional,
  postgresUrl,
  secret,
  setting,
  text,
  yesOrNo,
} from './platform/setting.ts';
import type { Setting } from './platform/setting.ts';

const second = 1000;
const hour = 3_600 * second;
const KiB = 1024;

const table = {
  dataListen: setting(
    'TOLLGATE_DATA_LISTEN',
    '127.0.0.1:8081',
    address,
    'Where the data plane (gRPC) listens; port 0 takes a free one.',
  ),
  adminListen: setting(
    'TOLLGATE_ADMIN_LISTEN',
    '127.0.0.1:8080',
    address,
    'Where the admin plane (gRPC, gRPC-Web, Connect JSON, metrics) listens.',
  ),
  databaseUrl: secret(
    optional(
      'DATABASE_URL',
      postgresUrl,
      'A PostgreSQL (14 or later) of yours; without it one is started in TOLLGATE_FOLDER.',
    ),
  ),
  folder: setting(
    'TOLLGATE_FOLDER',
    './.tollgate',
    text,
    'Where the embedded PostgreSQL keeps its data between starts.',
  ),
  example: setting(
    'TOLLGATE_EXAMPLE',
    'true',
    yesOrNo,
    'Whether the first start on an empty store creates the example organization acme.',
  ),
  secretsFile: optional(
    'TOLLGATE_SECRETS_FILE',
    text,
    'A file to be created (mode 0600) with the secrets of the first start, instead of printing them.',
  ),
  tlsCertificate: optional(
    'TOLLGATE_TLS_CERT',
    file,
    'PEM file with the certificate chain of both planes; needs TOLLGATE_TLS_KEY.',
  ),
  tlsKey: optional('TOLLGATE_TLS_KEY', file, 'PEM file with its private key.'),
  tlsClientCa: optional(
    'TOLLGATE_TLS_CLIENT_CA',
    file,
    'PEM file; clients must then show a certificate of this authority (mTLS), whose name (first URI, ' +
      'else first DNS name, else CN) signs in as the account that has it.',
  ),
  logLevel: setting('TOLLGATE_LOG_LEVEL', 'info', oneOf(logLevels), 'The least that is logged.'),
  rpcTimeoutMs: setting(
    'TOLLGATE_RPC_TIMEOUT',
    '2s',
    duration(1, 60 * second),
    'The longest that a data-plane call may take, whatever its own deadline.',
  ),
  adminTimeoutMs: setting(
    'TOLLGATE_ADMIN_TIMEOUT',
    '30s',
    duration(1, 600 * second),
    'The longest that an admin call may take, whatever its own deadline.',
  ),
  maxMessageBytes: setting(
    'TOLLGATE_MAX_MESSAGE',
    '1MiB',
    bytes(KiB, 64 * KiB * KiB),
    'The largest request; on the admin plane 256KiB, but for policies, prices and price lists (3MiB).',
  ),
  ...dataPortSettings,
  ...adminPortSettings,
  drainWaitMs: setting(
    'TOLLGATE_DRAIN_WAIT',
    '3s',
    duration(0, hour),
    'On SIGTERM: how long to go on answering while health says NOT_SERVING. Make it longer than ' +
      "your balancer's health interval.",
  ),
  drainTimeoutMs: setting(
    'TOLLGATE_DRAIN_TIMEOUT',
    '10s',
    duration(0, hour),
    'How long calls in flight may take to finish after that.',
  ),
  lanes: setting(
    'TOLLGATE_LANES',
    '1',
    count(1, 64),
    'Groups of organizations that are decided side by side, each on its own connection.',
  ),
  batch: setting(
    'TOLLGATE_BATCH',
    'auto',
    oneOf(['auto', 'mixed', 'per-org']),
    'per-org: one organization per transaction, for a distributed PostgreSQL; mixed: several. auto takes per-org ' +
      'where the extension citus is found.',
  ),
  maxBatch: setting('TOLLGATE_MAX_BATCH', '256', count(1, 512), 'Calls in one transaction.'),
  maxQueue: setting(
    'TOLLGATE_MAX_QUEUE',
    '4096',
    count(1, 1_000_000),
    'Calls that may wait in one lane, one organization taking at most half; more are refused.',
  ),
  rememberedCalls: setting(
    'TOLLGATE_REMEMBERED_CALLS',
    '50000',
    count(0, 10_000_000),
    'Calls kept in memory, so that their Report needs no look-up.',
  ),
  durableHolds: setting(
    'TOLLGATE_DURABLE_HOLDS',
    'true',
    yesOrNo,
    'false: a crash of PostgreSQL may forget the last holds, never a Report; Checks wait less.',
  ),
  expiryIntervalMs: setting(
    'TOLLGATE_EXPIRY_INTERVAL',
    '1s',
    duration(0, hour),
    'How often expired holds are swept; 0s leaves it to other replicas.',
  ),
  usageDays: setting(
    'TOLLGATE_USAGE_DAYS',
    '400',
    count(40, 100_000),
    'How long single usage rows are kept; sums by day stay.',
  ),
  eventDays: setting(
    'TOLLGATE_EVENT_DAYS',
    '90',
    count(1, 100_000),
    'How long enforcement events are kept.',
  ),
  requestIdHours: setting(
    'TOLLGATE_REQUEST_ID_HOURS',
    '48',
    count(24, 100_000),
    'How long a request id names its call; a later repeat is a new call.',
  ),
  policyWatch: setting(
    'TOLLGATE_POLICY_WATCH',
    'true',
    yesOrNo,
    'Whether to LISTEN for policy changes; false behind a pooler. Checks obey changes either way.',
  ),
  poolSize: setting(
    'TOLLGATE_POOL_SIZE',
    '10',
    count(2, 1000),
    'Connections for what calls look up: policies, credentials, calls of other replicas.',
  ),
  explainPoolSize: setting(
    'TOLLGATE_EXPLAIN_POOL_SIZE',
    '8',
    count(1, 1000),
    'Connections for Explain and for reading usage.',
  ),
  adminPoolSize: setting(
    'TOLLGATE_ADMIN_POOL_SIZE',
    '5',
    count(1, 1000),
    'Connections for the admin plane.',
  ),
  storeTimeoutMs: setting(
    'TOLLGATE_STORE_TIMEOUT',
    '1500ms',
    duration(100, 60 * second),
    'How long PostgreSQL may be silent before it counts as away and its connections are cut. A ' +
      'session of ours that waits in a transaction for half of that is ended.',
  ),
  poolWaitMs: setting(
    'TOLLGATE_POOL_WAIT',
    '2s',
    duration(10, 60 * second),
    'How long a query may wait for a connection.',
  ),
  statementTimeoutMs: setting(
    'TOLLGATE_STATEMENT_TIMEOUT',
    '10s',
    duration(100, hour),
    'The longest that one statement may run.',
  ),
} satisfies Readonly<Record<string, Setting<unknown>>>;

/** The settings of the process, parsed and validated. */
export type Settings = {
  readonly [Key in keyof typeof table]: ReturnType<(typeof table)[Key]['read']>;
};

/** Everything that is wrong with the settings. */
export class SettingsError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Reads all settings; throws a SettingsError with every fault. An empty variable counts as unset. */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Settings {
  const faults: string[] = [];
  const entries = Object.entries(table).map(([key, one]) => {
    const said = environment[one.name] || one.defaultValue;
    return [key, said === undefined ? undefined : readOne(one, said, faults)];
  });
  const settings: Settings = Object.fromEntries(entries);
  checkTogether(settings, faults);
  if (faults.length > 0) throw new SettingsError(faults);
  return settings;
}

/** Variables that look like settings but are not: a misspelt one would otherwise be ignored silently. */
export function unknownSettings(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly string[] {
  const known = new Set<string>([...Object.values(table).map((one) => one.name), ...clientNames]);
  return Object.keys(environment).filter(
    (name) => name.startsWith('TOLLGATE_') && !known.has(name) && !fromKubernetes.test(name),
  );
}

/** Every setting with its default, for people. */
export function describeSettings(): string {
  return Object.values(table)
    .map((one) => `  ${one.name} (${one.defaultValue ?? 'unset'})\n      ${one.description}`)
    .join('\n');
}

/** Kubernetes sets these for a service called tollgate. */
const fromKubernetes = /_SERVICE_(HOST|PORT)|_PORT($|_\d)/;
const clientNames = ['TOLLGATE_ADDRESS', 'TOLLGATE_TOKEN', 'TOLLGATE_CA'];

function readOne(one: Setting<unknown>, said: string, faults: string[]): unknown {
  try {
    return one.read(said);
  } catch (fault) {
    if (!(fault instanceof SettingFault)) throw fault;
    const shown = one.isSecret ? '' : ` is ${JSON.stringify(said)}`;
    faults.push(`${one.name}${shown}: ${fault.message}`);
    return undefined;
  }
}

function checkTogether(settings: Settings, faults: string[]): void {
  const { tlsCertificate, tlsKey, tlsClientCa } = settings;
  for (const [name, most] of [
    ['TOLLGATE_MAX_UNREAD', settings.maxUnreadBytes],
    ['TOLLGATE_ADMIN_MAX_UNREAD', settings.adminMaxUnreadBytes],
  ] as const) {
    // One sender may use a quarter, and must be able to send one message.
    if (most < 4 * settings.maxMessageBytes) {
      faults.push(`${name}: expected at least four times TOLLGATE_MAX_MESSAGE`);
    }
  }
  if ((tlsCertificate === undefined) !== (tlsKey === undefined)) {
    faults.push('TOLLGATE_TLS_CERT and TOLLGATE_TLS_KEY: expected both or neither');
  }
  if (tlsClientCa !== undefined && tlsCertificate === undefined) {
    faults.push(
      'TOLLGATE_TLS_CLIENT_CA: expected TOLLGATE_TLS_CERT and TOLLGATE_TLS_KEY beside it',
    );
  }
}
