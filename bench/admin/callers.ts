import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Read } from './reads.ts';

/** Where reads are sent, and as whom. */
export interface AdminPlane {
  readonly port: number;
  readonly secret: string;
}

/** How long the calls of one read took. */
export interface ReadFigure {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly count: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const timeoutMs = 60_000;

/** One RPC as Connect JSON. Throws if it is refused; undefined: there is no such method. */
export async function ask(
  plane: AdminPlane,
  rpc: string,
  body: object,
): Promise<string | undefined> {
  const { status, body: text } = await post(plane, rpc, JSON.stringify(body));
  if (status === 404 || status === 501) return undefined;
  if (status !== 200) throw new Error(`${rpc} answered ${status}: ${text.slice(0, 500)}`);
  return text;
}

function post({ port, secret }: AdminPlane, rpc: string, body: string): Promise<Answer> {
  const path = `/tollgate.admin.v1.${rpc}`;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  const options = {
    agent,
    port,
    host: '127.0.0.1',
    method: 'POST',
    path,
    headers,
    timeout: timeoutMs,
  };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error(`${rpc} took more than ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Calls one read by so many callers, each a call after the other, for some seconds. */
export async function measureRead(
  plane: AdminPlane,
  read: Read,
  callers: number,
  seconds: number,
): Promise<ReadFigure> {
  const timesMs: number[] = [];
  const untilMs = performance.now() + seconds * 1000;
  let n = 0;
  const caller = async (): Promise<void> => {
    do {
      const startedMs = performance.now();
      await ask(plane, read.rpc, read.body((n += 1)));
      timesMs.push(performance.now() - startedMs);
    } while (performance.now() < untilMs);
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return figureOf(timesMs);
}

/**
 * Calls all reads in turn, so many a second, until it is stopped: what consoles ask for does not depend on how soon they are
 * answered. Returns the figure of each.
 */
export function readInTurn(plane: AdminPlane, reads: readonly Read[], perSecond: number) {
  const timesMs = new Map(reads.map(({ name }) => [name, [] as number[]]));
  const open = new Set<Promise<void>>();
  const stopping = new AbortController();
  const one = async ({ name, rpc, body }: Read, n: number): Promise<void> => {
    const startedMs = performance.now();
    await ask(plane, rpc, body(n));
    timesMs.get(name)?.push(performance.now() - startedMs);
  };
  const loop = async (): Promise<void> => {
    const startedMs = performance.now();
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      const read = reads[n % reads.length];
      if (read === undefined) return;
      const asked = one(read, n).finally(() => open.delete(asked));
      open.add(asked);
      await delay(Math.max(0, startedMs + ((n + 1) * 1000) / perSecond - performance.now()));
    }
    await Promise.all(open);
  };
  const looping = loop();
  return {
    async stop(): Promise<ReadonlyMap<string, ReadFigure>> {
      stopping.abort();
      await looping;
      return new Map([...timesMs].map(([name, times]) => [name, figureOf(times)]));
    },
  };
}

function figureOf(timesMs: readonly number[]): ReadFigure {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), count: sorted.length };
}
