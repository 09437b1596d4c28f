import { create } from '@bufbuild/protobuf';
import type { MessageShape } from '@bufbuild/protobuf';
import {
  AuditEntrySchema,
  AuditFaultKind,
  AuditHeadSchema,
  VerifyAuditChainResponseSchema,
} from '../../../gen/tollgate/admin/v1/audit_pb.ts';
import type {
  AuditHead as HeadMessage,
  ListAuditEntriesRequest,
} from '../../../gen/tollgate/admin/v1/audit_pb.ts';
import type { AuditFilter, AuditHead, ChainVerdict, KeptEntry } from '../../audit/audit-trail.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { readIdOrNone, readInstant, readText } from './fields.ts';

const maxName = 200;
/** Subjects of policies and what names several prices are longer than ids. */
const maxSubject = 1000;

/** Reads which entries are asked for, of a chain that is known already. */
export function auditFilterFromMessage(
  violations: Violations,
  orgId: string,
  request: ListAuditEntriesRequest,
): AuditFilter {
  const { kind, id } = request;
  if (id !== '' && kind === '') violations.add('kind', 'is required with an id');
  return {
    orgId,
    actor: readIdOrNone(violations, 'actor', request.actor),
    rpc: readText(violations, 'rpc', request.rpc, maxName) || undefined,
    kind: readText(violations, 'kind', kind, maxName) || undefined,
    subject: readText(violations, 'id', id, maxSubject) || undefined,
    secretShown: request.secretShown,
    ...readTimes(violations, request),
  };
}

/** Reads a range of times. */
export function readTimes(
  violations: Violations,
  request: Pick<ListAuditEntriesRequest, 'startTime' | 'endTime'>,
): Pick<AuditFilter, 'startMs' | 'endMs'> {
  const startMs = readInstant(violations, 'start_time', request.startTime);
  const endMs = readInstant(violations, 'end_time', request.endTime);
  if (startMs !== undefined && endMs !== undefined && endMs <= startMs) {
    violations.add('end_time', 'must be after start_time');
  }
  return { startMs, endMs };
}

/** Reads an end of a chain that was kept. */
export function auditHeadFromMessage(
  violations: Violations,
  field: string,
  message: HeadMessage | undefined,
): AuditHead | undefined {
  if (message === undefined) return undefined;
  const { sequence, hash } = message;
  if (sequence < 0n || sequence > BigInt(Number.MAX_SAFE_INTEGER)) {
    violations.add(`${field}.sequence`, 'must be the number of an entry');
  }
  if (!/^[0-9a-f]{64}$/.test(hash)) {
    violations.add(`${field}.hash`, 'must be 64 hexadecimal digits in lower case');
  }
  return { sequence: Number(sequence), hash: Buffer.from(hash, 'hex') };
}

/** Writes an entry; its address only for those who may see it. */
export function auditEntryToMessage(
  entry: KeptEntry,
  showsPeer: boolean,
): MessageShape<typeof AuditEntrySchema> {
  const { revision, epoch, before, after } = entry;
  return create(AuditEntrySchema, {
    orgId: entry.orgId,
    sequence: BigInt(entry.sequence),
    createTime: timestampOf(entry.atMs),
    actor: entry.actor,
    rpc: entry.rpc,
    peer: showsPeer ? entry.peer : '',
    kind: entry.kind,
    id: entry.subject,
    ...(revision === undefined ? {} : { revision: BigInt(revision) }),
    ...(epoch === undefined ? {} : { epoch: BigInt(epoch) }),
    reason: entry.reason,
    requestId: entry.requestId,
    ...(before === undefined ? {} : { beforeJson: before }),
    ...(after === undefined ? {} : { afterJson: after }),
    secretShown: entry.secretShown,
    previousHash: entry.previousHash.toString('hex'),
    hash: entry.hash.toString('hex'),
  });
}

/** Writes the end of a chain. */
export function auditHeadToMessage({ sequence, hash }: AuditHead): HeadMessage {
  return create(AuditHeadSchema, { sequence: BigInt(sequence), hash: hash.toString('hex') });
}

/** Writes what a verification has found. */
export function auditVerdictToMessage({
  fault,
  verified,
  head,
}: ChainVerdict): MessageShape<typeof VerifyAuditChainResponseSchema> {
  return create(VerifyAuditChainResponseSchema, {
    ...(fault === undefined
      ? {}
      : { fault: { sequence: BigInt(fault.sequence), kind: AuditFaultKind[fault.kind] } }),
    verified: auditHeadToMessage(verified),
    head: auditHeadToMessage(head),
  });
}
