import type { Registry } from 'prom-client';

/**
 * Renders the metrics at most once in `maxAgeMs`, whoever asks how often: rendering takes milliseconds of the one
 * thread that also decides. Readers that come while it is rendered wait for the same text.
 */
export function createMetricsText(
  registry: Registry,
  {
    maxAgeMs,
    nowMs: monotonicMs = () => performance.now(),
  }: { readonly maxAgeMs: number; readonly nowMs?: () => number },
): () => Promise<string> {
  let renderedAtMs = -Infinity;
  let text: Promise<string> | undefined;
  return () => {
    const nowMs = monotonicMs();
    if (text === undefined || nowMs - renderedAtMs >= maxAgeMs) {
      renderedAtMs = nowMs;
      text = registry.metrics();
      // The next reader asks again.
      text.catch(() => {
        text = undefined;
      });
    }
    return text;
  };
}
