import { expect, test } from 'vitest';
import { PriceScope } from '../../gen/tollgate/v1/call_pb.ts';
import { priceRevisionText } from '../../src/scenario/answers.ts';
import { priceRevisionToMessage } from '../../src/wire/price-revision.ts';

// Planted: where the service tier is never read, the second line is red.
test.each([
  ['MODEL gpt-4o 3', PriceScope.MODEL, 'gpt-4o', '', 3n],
  ['PROVIDER_MODEL ollama:gemma4:e2b flex 12', 2, 'ollama:gemma4:e2b', 'flex', 12n],
  ['KEY key:openai:prod 1', PriceScope.KEY, 'key:openai:prod', '', 1n],
])('%s', (text, scope, subject, serviceTier, revision) => {
  const message = priceRevisionToMessage(text);
  expect(message).toMatchObject({ scope, subject, serviceTier, revision });
  expect(priceRevisionText(message)).toBe(text);
});
