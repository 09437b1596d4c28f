import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@connectrpc/connect';
import type { PolicyStore, RecordKind, RecordOf, Stored } from '../../policies/policy-store.ts';
import { readPage } from '../../wire/admin/fields.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { authorize } from './caller.ts';
import {
  amend,
  inField,
  masked,
  maskedFields,
  presentOr,
  readChange,
  readOrgId,
  required,
} from './changes.ts';
import type { ChangeRequest } from './changes.ts';

/** How one kind of record is read from its message and written to it. */
export interface RecordWire<K extends RecordKind, Desc extends DescMessage> {
  readonly kind: K;
  readonly desc: Desc;
  /** The field of requests that carries it, by its proto name. */
  readonly field: string;
  readonly read: (
    violations: Violations,
    at: string,
    message: MessageShape<Desc>,
    orgId: string,
  ) => RecordOf[K];
  readonly write: (stored: Stored<RecordOf[K]>) => MessageShape<Desc>;
  /** What is there, as an update with a mask builds on it; absent: as it is read. */
  readonly unmasked?: (present: MessageShape<Desc>) => MessageShape<Desc>;
}

/** What every request to create or update a record says. */
interface PutRequest extends ChangeRequest {
  readonly orgId: string;
  readonly updateMask?: FieldMask | undefined;
}

interface ListRequest {
  readonly orgId: string;
  readonly pageSize: number;
  readonly pageToken: string;
  readonly filter: string;
}

/** Create, get, list and update of one kind of record: the same for all of them. */
export function recordMethods<K extends RecordKind, Desc extends DescMessage>(
  store: PolicyStore,
  wire: RecordWire<K, Desc>,
) {
  const { kind, desc, field, read, write, unmasked = (present) => present } = wire;
  type Message = MessageShape<Desc> & { readonly id: string; readonly etag: string };

  return {
    async create(
      request: PutRequest,
      message: Message | undefined,
      context: HandlerContext,
    ): Promise<MessageShape<Desc>> {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'write', orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'create');
      const record = read(violations, field, required(message, field), orgId);
      violations.throwIfAny();
      return write(await inField(field, store.put(orgId, kind, record, by)));
    },

    async get(
      request: { readonly orgId: string; readonly id: string },
      context: HandlerContext,
    ): Promise<MessageShape<Desc>> {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'read', orgId);
      const violations = collectViolations();
      const id = readId(violations, 'id', request.id);
      violations.throwIfAny();
      return write(await store.get(orgId, kind, id));
    },

    async list(
      request: ListRequest,
      context: HandlerContext,
    ): Promise<{ records: MessageShape<Desc>[]; nextPageToken: string }> {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'read', orgId);
      const violations = collectViolations();
      const page = readPage(violations, request);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.list(orgId, kind, page);
      return { records: items.map(write), nextPageToken: nextToken };
    },

    async update(
      request: PutRequest,
      message: Message | undefined,
      context: HandlerContext,
    ): Promise<MessageShape<Desc>> {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'write', orgId);
      const sent = required(message, field);
      return amend(sent.etag, async () => {
        const violations = collectViolations();
        const id = readId(violations, `${field}.id`, sent.id);
        violations.throwIfAny();
        const { full, etag } = await merge(orgId, id, sent, request);
        const by = readChange(violations, context, request, 'update', etag);
        const record = read(violations, field, full, orgId);
        violations.throwIfAny();
        return write(await inField(field, store.put(orgId, kind, record, by)));
      });
    },
  };

  /** With a mask, only what was read may be changed: its etag becomes the condition. */
  async function merge(
    orgId: string,
    id: string,
    sent: Message,
    { updateMask, allowMissing = false }: PutRequest,
  ): Promise<{ full: MessageShape<Desc>; etag: string }> {
    if (updateMask === undefined) return { full: sent, etag: sent.etag };
    const fields = maskedFields(desc, updateMask);
    const present = await presentOr(store.get(orgId, kind, id), allowMissing);
    if (present === undefined) return { full: sent, etag: sent.etag };
    const full = masked(desc, sent, unmasked(write(present)), fields);
    return { full, etag: sent.etag === '' ? present.etag : sent.etag };
  }
}
