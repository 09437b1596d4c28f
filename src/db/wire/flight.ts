import { Query } from 'pg';
import type { ClientBase, Connection } from 'pg';
import type { BinaryArray } from './binary-arrays.ts';
import { localFaults } from './local-fault.ts';
import { WireWriter } from './wire-writer.ts';

/** A parameter: an array travels in binary, a text is read by the server. */
export type Parameter = BinaryArray | string | null;

/** One statement of a flight; one with a name is prepared on the connection already. */
export interface FlightStatement {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly Parameter[];
  /**
   * How many rows it must return or write. The flight fails if there are others: a statement that finds nothing to
   * insert does not fail by itself. What stands behind it was run.
   */
  readonly rowCount?: number;
}

/** The rows of one statement, each column as text. */
export type FlightRows = readonly (readonly (string | null)[])[];

/**
 * Sends statements in one piece and resolves to the rows of each, in order. The server answers in one piece
 * too, where a query of `pg` asks for an answer of its own: that halves what a batch of one call takes.
 * The first failure is thrown, and what stands behind it was not run.
 *
 * Throws a `LocalFault` at once, with nothing sent, where a parameter cannot be written.
 */
export function fly(
  client: ClientBase,
  statements: readonly FlightStatement[],
): Promise<readonly FlightRows[]> {
  return submit(client, messagesOf([statements]), statements);
}

/**
 * Two flights in one piece: the second is run whatever becomes of the first. Resolves to the rows of the
 * second; a failure of the first is thrown. Throws at once as `fly` does.
 */
export function flyBoth(
  client: ClientBase,
  first: readonly FlightStatement[],
  second: readonly FlightStatement[],
): Promise<readonly FlightRows[]> {
  const messages = messagesOf([first, second]);
  return settled([submit(client, messages, first), submit(client, undefined, second)]);
}

async function settled(
  flights: readonly [Promise<readonly FlightRows[]>, Promise<readonly FlightRows[]>],
): Promise<readonly FlightRows[]> {
  const [one, two] = await Promise.allSettled(flights);
  if (one.status === 'rejected') throw one.reason;
  if (two.status === 'rejected') throw two.reason;
  return two.value;
}

/** `messages` are what goes out with a flight; undefined: it went out with the one before. */
function submit(
  client: ClientBase,
  messages: Buffer | undefined,
  statements: readonly FlightStatement[],
): Promise<readonly FlightRows[]> {
  return new Promise((resolve, reject) => {
    client.query(new Flight(messages, statements, resolve, reject));
  });
}

/**
 * The messages of a flight. A pipelined `pg` takes no classes but its own `Query`, for fear of portals that
 * stay open over several round trips; here every portal has ended before its Sync.
 */
class Flight extends Query {
  readonly #messages: Buffer | undefined;
  readonly #statements: readonly FlightStatement[];
  readonly #resolve: (rows: readonly FlightRows[]) => void;
  readonly #reject: (cause: Error) => void;
  readonly #done: FlightRows[] = [];
  #rows: (readonly (string | null)[])[] = [];
  #miscount: Error | undefined;

  constructor(
    messages: Buffer | undefined,
    statements: readonly FlightStatement[],
    resolve: (rows: readonly FlightRows[]) => void,
    reject: (cause: Error) => void,
  ) {
    super('a flight');
    this.#messages = messages;
    this.#statements = statements;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override submit = (connection: Connection): void => {
    if (this.#messages !== undefined) connection.stream.write(this.#messages);
  };

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#rows.push(fields);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const statement = this.#statements[this.#done.length];
    if (statement?.rowCount !== undefined && statement.rowCount !== rowCountOf(text)) {
      const { name = statement.text, rowCount } = statement;
      this.#miscount ??= new Error(`${name}: expected ${rowCount} rows, the server says ${text}`);
    }
    this.#done.push(this.#rows);
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    if (this.#miscount === undefined) this.#resolve(this.#done);
    else this.#reject(this.#miscount);
  }

  handleError(cause: Error): void {
    this.#reject(cause);
  }
}

/** The last number of a command's tag, such as `INSERT 0 5`. */
function rowCountOf(tag: string): number {
  return Number(tag.slice(tag.lastIndexOf(' ') + 1));
}

/** As many bytes as the last flights took, and some more. */
let expectedBytes = 4096;

/**
 * The protocol's messages for statements, each list of them behind its Sync. Written here and not by `pg`,
 * which copies every parameter several times on its way into a buffer that starts small for each message.
 */
function messagesOf(sent: readonly (readonly FlightStatement[])[]): Buffer {
  return localFaults(() => writtenMessages(sent));
}

function writtenMessages(sent: readonly (readonly FlightStatement[])[]): Buffer {
  const writer = new WireWriter(expectedBytes);
  for (const statements of sent) {
    for (const { name = '', text, values } of statements) {
      if (name === '') message(writer, 'P', () => parse(writer, text));
      message(writer, 'B', () => bind(writer, name, values));
      message(writer, 'E', () => execute(writer));
    }
    message(writer, 'S', () => undefined);
  }
  const bytes = writer.bytes();
  expectedBytes = Math.ceil(Math.max(bytes.length * 1.25, expectedBytes * 0.75));
  return bytes;
}

function message(writer: WireWriter, type: string, write: () => void): void {
  writer.byte(type.charCodeAt(0));
  writer.prefixed(write, true);
}

/** The unnamed statement, its parameters' types left to the server. */
function parse(writer: WireWriter, text: string): void {
  writer.cString('');
  writer.cString(text);
  writer.int16(0);
}

/** The unnamed portal of a statement; all that it returns is text. */
function bind(writer: WireWriter, name: string, values: readonly Parameter[]): void {
  writer.cString('');
  writer.cString(name);
  writer.int16(values.length);
  for (const value of values) writer.int16(typeof value === 'function' ? 1 : 0);
  writer.int16(values.length);
  for (const value of values) {
    if (value === null) writer.int32(-1);
    else if (typeof value === 'string') writer.prefixedText(value);
    else writer.prefixed(() => value(writer), false);
  }
  writer.int16(0);
}

/** The unnamed portal, all of its rows. */
function execute(writer: WireWriter): void {
  writer.cString('');
  writer.int32(0);
}
