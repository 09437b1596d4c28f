import { setImmediate as giveTurn } from 'node:timers/promises';
import { fromBinary, fromJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonValue } from '@bufbuild/protobuf';
import { tooMuchUnread } from '../../connections/unread-bytes.ts';
import { checkDeadline, withinDeadline } from '../../platform/deadline.ts';
import type { FairSemaphore } from '../../platform/fair-semaphore.ts';
import type { Log } from '../../platform/log.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { checkBinaryShape } from '../../wire/binary-shape.ts';
import { noteJsonFaults } from '../../wire/json-faults.ts';
import { checkJsonShape } from '../../wire/json-shape.ts';
import { refuseUnknownFields } from '../../wire/unknown-fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { CallHeaders } from './call-headers.ts';
import type { AdminCall } from './call.ts';
import type { CallersUnread, UnreadBody } from './callers-unread.ts';
import { decompress } from './decompress.ts';
import { messageTooLarge, trailingBytes, undecodable } from './message-faults.ts';
import { abandon, refuse } from './refusal.ts';

/** A gRPC frame's head: one byte of flags, four of length. */
const frameHead = 5;
const compressedFlag = 1;

/** What the check of a body goes by. */
export interface BodyCheck {
  readonly call: AdminCall;
  readonly headers: CallHeaders;
  readonly desc: DescMessage;
  /** Of the message, compressed and not. */
  readonly maxBytes: number;
  readonly unread: CallersUnread;
  /** Lets few large bodies be judged at once. */
  readonly turns: FairSemaphore;
  readonly log: Log;
}

/**
 * The body of a request, refused with our own details if it cannot be read, whole and in time, as the message
 * that it should be: Connect's own errors for that name neither reason nor field, and nobody would log them.
 */
export async function* checkedBody(
  chunks: AsyncIterable<Uint8Array>,
  check: BodyCheck,
): AsyncGenerator<Uint8Array> {
  yield await readAndJudge(chunks, check);
}

async function readAndJudge(chunks: AsyncIterable<Uint8Array>, check: BodyCheck): Promise<Buffer> {
  const { call, log } = check;
  const unread = check.unread.begin(call.callerName ?? '');
  let bytes: Buffer | undefined;
  try {
    bytes = await withinDeadline(read(chunks, check, unread), call.deadlineMs);
    if (bytes !== undefined) await judgeInTurn(bytes, check);
  } catch (cause) {
    throw refuse(log, call, cause);
  } finally {
    unread.end();
  }
  if (bytes === undefined) throw abandon(log, call);
  return bytes;
}

/** All bytes; undefined if the client went away before the last of them. */
async function read(
  chunks: AsyncIterable<Uint8Array>,
  { headers, maxBytes }: BodyCheck,
  unread: UnreadBody,
): Promise<Buffer | undefined> {
  const mostBytes = headers.isFramed ? maxBytes + frameHead : maxBytes;
  const kept: Uint8Array[] = [];
  let size = 0;
  let fits = true;
  try {
    for await (const chunk of chunks) {
      size += chunk.byteLength;
      fits = unread.add(chunk.byteLength);
      if (size > mostBytes || !fits) break;
      kept.push(chunk);
    }
  } catch {
    // A request's stream fails in no other way than by its connection, and that is not ours to explain.
    return undefined;
  }
  if (size > mostBytes) throw messageTooLarge(maxBytes);
  if (!fits) throw tooMuchUnread();
  return Buffer.concat(kept, size);
}

/** Larger bodies take milliseconds to judge; those that arrive together would be judged in one turn. */
const smallBytes = 16 * 1024;
function judgeInTurn(bytes: Buffer, check: BodyCheck): Promise<void> {
  const { call } = check;
  const isSmall = bytes.length <= smallBytes && check.headers.compression === undefined;
  if (isSmall) return judge(bytes, check);
  return check.turns.pass(call.callerName ?? '', () => {
    checkDeadline(call.deadlineMs);
    return judge(bytes, check);
  });
}

async function judge(bytes: Buffer, { headers, desc, maxBytes }: BodyCheck): Promise<void> {
  const { isFramed, isJson, compression } = headers;
  if (isFramed) checkFrame(bytes, desc);
  const isCompressed = isFramed
    ? ((bytes[0] ?? 0) & compressedFlag) !== 0
    : compression !== undefined;
  let message: Uint8Array = isFramed ? bytes.subarray(frameHead) : bytes;
  if (isCompressed) {
    if (compression === undefined) throw undecodable(desc);
    try {
      message = await decompress(compression.name, message, maxBytes);
    } catch (cause) {
      throw cause instanceof ServiceError ? cause : undecodable(desc, cause);
    }
  }
  await decode(desc, message, isJson);
}

/** A call has one message: no less, and nothing after it. */
function checkFrame(bytes: Buffer, desc: DescMessage): void {
  if (bytes.length < frameHead) throw undecodable(desc);
  const extra = bytes.length - frameHead - bytes.readUInt32BE(1);
  if (extra < 0) throw undecodable(desc);
  if (extra > 0) throw trailingBytes();
}

async function decode(desc: DescMessage, bytes: Uint8Array, isJson: boolean): Promise<void> {
  try {
    if (isJson) await readJson(desc, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    else {
      checkBinaryShape(desc, bytes);
      refuseUnknownFields(desc, fromBinary(desc, bytes));
    }
  } catch (cause) {
    throw cause instanceof ServiceError ? cause : undecodable(desc, cause);
  }
}

/** A text of megabytes takes tens of milliseconds in all, so other calls get their turn between the steps. */
async function readJson(desc: DescMessage, bytes: Buffer): Promise<void> {
  checkJsonShape(bytes);
  await giveTurn();
  const json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as JsonValue;
  await giveTurn();
  const violations = collectViolations();
  noteJsonFaults(violations, desc, json);
  violations.throwIfAny();
  await giveTurn();
  fromJson(desc, json, { ignoreUnknownFields: false });
}
