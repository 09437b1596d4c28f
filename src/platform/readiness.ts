import { repeat } from './repeat.ts';

/** Whether the store answers. */
export interface Readiness {
  isReady(): boolean;
  stop(): Promise<void>;
}

const intervalMs = 1000;
/** One failure may be a busy pool; two in a row are a store that is away. */
const failuresAllowed = 1;

/** Probes the store once a second and tells when the answer changes; not ready until the first success. */
export function watchReadiness(
  probe: () => Promise<unknown>,
  onChange: (isReady: boolean) => void,
): Readiness {
  let ready = false;
  let failures = 0;
  function say(isReady: boolean): void {
    if (isReady === ready) return;
    ready = isReady;
    onChange(isReady);
  }
  const probing = repeat(
    async () => {
      await probe();
      failures = 0;
      say(true);
    },
    intervalMs,
    () => {
      failures += 1;
      if (failures > failuresAllowed) say(false);
    },
  );
  return { isReady: () => ready, stop: () => probing.stop() };
}
