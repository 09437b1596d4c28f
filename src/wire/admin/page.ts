import { clearField, create, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { byCodeUnit } from '../../core/meter.ts';
import { sortKeys } from '../../platform/paging.ts';
import type { Listed, Order, Page } from '../../platform/paging.ts';
import type { Violations } from '../violations.ts';
import { readText } from './fields.ts';

const maxPageSize = 1000;
const defaultPageSize = 100;
const maxContains = 200;

/** Fields that may differ between the pages of one list. */
const unbound = new Set(['page_size', 'page_token', 'reason', 'request_id', 'validate_only']);

/** What requests for a page have in common. */
export interface PageRequest extends Message {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly contains?: string;
  readonly search?: string;
  readonly orderBy?: string;
}

/**
 * Reads which page of a list is asked for. A size above the largest is the largest (AIP-158). `except` names fields that
 * the list's own name stands for.
 */
export function readPage(
  violations: Violations,
  desc: DescMessage,
  request: PageRequest,
  except: readonly string[] = [],
): Page {
  const { pageSize, pageToken, contains = '', search = '', orderBy = '' } = request;
  if (pageSize < 0) violations.add('page_size', 'must not be negative');
  return {
    size: pageSize === 0 ? defaultPageSize : Math.min(pageSize, maxPageSize),
    token: pageToken === '' ? undefined : pageToken,
    contains: readText(violations, 'contains', contains, maxContains) || undefined,
    search: readText(violations, 'search', search, maxContains).trim() || undefined,
    order: readOrder(violations, orderBy),
    boundTo: argumentsText(desc, request, except),
  };
}

/** What every answer with a page says of the list. */
export interface PageAnswer {
  readonly nextPageToken: string;
  readonly totalSize: number;
}

/** Writes where the list goes on, and how long it is. */
export function pageAnswer({ nextToken = '', total = 0 }: Listed<unknown>): PageAnswer {
  return { nextPageToken: nextToken, totalSize: total };
}

/** All that a request says beside its page, in one form: equal requests have equal texts, on every replica. */
export function argumentsText(
  desc: DescMessage,
  request: Message,
  except: readonly string[] = [],
): string {
  const said = create(desc);
  Object.assign(said, request);
  for (const field of desc.fields) {
    if (unbound.has(field.name) || except.includes(field.name)) clearField(said, field);
    else if (field.fieldKind === 'map') {
      // A client may send the entries of a map in any order.
      const entries = Object.entries(Reflect.get(said, field.localName) as object);
      Reflect.set(
        said,
        field.localName,
        Object.fromEntries(entries.toSorted(([a], [b]) => byCodeUnit(a, b))),
      );
    }
  }
  return Buffer.from(toBinary(desc, said, { writeUnknownFields: false })).toString('base64');
}

/** Reads AIP-132's `order_by`: one of the sort keys, then `desc` or nothing. Empty is by id. */
function readOrder(violations: Violations, text: string): Order {
  const [key = 'id', direction, ...more] = text.split(' ').filter((word) => word !== '');
  const by = sortKeys.find((known) => known === key);
  const isDescending = direction === 'desc';
  if (by === undefined || more.length > 0 || (direction !== undefined && !isDescending)) {
    violations.add('order_by', `must be one of ${sortKeys.join(', ')}, with or without desc`);
  }
  return { by: by ?? 'id', isDescending };
}
