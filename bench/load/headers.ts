/**
 * The two pieces of HPACK (RFC 7541) that the load generator needs: it writes headers as literals that enter no
 * table, and it finds `grpc-status` in trailers. It tells the server in its SETTINGS to keep no dynamic table,
 * so every block can be read by itself.
 */

const statusName = Buffer.from('grpc-status');
/** `grpc-status` in the Huffman code of HPACK, which encoders use where it is shorter. */
const statusNameHuffman = Buffer.from('9acac8b21234da8f', 'hex');

/** The longest string whose length is one byte. */
const maxLength = 126;

/** Encodes headers, each as a literal without indexing and with a new name. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) =>
      Buffer.concat([Buffer.from([0]), encodeString(name), encodeString(value)]),
    ),
  );
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > maxLength) throw new Error(`a header of ${bytes.length} bytes: ${text}`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/**
 * The value of `grpc-status` in the header block between two offsets; undefined if it has none. No encoder
 * Huffman-codes the value: a status is one or two digits, which that code does not shorten.
 */
export function grpcStatusOf(bytes: Buffer, start: number, end: number): number | undefined {
  const reader = { bytes, at: start };
  while (reader.at < end) {
    const first = bytes[reader.at] ?? 0;
    if (first >= 0x80) readInteger(reader, 7);
    else if (first >= 0x20 && first < 0x40) readInteger(reader, 5);
    else {
      const nameIndex = readInteger(reader, first >= 0x40 ? 6 : 4);
      const isStatus = nameIndex === 0 && isStatusName(reader);
      const length = readInteger(reader, 7);
      const valueStart = reader.at;
      reader.at += length;
      if (isStatus) return Number(bytes.toString('latin1', valueStart, reader.at));
    }
  }
  return undefined;
}

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

/** Reads a string, and says whether it is `grpc-status`. */
function isStatusName(reader: Reader): boolean {
  const isHuffman = (reader.bytes[reader.at] ?? 0) >= 0x80;
  const expected = isHuffman ? statusNameHuffman : statusName;
  const length = readInteger(reader, 7);
  const start = reader.at;
  reader.at += length;
  return length === expected.length && expected.compare(reader.bytes, start, reader.at) === 0;
}

/** An integer whose first byte gives it this many bits (RFC 7541, section 5.1). */
function readInteger(reader: Reader, bits: number): number {
  const most = 2 ** bits - 1;
  let value = (reader.bytes[reader.at++] ?? 0) & most;
  if (value < most) return value;
  let scale = 1;
  for (;;) {
    const next = reader.bytes[reader.at++] ?? 0;
    value += (next & 0x7f) * scale;
    if (next < 0x80) return value;
    scale *= 128;
  }
}
