// What holds for every method of the admin plane. The other files do not repeat it; docs/api.md has a table of all
// methods.
//
// Ids. An id has 1 to 200 characters without white space or control characters, and never changes. Every request
// names its organization in `org_id`, but for those whose message is the organization.
//
// Protocols. The services are served on the admin port, over gRPC, gRPC-Web and Connect with JSON or binary messages.
// How answers grow is written in tollgate/v1/decision.proto.
//
// Callers. A caller presents a secret (`authorization: Bearer …`) or, where the server asks for one, a client
// certificate, which stand for an account with roles: org_viewer reads, org_admin also writes, both in the organizations
// for which the role holds; platform_admin does so in all, and creates organizations. docs/api.md has the role that each
// method needs. A call without it is PERMISSION_DENIED `ROLE_FORBIDDEN` before its message is read, one for another
// organization `ORG_FORBIDDEN` before anything else of the message is judged.
//
// Errors. Every error has a google.rpc.ErrorInfo, whose reason is in tollgate.v1.ErrorReason without the prefix. What
// is wrong with a request is INVALID_ARGUMENT `FIELD_INVALID`, with a google.rpc.BadRequest that names up to 16
// fields. A request is validated once the caller is known to be permitted, and before anything is looked up. A field
// that the server does not know is refused, so that nothing is dropped silently: UNIMPLEMENTED `FIELD_UNKNOWN`, in
// JSON `FIELD_INVALID`.
//
// Changes. A change happens whole or not at all, and applies to the next Check on every replica. Every request that
// changes something has
//   - `reason`: why, for the history; at most 1000 characters without control characters, may be empty;
//   - `request_id`: 1 to 128 printable ASCII characters that name this change in its organization. A repeat is
//     answered as the first request was and changes nothing, whatever has changed since; a secret is not shown again.
//     The same id with another content or for another method is ALREADY_EXISTS `REQUEST_ID_CONFLICT`. A request that
//     fails leaves its id free. Ids are kept for at least 24 hours. Send one, so that a call whose answer is lost can
//     be repeated;
//   - `validate_only`: validate everything, write nothing, and answer what the result would be.
// A create ignores the etag and the times of its message.
//
// Etags. Every record has an `etag`, which is new after every change, and another one if a deleted record is created
// again. An update or a policy is sent with the etag in its message; a request that only names a record has a field
// `etag`. If it is not empty and not the current one, nothing changes: ABORTED `ETAG_MISMATCH`, with the current one
// in the metadata of ErrorInfo (`etag`). Empty: whatever the record is like now. `0` is the etag of what is not
// there. An update of some fields without an etag is tried again when another change overtakes it, four times; after
// that it is ABORTED too, and can be repeated as it is.
//
// Updates (AIP-134). An update takes the fields that `update_mask` names, sent or not; one that is named and not sent
// returns to its default. Without a mask it takes the fields that are present in the message, an empty text or an
// unspecified enum too. So a client never resets a field that it does not know. A list has no presence: to empty it,
// name it in the mask. `*` takes everything. A mask names whole fields: `expire_time.seconds`, an unknown field, or
// `*` beside others is FIELD_INVALID. What the update does not take is ignored, and so are times and other fields
// that only answers have. With `allow_missing` a record that is not there is created from the whole message, whatever
// the mask. In JSON a mask is one text of names in lowerCamelCase: `"displayName,expireTime"`.
//
// A record is answered with its defaults filled in. Empty texts, and references and numbers that are not there, are
// left out.
//
// Lists (AIP-158). `page_size` is the most that a page has: 0 is 100, more than 1000 is 1000, negative is
// FIELD_INVALID. A page may have fewer; the last one has no `next_page_token`. `page_token` is the `next_page_token`
// of the page before. It is opaque, and valid only with the same arguments, the size excepted: FIELD_INVALID
// otherwise. What is created or deleted between two pages may be on them or not; nothing else is left out or repeated.
// `search`, where lists may be long (teams, users, principals, apps, customers, keys, tokens), selects those in which
// each of at most 8 words, ignoring letter case, is found: as the beginning of the id, of a part of the id, or of a
// word of the display name. `alice`, `exam` and `smi ali` find `alice@example.com`, named Alice Smith; `lice`, in the
// middle of a word, finds nothing. A searched list is in an order of the server's. Filters select exactly, and all of
// them must hold. A page costs the same however long the list is: where few of what it looked at match, it has fewer
// records than were asked for, or none, and a next page. `contains`, where lists are short, selects those whose id or
// display name contains a text, ignoring letter case; at most 200 characters, empty is all. `order_by` is `id`,
// `display_name` (ignoring letter case), `create_time` or `update_time`, with ` desc` after it for the other
// direction; equal ones are sorted by id. Empty is `id`. A change of what a list is sorted by may move a record from
// one page to another. `total_size` is how many there are on all pages; where lists are short it is counted up to
// 10,000, which then means 10,000 or more. Where there is none, counting would read too much: events and prices are
// histories that only grow.
//
// Batch reads. A method BatchGet reads 1 to 1000 different ids at once, in their order. Ids that are not there are
// answered in `missing_ids`: unregistered users, for example, may have usage.

// @generated by protoc-gen-es v2.17.0 with parameter "target=ts,import_extension=ts,erasable_syntax=true"
// @generated from file tollgate/admin/v1/conventions.proto (package tollgate.admin.v1, syntax proto3)
/* eslint-disable */

import type { GenFile } from "@bufbuild/protobuf/codegenv2";
import { fileDesc } from "@bufbuild/protobuf/codegenv2";

/**
 * Describes the file tollgate/admin/v1/conventions.proto.
 */
export const file_tollgate_admin_v1_conventions: GenFile = /*@__PURE__*/
  fileDesc("CiN0b2xsZ2F0ZS9hZG1pbi92MS9jb252ZW50aW9ucy5wcm90bxIRdG9sbGdhdGUuYWRtaW4udjFCXgoRdG9sbGdhdGUuYWRtaW4udjFCEENvbnZlbnRpb25zUHJvdG9QAVohdG9sbGdhdGUvYWRtaW4vdjE7dG9sbGdhdGVhZG1pbnYxqgIRVG9sbGdhdGUuQWRtaW4uVjFiBnByb3RvMw");

