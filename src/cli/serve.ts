import { createApp } from '../app.ts';
import type { App } from '../app.ts';
import { SettingsError, readSettings, unknownSettings } from '../config.ts';
import type { Settings } from '../config.ts';
import type { FirstSecrets } from '../service/first-start.ts';
import { readArguments } from './arguments.ts';
import { inWords } from './in-words.ts';
import { print } from './print.ts';
import { writeSecretsFile } from './secrets-file.ts';

/**
 * `tollgate serve`: runs until SIGTERM (drains) or SIGINT (drains without waiting). Exit 2 on wrong settings, 1
 * when it was stopped while it was starting or could not stop in time.
 */
export async function serve(args: readonly string[]): Promise<number> {
  readArguments('tollgate serve', args, {}, 0);
  const settings = settingsOrFaults();
  if (settings === undefined) return 2;
  const stopped = stopSignal();
  try {
    const showSecrets = (secrets: FirstSecrets) => show(secrets, settings);
    const app = await Promise.race([createApp(settings, { showSecrets }), stopped]);
    // Nothing was accepted yet: what is half done is rolled back by the store, or repeated by the next start.
    if (typeof app === 'string') return exitNow('stopped while it was starting');
    process.stdout.write(welcome(app, settings));
    const drainWaitMs = (await stopped) === 'SIGINT' ? 0 : settings.drainWaitMs;
    exitAfter(drainWaitMs + settings.drainTimeoutMs);
    await app.close(drainWaitMs);
    return 0;
  } catch (error) {
    complain(inWords(error));
    return error instanceof SettingsError ? 2 : 1;
  }
}

/** Ends the process then, if anything still keeps it running. */
function exitAfter(timeoutMs: number): void {
  setTimeout(() => exitNow('could not stop in time'), timeoutMs).unref();
}

/** Ends the process, whatever is still under way. */
function exitNow(why: string): never {
  complain(why);
  process.exit(1);
}

function settingsOrFaults(): Settings | undefined {
  try {
    for (const name of unknownSettings()) complain(`${name} is not a setting; see --help`);
    return readSettings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const fault of error.faults) complain(fault);
    return undefined;
  }
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let count = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    count += 1;
    if (count > 1) process.exit(1);
    resolve(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return promise;
}

/**
 * This is before the secrets are committed. If the process is killed after this line, the secrets are either valid
 * or made again by the next start.
 */
async function show({ admin, gateway }: FirstSecrets, { secretsFile }: Settings): Promise<void> {
  if (secretsFile === undefined) {
    const secrets = [`  administrator  ${admin}`, `  gateway        ${gateway}`];
    await print(['First start. These secrets are shown once:', ...secrets, '', ''].join('\n'));
  } else {
    await writeSecretsFile(secretsFile, `ADMIN=${admin}\nTOLLGATE_TOKEN=${gateway}\n`);
    await print(`First start. The secrets are in ${secretsFile}, and nowhere else.\n\n`);
  }
}

function welcome({ dataPort, adminPort, secrets }: App, settings: Settings): string {
  const scheme = settings.tlsCertificate === undefined ? 'http' : 'https';
  const adminHost = settings.adminListen.host === '::' ? 'localhost' : settings.adminListen.host;
  const dataHost = settings.dataListen.host === '::' ? 'localhost' : settings.dataListen.host;
  const admin = `${scheme}://${adminHost}:${adminPort}`;
  const data = `${dataHost}:${dataPort}`;
  const lines = [`Tollgate answers gateways on ${data} (gRPC), administrators on ${admin}`];
  if (secrets !== undefined && settings.secretsFile === undefined && settings.example) {
    const command = `TOLLGATE_ADDRESS=${data} TOLLGATE_TOKEN=${secrets.gateway} npx tollgate call`;
    const tries = tryIt(command, admin, secrets.admin);
    lines.push('', 'Try it: a Check, its Report, and what alice has used today:', '', ...tries, '');
  }
  return `${lines.join('\n')}\n`;
}

function tryIt(data: string, admin: string, secret: string): string[] {
  const check = {
    org_id: 'acme',
    request_id: 'try-1',
    subjects: { user: 'alice' },
    target: 'gpt-4o-mini',
    estimate: { input_tokens: 1200, output_tokens: 500 },
  };
  const report = {
    org_id: 'acme',
    request_id: 'try-1',
    usage: { input_tokens: 1200, output_tokens: 180 },
  };
  const look = { org_id: 'acme', meter: 'user:alice', window: 'WINDOW_DAY' };
  const headers = `-H 'content-type: application/json' -H 'authorization: Bearer ${secret}'`;
  return [
    `${data} check '${JSON.stringify(check)}'`,
    `${data} report '${JSON.stringify(report)}'`,
    `curl -s ${headers} -d '${JSON.stringify(look)}' ${admin}/tollgate.admin.v1.UsageService/GetUsage`,
  ];
}

function complain(text: string): void {
  process.stderr.write(`tollgate: ${text}\n`);
}
