import { setTimeout as delay } from 'node:timers/promises';
import type { Replica } from './replica.ts';
import { adminSecret } from './tenants.ts';

/** An answer in JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** Changes policies through the admin ports of the replicas. */
export interface Administrator {
  /** One try at one replica; undefined when it was not answered well, and may have happened. */
  tryOnce(replica: Replica, method: string, request: Json): Promise<Json | undefined>;
  /** The same until it succeeds, at either; throws when it does not in 20 seconds. */
  insist(method: string, request: Json): Promise<Json>;
}

const timeoutMs = 5_000;
const mostTriesMs = 20_000;

/** `method` is written `PolicyService/UpdatePolicy`. */
export function createAdministrator(replicas: readonly Replica[]): Administrator {
  async function ask(replica: Replica, method: string, request: Json): Promise<Json> {
    const url = `http://127.0.0.1:${replica.adminPort}/tollgate.admin.v1.${method}`;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${adminSecret}` },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method}: ${response.status} ${text}`);
    return JSON.parse(text) as Json;
  }
  return {
    tryOnce: (replica, method, request) =>
      ask(replica, method, request).catch(() => {
        // Faults are about; whoever asked goes on without knowing.
        return undefined;
      }),
    async insist(method, request) {
      const endMs = performance.now() + mostTriesMs;
      for (let at = 0; ; at += 1) {
        const replica = replicas[at % replicas.length];
        if (replica === undefined) throw new Error('there is no replica');
        try {
          return await ask(replica, method, request);
        } catch (cause) {
          if (performance.now() > endMs) throw cause;
          await delay(200);
        }
      }
    },
  };
}
