import { create } from '@bufbuild/protobuf';
import { RecordKind, RevisionSchema } from '../../../gen/tollgate/admin/v1/history_pb.ts';
import type { Revision as Message } from '../../../gen/tollgate/admin/v1/history_pb.ts';
import type { RevisedRecord, Revision, RevisionKind, Stored } from '../../policies/policy-store.ts';
import { timestampOf } from '../time.ts';
import { modelGroupToMessage, modelToMessage, routeGroupToMessage } from './catalog.ts';
import { keyToMessage, tokenToMessage } from './credentials.ts';
import {
  appToMessage,
  customerToMessage,
  principalToMessage,
  teamToMessage,
  userToMessage,
} from './directory.ts';
import { organizationToMessage } from './organizations.ts';

/** Writes a revision as it is stored. */
export function revisionToMessage(revision: Revision): Message {
  const { kind, id, deleted, reason, actor, atMs, content } = revision;
  return create(RevisionSchema, {
    kind: RecordKind[kindName(kind)],
    id,
    revision: BigInt(revision.revision ?? 0),
    deleted,
    reason,
    actor,
    createTime: timestampOf(atMs),
    ...(content && { record: recordOf(content, String(revision.revision ?? '')) }),
  });
}

function kindName(kind: RevisionKind): Uppercase<RevisionKind> {
  // Upper case of a literal type is what the type says.
  return kind.toUpperCase() as Uppercase<RevisionKind>;
}

type RecordField = Exclude<Message['record'], { case: undefined }>;

/** The record with the etag that it had; its own times are not kept, and the revision has one. */
function recordOf(content: RevisedRecord, etag: string): RecordField {
  const field = fieldOf(content, etag);
  field.value.createTime = undefined;
  field.value.updateTime = undefined;
  return field;
}

function fieldOf(content: RevisedRecord, etag: string): RecordField {
  const stored = <T>(record: T): Stored<T> => ({ record, etag, createdAtMs: 0, updatedAtMs: 0 });
  switch (content.kind) {
    case 'organization':
      return { case: 'organization', value: organizationToMessage(stored(content.record)) };
    case 'team':
      return { case: 'team', value: teamToMessage(stored(content.record)) };
    case 'user':
      return { case: 'user', value: userToMessage(stored(content.record)) };
    case 'principal':
      return { case: 'principal', value: principalToMessage(stored(content.record)) };
    case 'app':
      return { case: 'app', value: appToMessage(stored(content.record)) };
    case 'customer':
      return { case: 'customer', value: customerToMessage(stored(content.record)) };
    case 'key':
      return { case: 'key', value: keyToMessage(stored(content.record)) };
    case 'token':
      return { case: 'token', value: tokenToMessage(stored(content.record)) };
    case 'model':
      return { case: 'model', value: modelToMessage(stored(content.record)) };
    case 'route_group':
      return { case: 'routeGroup', value: routeGroupToMessage(stored(content.record)) };
    case 'model_group':
      return { case: 'modelGroup', value: modelGroupToMessage(stored(content.record)) };
  }
}
