import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Provider } from '@pydantic/genai-prices';
import { genaiPrices } from './genai-prices.ts';
import type { PriceList } from './price-list.ts';

const packageName = '@pydantic/genai-prices';

/**
 * The list that comes with this version, as it is priced at an instant. The package is loaded when it is first
 * asked for: it is large, and only an import of prices needs it. It has a way to renew itself over the network,
 * which is not used: what is imported is what was installed.
 */
export async function builtInPrices(nowMs: number): Promise<PriceList> {
  const { waitForUpdate } = await import('@pydantic/genai-prices');
  const providers: readonly Provider[] = (await waitForUpdate()) ?? [];
  return genaiPrices(`${packageName} ${installedVersion()}`, providers, nowMs);
}

function installedVersion(): string {
  const main = createRequire(import.meta.url).resolve(packageName);
  const text = readFileSync(join(main, '..', '..', 'package.json'), 'utf8');
  const { version }: { readonly version?: unknown } = JSON.parse(text);
  return String(version);
}
