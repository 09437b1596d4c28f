import type { Registry } from 'prom-client';

/**
 * Renders the metrics at most once in `maxAgeMs`, however often they are read: rendering takes milliseconds of the
 * one thread that also decides. Readers that come while it is rendered wait for the same text.
 */
export function createMetricsText(
  registry: Registry,
  {
    maxAgeMs,
    nowMs: monotonicMs = () => performance.now(),
  }: { readonly maxAgeMs: number; readonly nowMs?: () => number },
): () => Promise<Buffer> {
  let renderedAtMs = -Infinity;
  let text: Promise<Buffer> | undefined;
  return () => {
    const nowMs = monotonicMs();
    if (text === undefined || nowMs - renderedAtMs >= maxAgeMs) {
      renderedAtMs = nowMs;
      // Once for all readers: a text would be encoded for each.
      text = registry.metrics().then((rendered) => Buffer.from(rendered));
      // The next reader asks again.
      text.catch(() => {
        text = undefined;
      });
    }
    return text;
  };
}
