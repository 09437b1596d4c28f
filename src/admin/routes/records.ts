import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@connectrpc/connect';
import type { PolicyStore, RecordKind, RecordOf, Stored } from '../../policies/policy-store.ts';
import { readPage } from '../../wire/admin/fields.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { conditionalUpdate } from '../../service/admin/conditional-update.ts';
import { authorize } from './caller.ts';
import {
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
      const { updateMask: mask, allowMissing = false } = request;
      const fields = mask && maskedFields(desc, mask);
      const idFaults = collectViolations();
      const id = readId(idFaults, `${field}.id`, sent.id);
      idFaults.throwIfAny();
      return conditionalUpdate({
        etag: sent.etag,
        // With a mask the update builds on what is there; without one it replaces the whole.
        read: async () => fields && (await presentOr(store.get(orgId, kind, id), allowMissing)),
        write: async (present, etag) => {
          const isMasked = fields !== undefined && present !== undefined;
          const full = isMasked ? masked(desc, sent, unmasked(write(present)), fields) : sent;
          const violations = collectViolations();
          const by = readChange(violations, context, request, 'update', etag);
          const record = read(violations, field, full, orgId);
          violations.throwIfAny();
          return write(await inField(field, store.put(orgId, kind, record, by)));
        },
      });
    },
  };
}
