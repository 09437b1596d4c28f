import type { ClientBase } from 'pg';

/** Runs work in one READ COMMITTED transaction of its own, all or nothing. */
export type Transact = <Done>(work: (client: ClientBase) => Promise<Done>) => Promise<Done>;
