import { createRequire } from 'node:module';
import { describeSettings } from './config.ts';

const usage = `Tollgate decides which calls of an LLM gateway may pass, and keeps their budgets.

  tollgate serve              runs the service until SIGTERM or SIGINT
  tollgate call METHOD JSON   calls the data plane: check, report, release, extend, explain, list-targets
                              (TOLLGATE_ADDRESS, TOLLGATE_TOKEN; TOLLGATE_CA for TLS)
  tollgate verify [--repair] [ORG]...
                              proves that every meter equals the ledger
  tollgate test DIR           plays scenario files against a throw-away instance
  tollgate --help | --version

Settings of serve, from the environment (with their defaults):
${describeSettings()}
`;

const [command = '--help', ...rest] = process.argv.slice(2);
process.exitCode = rest.includes('--help') ? print(usage) : await run(command, rest);

async function run(name: string, args: readonly string[]): Promise<number> {
  switch (name) {
    case 'serve':
      return (await import('./cli/serve.ts')).serve(args);
    case 'call':
      return (await import('./cli/call.ts')).call(args);
    case 'verify':
      return (await import('./cli/verify.ts')).verify(args);
    case 'test':
      return (await import('./cli/test.ts')).test(args, process.env['DATABASE_URL']);
    case '--version':
      return print(`${version()}\n`);
    case 'help':
    case '--help':
    case '-h':
      return print(usage);
    default:
      process.stderr.write(`tollgate: unknown command ${name}; see tollgate --help\n`);
      return 2;
  }
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
