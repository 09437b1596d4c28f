import type { Pool } from 'pg';

/**
 * Gives a test database a clock that can be stepped, for connections that are opened from now on:
 * `clock_timestamp()` is found in the schema `public` before it is found in `pg_catalog`.
 */
export async function giveSteppedClock(pool: Pool): Promise<(stepMs: number) => Promise<void>> {
  await pool.query(`
    CREATE TABLE public.clock_step (ms bigint NOT NULL);
    INSERT INTO public.clock_step VALUES (0);
    CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
      SELECT pg_catalog.clock_timestamp() + ms * interval '1 millisecond' FROM public.clock_step
    $$`);
  const { rows } = await pool.query<{ name: string }>('SELECT current_database() AS name');
  await pool.query(`ALTER DATABASE "${rows[0]?.name}" SET search_path = public, pg_catalog`);
  return async (stepMs) => {
    await pool.query('UPDATE public.clock_step SET ms = ms + $1', [stepMs]);
  };
}

/**
 * Gives a test database a clock that stands still until it is set, milliseconds since 1970, for connections that are opened
 * from now on.
 */
export async function giveStandingClock(pool: Pool): Promise<(ms: number) => Promise<void>> {
  const setClock = await giveSteppedClock(pool);
  await pool.query(`
    CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
      SELECT to_timestamp(ms / 1000.0) FROM public.clock_step
    $$`);
  let atMs = 0;
  return async (ms) => {
    await setClock(ms - atMs);
    atMs = ms;
  };
}

/** The database's time as this pool's connections see it, milliseconds since 1970. */
export async function databaseNow(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ now: string }>(
    `SELECT floor(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)
       + coalesce((SELECT ms FROM public.clock_step), 0) AS now`,
  );
  return Number(rows[0]?.now);
}

/**
 * A module for `NODE_OPTIONS=--import`: the wall clock of the process is off by the milliseconds in a file,
 * read again at each SIGUSR2.
 */
export function steppedWallClock(path: string): string {
  const text = `
    import { readFileSync } from 'node:fs';
    let offsetMs = 0;
    const read = () => { offsetMs = Number(readFileSync(${JSON.stringify(path)}, 'utf8')); };
    read();
    process.on('SIGUSR2', read);
    const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...given) { if (given.length > 0) super(...given); else super(Date.now()); }
      static now() { return Real.now() + offsetMs; }
    };`;
  return `--import data:text/javascript,${encodeURIComponent(text)}`;
}
