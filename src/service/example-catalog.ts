import type { Model } from '../core/catalog.ts';
import { platformId } from '../policies/policy-store.ts';
import type { Change, PolicyStore } from '../policies/policy-store.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { createImportPrices } from './admin/import-prices.ts';

/** Imports a price list. */
export type ImportPrices = ReturnType<typeof createImportPrices>;

/**
 * Fills the platform's catalog for an example: a few models that everybody knows, and what their providers ask for them by
 * the built-in price list. A model that the platform has already is left as it is. It may be repeated.
 */
export async function createExampleCatalog(
  store: PolicyStore,
  importPrices: ImportPrices,
  by: (step: string) => Change,
): Promise<void> {
  for (const model of models) {
    const change = { ...by(`model-${model.id}`), exists: 'create' } as const;
    await store.put(platformId, 'model', model, change).catch(unlessItExists);
  }
  await importPrices({
    orgId: platformId,
    text: undefined,
    selection: {
      scope: 'PROVIDER_MODEL',
      providers: [...new Set(models.flatMap(({ provider }) => provider ?? []))],
      models: [],
      providerNames: new Map(),
      keepsPrefix: false,
      includesFree: false,
    },
    page: { size: 1, token: undefined },
    by: by('prices'),
    callerName: 'tollgate',
    deadlineMs: Infinity,
  });
}

function unlessItExists(cause: unknown): void {
  if (cause instanceof ServiceError && cause.kind === 'ALREADY_EXISTS') return;
  throw cause;
}

const models: readonly Model[] = [
  modelOf('gpt-4o', 'GPT-4o', 'openai', 3, 'large', 128_000n),
  modelOf('gpt-4o-mini', 'GPT-4o mini', 'openai', 1, 'small', 128_000n),
  modelOf('claude-sonnet-4-5', 'Claude Sonnet 4.5', 'anthropic', 3, 'large', 200_000n),
  modelOf('claude-haiku-4-5', 'Claude Haiku 4.5', 'anthropic', 1, 'small', 200_000n),
  modelOf('gemini-2.5-pro', 'Gemini 2.5 Pro', 'google', 3, 'large', 1_048_576n),
  modelOf('gemini-2.5-flash', 'Gemini 2.5 Flash', 'google', 1, 'small', 1_048_576n),
];

function modelOf(
  id: string,
  displayName: string,
  provider: string,
  tierRank: number,
  group: string,
  contextWindow: bigint,
): Model {
  const groups = [group];
  const defaultOutputTokens = 1000n;
  const named = { id, displayName, provider, state: 'ACTIVE' } as const;
  return { ...named, tierRank, groups, defaultOutputTokens, contextWindow };
}
