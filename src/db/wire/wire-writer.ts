/** Bytes as PostgreSQL's protocol has them, numbers in network order, written one after another into one buffer. */
export class WireWriter {
  #buffer: Buffer;
  #at = 0;

  /** `bytes` are expected; it grows to what is needed. */
  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  /** What was written. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  int16(value: number): void {
    const at = this.#reserve(2);
    this.#buffer.writeInt16BE(value, at);
  }

  int32(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeInt32BE(value, at);
  }

  /** A text that ends with a zero. */
  cString(text: string): void {
    this.#text(text);
    this.byte(0);
  }

  /** A text behind its length in bytes. */
  prefixedText(text: string): void {
    const prefix = this.#reserve(4);
    const bytes = this.#text(text);
    this.#buffer.writeInt32BE(bytes, prefix);
  }

  /** What `write` writes, behind its length in bytes; a protocol's message counts its length too. */
  prefixed(write: () => void, countsItself: boolean): void {
    const prefix = this.#reserve(4);
    write();
    this.#buffer.writeInt32BE(this.#at - prefix - (countsItself ? 0 : 4), prefix);
  }

  /** Elements of an int[]: each four bytes behind its length. */
  int4Elements(values: readonly number[]): void {
    let at = this.#reserve(values.length * 8);
    const buffer = this.#buffer;
    for (const value of values) {
      buffer.writeInt32BE(4, at);
      buffer.writeInt32BE(value, at + 4);
      at += 8;
    }
  }

  /** Elements of a bigint[]: each eight bytes behind its length. A number is a whole one, and exact. */
  int8Elements(values: ArrayLike<bigint | number>): void {
    let at = this.#reserve(values.length * 12);
    const buffer = this.#buffer;
    buffer.fill(0, at, this.#at);
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] ?? 0;
      buffer[at + 3] = 8;
      if (value !== 0n && value !== 0) writeInt64(buffer, value, at + 4);
      at += 12;
    }
  }

  #text(text: string): number {
    // No character takes more than three bytes of UTF-8 for each of its units.
    const at = this.#reserve(text.length * 3);
    const bytes = this.#buffer.write(text, at);
    this.#at = at + bytes;
    return bytes;
  }

  /** Makes room and says where it begins; the buffer may be another one then. */
  #reserve(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#at, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}

/** The largest whole number that a double, and its neighbours, tell exactly. */
const mostExact = 9_007_199_254_740_991n;

/** Most counters fit a double, whose two halves are written faster than a bigint. */
function writeInt64(buffer: Buffer, value: bigint | number, at: number): void {
  if (typeof value === 'bigint' && (value < -mostExact || value > mostExact)) {
    buffer.writeBigInt64BE(value, at);
    return;
  }
  const number = Number(value);
  const high = Math.floor(number / 4_294_967_296);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(number - high * 4_294_967_296, at + 4);
}
