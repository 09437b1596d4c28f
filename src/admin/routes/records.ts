import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@connectrpc/connect';
import { platformId, absentEtag } from '../../policies/policy-store.ts';
import type {
  Change,
  DeletableKind,
  PolicyStore,
  RecordKind,
  RecordOf,
  Stored,
} from '../../policies/policy-store.ts';
import type { ReadFilters } from '../../wire/admin/list-filters.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import type { PageAnswer, PageRequest } from '../../wire/admin/page.ts';
import { faultsOfUpdated, readUpdateMask, updatedMessage } from '../../wire/admin/update-mask.ts';
import { readIds } from '../../wire/admin/fields.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { conditionalUpdate } from '../../service/admin/conditional-update.ts';
import { inField, presentOrNone, readChange, required } from './changes.ts';
import type { ChangeRequest } from './changes.ts';
import { readOwner } from './owner.ts';
import type { OwnedRequest } from './owner.ts';

const maxBatch = 1000;

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
  /** What is there, as an update of some fields builds on it; absent: as it is read. */
  readonly unmasked?: (present: MessageShape<Desc>) => MessageShape<Desc>;
}

/** What every request to create or update a record says. */
export interface PutRequest extends ChangeRequest, OwnedRequest {
  readonly updateMask?: FieldMask | undefined;
}

/** What every request to list records says. */
export interface ListRequest extends PageRequest, OwnedRequest {}

/** What every request to read a record says. */
export interface GetRequest extends OwnedRequest {
  readonly id: string;
}

/** What every request to read many records says. */
export interface BatchGetRequest extends OwnedRequest {
  readonly ids: readonly string[];
}

/** What every request to delete a record says. */
export interface DeleteRequest extends ChangeRequest, OwnedRequest {
  readonly id: string;
  readonly etag: string;
}

/** Deletion of one kind of record: the same for all kinds that can be deleted. */
export function deletionOf<K extends DeletableKind, Message>(
  store: PolicyStore,
  kind: K,
  write: (stored: Stored<RecordOf[K]>) => Message,
) {
  return async (request: DeleteRequest, context: HandlerContext): Promise<Message> => {
    const { orgId } = readOwner(request, context);
    const violations = collectViolations();
    const by = readChange(violations, context, request, 'update', request.etag);
    const id = readId(violations, 'id', request.id);
    violations.throwIfAny();
    return write(await store.delete(orgId, kind, id, by));
  };
}

/** Reads which records are asked for. */
export function readBatch(violations: Violations, request: BatchGetRequest): readonly string[] {
  if (request.ids.length === 0) violations.add('ids', 'must not be empty');
  return readIds(violations, 'ids', request.ids, maxBatch);
}

/** Create, get, batch get, list and update of one kind of record: the same for all of them. */
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
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'create');
      const record = read(violations, field, required(message, field), orgId);
      violations.throwIfAny();
      return write(await inField(field, store.put(orgId, kind, record, by)));
    },

    async get(request: GetRequest, context: HandlerContext): Promise<MessageShape<Desc>> {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const id = readId(violations, 'id', request.id);
      violations.throwIfAny();
      return write(await store.get(orgId, kind, id));
    },

    async batchGet(
      request: BatchGetRequest,
      context: HandlerContext,
    ): Promise<{ records: MessageShape<Desc>[]; missingIds: string[] }> {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const ids = readBatch(violations, request);
      violations.throwIfAny();
      const found = await store.getMany(orgId, kind, ids);
      return {
        records: ids.flatMap((id) => found.get(id) ?? []).map(write),
        missingIds: ids.filter((id) => !found.has(id)),
      };
    },

    async list<Request extends ListRequest>(
      request: Request,
      context: HandlerContext,
      filters: ReadFilters<Request> = () => [],
    ): Promise<{ records: MessageShape<Desc>[]; page: PageAnswer }> {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const facets = filters(violations, request);
      violations.throwIfAny();
      const listed = await store.list(orgId, kind, { ...page, facets });
      return { records: listed.items.map(write), page: pageAnswer(listed) };
    },

    async update(
      request: PutRequest,
      message: Message | undefined,
      context: HandlerContext,
    ): Promise<MessageShape<Desc>> {
      const { orgId } = readOwner(request, context);
      const sent = required(message, field);
      const updated = readUpdateMask(desc, sent, request.updateMask);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', sent.etag);
      read(faultsOfUpdated(violations, field, updated), field, sent, orgId);
      violations.throwIfAny();
      return conditionalUpdate({
        etag: sent.etag,
        // Where the update replaces everything, it does not matter what is there.
        read: async () =>
          updated === 'everything' ? undefined : ownOrNone(store.get(orgId, kind, sent.id), orgId),
        write: async (present, etag) => {
          if (updated === 'everything') return put(orgId, sent, { ...by, etag });
          if (present === undefined) return putAbsent(orgId, sent, by);
          const full = updatedMessage(desc, sent, unmasked(write(present)), updated);
          return put(orgId, full, { ...by, etag });
        },
      });
    },
  };

  /** An organization changes its own entries; one that it inherits is as absent. */
  async function ownOrNone(
    read: Promise<Stored<RecordOf[K]>>,
    orgId: string,
  ): Promise<Stored<RecordOf[K]> | undefined> {
    const present = await presentOrNone(read);
    const isInherited = present?.origin?.source === 'PLATFORM' && orgId !== platformId;
    return isInherited ? undefined : present;
  }

  async function put(
    orgId: string,
    full: MessageShape<Desc>,
    by: Change,
  ): Promise<MessageShape<Desc>> {
    const violations = collectViolations();
    const record = read(violations, field, full, orgId);
    violations.throwIfAny();
    return write(await inField(field, store.put(orgId, kind, record, by)));
  }

  /** Creates what is not there, if the update may; otherwise the store answers a repeat, or that it is not there. */
  async function putAbsent(
    orgId: string,
    sent: MessageShape<Desc>,
    by: Change,
  ): Promise<MessageShape<Desc>> {
    const absent = { ...by, etag: by.etag ?? absentEtag };
    if (by.exists === 'any') return put(orgId, sent, absent);
    const record = read(collectViolations(), field, sent, orgId);
    return write(await store.put(orgId, kind, record, absent));
  }
}
