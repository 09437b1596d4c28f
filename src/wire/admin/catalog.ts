import { create } from '@bufbuild/protobuf';
import {
  CatalogSource,
  ModelGroupSchema,
  ModelSchema,
  ModelState,
  RouteGroupSchema,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { modelStates } from '../../core/catalog.ts';
import type { Model, ModelGroup, RouteGroup } from '../../core/catalog.ts';
import type { ListedModelGroup, Stored } from '../../policies/policy-store.ts';
import { storedFields } from './directory.ts';
import { readDisplayName, readEnum, readIdOrNone, readIds, readText } from './fields.ts';
import { readId, readOptionalAmount } from '../fields.ts';
import type { Violations } from '../violations.ts';

const maxGroups = 32;
const maxMembers = 64;
const maxDescription = 1000;

/** Reads a name of the catalog; what rules would read as something else is refused. */
function readTargetName(violations: Violations, field: string, text: string): string {
  if (text.startsWith('group:')) violations.add(field, 'must not begin with group:');
  if (text.includes('*')) violations.add(field, 'must not contain *');
  return readId(violations, field, text);
}

/** What the messages of all entries of a catalog say of whose they are. */
function originFields({ origin }: Pick<Stored<unknown>, 'origin'>) {
  return {
    source: CatalogSource[origin?.source ?? 'UNSPECIFIED'],
    replacesPlatform: origin?.replacesPlatform ?? false,
  };
}

/** Reads a model. */
export function modelFromMessage(
  violations: Violations,
  at: string,
  message: messages.Model,
): Model {
  const { tierRank, defaultOutputTokens, contextWindow } = message;
  if (tierRank !== undefined && tierRank < 0)
    violations.add(`${at}.tier_rank`, 'must not be negative');
  return {
    id: readTargetName(violations, `${at}.id`, message.id),
    displayName: readDisplayName(violations, at, message.displayName),
    state: readEnum(violations, `${at}.state`, message.state, modelStates, 'ACTIVE'),
    provider: readIdOrNone(violations, `${at}.provider`, message.provider),
    tierRank,
    groups: readIds(violations, `${at}.groups`, message.groups, maxGroups),
    defaultOutputTokens: readOptionalAmount(
      violations,
      `${at}.default_output_tokens`,
      defaultOutputTokens,
    ),
    contextWindow: readOptionalAmount(violations, `${at}.context_window`, contextWindow),
  };
}

/** Writes a model as it is stored. */
export function modelToMessage({ record, ...stored }: Stored<Model>): messages.Model {
  const { id, displayName, provider, tierRank, groups } = record;
  const { defaultOutputTokens, contextWindow } = record;
  return create(ModelSchema, {
    id,
    displayName: displayName || undefined,
    state: ModelState[record.state],
    provider,
    groups: [...groups],
    tierRank,
    defaultOutputTokens,
    contextWindow,
    ...storedFields(stored),
    ...originFields(stored),
  });
}

/** Reads a route group. */
export function routeGroupFromMessage(
  violations: Violations,
  at: string,
  message: messages.RouteGroup,
): RouteGroup {
  if (message.members.length === 0) violations.add(`${at}.members`, 'must not be empty');
  return {
    id: readTargetName(violations, `${at}.id`, message.id),
    displayName: readDisplayName(violations, at, message.displayName),
    members: readIds(violations, `${at}.members`, message.members, maxMembers),
  };
}

/** Writes a route group as it is stored. */
export function routeGroupToMessage(of: Stored<RouteGroup>): messages.RouteGroup {
  const { record, ...stored } = of;
  const { id, displayName, members } = record;
  return create(RouteGroupSchema, {
    id,
    displayName: displayName || undefined,
    members: [...members],
    ...storedFields(stored),
    ...originFields(stored),
  });
}

/** Reads what is said of a group of models. */
export function modelGroupFromMessage(
  violations: Violations,
  at: string,
  message: messages.ModelGroup,
): ModelGroup {
  const { id, displayName, description } = message;
  return {
    id: readId(violations, `${at}.id`, id),
    displayName: readDisplayName(violations, at, displayName),
    description: readText(violations, `${at}.description`, description, maxDescription),
  };
}

/** Writes what is said of a group of models, as it is stored. */
export function modelGroupToMessage(of: Stored<ModelGroup>): messages.ModelGroup {
  const { record, ...stored } = of;
  return create(ModelGroupSchema, {
    id: record.id,
    displayName: record.displayName || undefined,
    description: record.description || undefined,
    ...storedFields(stored),
    ...originFields(stored),
  });
}

/** Writes a group of models, with how many models have it. */
export function listedModelGroupToMessage(of: ListedModelGroup): messages.ModelGroup {
  const { id, models, stored } = of;
  const said =
    stored === undefined ? create(ModelGroupSchema, { id }) : modelGroupToMessage(stored);
  return { ...said, modelCount: models };
}
