import { createRequire } from 'node:module';
import { UsageError, readArguments } from './cli/arguments.ts';
import { describeSettings } from './config.ts';

const usage = `Tollgate decides which calls of an LLM gateway may pass, and keeps their budgets.

  tollgate serve              runs the service until SIGTERM or SIGINT
  tollgate call METHOD JSON [--json]
                              calls the data plane: check, report, release, extend, explain, list-targets; says what
                              matters of the answer, or all of it as JSON
                              (TOLLGATE_ADDRESS, TOLLGATE_TOKEN; TOLLGATE_CA for TLS)
  tollgate verify [--repair] [--witness FILE] [ORG]...
                              proves that every meter equals the ledger
  tollgate migrate [--distribute]
                              brings the schema up to date; distributes the tables over a Citus cluster
  tollgate access issue NAME --role ROLE [--org ORG]... [--file FILE]
                              makes a secret: gateway, platform_admin, org_admin or org_viewer
  tollgate access list        shows whose secrets there are
  tollgate access revoke NAME
                              ends a secret within a second
  tollgate test DIR [--only NAME] [--json] [--citus]
                              plays scenario files against a throw-away instance
  tollgate --help | --version

Settings of serve, from the environment (with their defaults):
${describeSettings()}
`;

const [command = '--help', ...rest] = process.argv.slice(2);
process.exitCode = await run(command, rest).catch(refusedUse);

async function run(name: string, args: readonly string[]): Promise<number> {
  switch (name) {
    case 'help':
    case '--help':
    case '-h':
    case '--version':
      readArguments(`tollgate ${name}`, args, {}, 0);
      return print(name === '--version' ? `${version()}\n` : usage);
    default:
      return asksForHelp(args) ? print(usage) : runCommand(name, args);
  }
}

async function runCommand(name: string, args: readonly string[]): Promise<number> {
  switch (name) {
    case 'serve':
      return (await import('./cli/serve.ts')).serve(args);
    case 'call':
      return (await import('./cli/call.ts')).call(args);
    case 'verify':
      return (await import('./cli/verify.ts')).verify(args);
    case 'migrate':
      return (await import('./cli/migrate.ts')).migrate(args);
    case 'access':
      return (await import('./cli/access.ts')).access(args);
    case 'test':
      return (await import('./cli/test.ts')).test(args, process.env['DATABASE_URL']);
    default:
      throw new UsageError(`unknown command ${name}; see tollgate --help`);
  }
}

/** `--help` before any `--`. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--help');
}

function refusedUse(error: unknown): number {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`tollgate: ${error.message}\n`);
  return 2;
}

function version(): string {
  const description: unknown = createRequire(import.meta.url)('#package.json');
  const isDescription = typeof description === 'object' && description !== null;
  return isDescription && 'version' in description ? String(description.version) : 'unknown';
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
