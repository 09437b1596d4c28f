import { Query } from 'pg';
import type { ClientBase, Connection } from 'pg';

/** A parameter: bytes travel as they are, a text is read by the server. */
export type Parameter = Buffer | string | null;

/** One statement of a flight; one with a name is prepared on the connection already. */
export interface FlightStatement {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly Parameter[];
}

/** The rows of one statement, each column as text. */
export type FlightRows = readonly (readonly (string | null)[])[];

/**
 * Sends statements in one piece and resolves to the rows of each, in order. The server answers in one piece
 * too, where a query of `pg` asks for an answer of its own: that halves what a batch of one call takes.
 * The first failure is thrown, and what stands behind it was not run.
 */
export function fly(
  client: ClientBase,
  statements: readonly FlightStatement[],
): Promise<readonly FlightRows[]> {
  return new Promise((resolve, reject) => {
    client.query(new Flight(statements, resolve, reject));
  });
}

/**
 * The messages of a flight. A pipelined `pg` takes no classes but its own `Query`, for fear of portals that
 * stay open over several round trips; here every portal has ended before the one Sync.
 */
class Flight extends Query {
  readonly #statements: readonly FlightStatement[];
  readonly #resolve: (rows: readonly FlightRows[]) => void;
  readonly #reject: (cause: Error) => void;
  readonly #done: FlightRows[] = [];
  #rows: (readonly (string | null)[])[] = [];

  constructor(
    statements: readonly FlightStatement[],
    resolve: (rows: readonly FlightRows[]) => void,
    reject: (cause: Error) => void,
  ) {
    super('a flight');
    this.#statements = statements;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override submit = (connection: Connection): void => {
    connection.stream.cork();
    for (const { name = '', text, values } of this.#statements) {
      if (name === '') connection.parse({ name, text, types: [] }, true);
      connection.bind({ statement: name, values: [...values] }, true);
      connection.execute(null, true);
    }
    connection.sync();
    connection.stream.uncork();
  };

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#rows.push(fields);
  }

  handleCommandComplete(): void {
    this.#done.push(this.#rows);
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#done);
  }

  handleError(cause: Error): void {
    this.#reject(cause);
  }
}
