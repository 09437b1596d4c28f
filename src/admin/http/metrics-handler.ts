import { timingSafeEqual } from 'node:crypto';
import type { Registry } from 'prom-client';
import { secretSha256 } from '../../platform/secret.ts';
import { createMetricsText } from './metrics-text.ts';
import type { Handler } from './rpc-handler.ts';
import { sendText } from './send-answer.ts';

/** How `/metrics` is answered. */
export interface MetricsParts {
  /** All of the process. */
  readonly registry: Registry;
  /** Readers must present it as `authorization: Bearer <token>`; undefined: anybody may read. */
  readonly token: string | undefined;
  /** How old the text may be, so that many readers cost what one costs. */
  readonly maxAgeMs: number;
  /** How long the rest of a request that has been answered is read. */
  readonly lingerMs: number;
}

/** Answers a request for `/metrics`, on whichever port it arrives. */
export function createMetricsHandler(parts: MetricsParts): Handler {
  const { registry, token, maxAgeMs, lingerMs } = parts;
  const text = createMetricsText(registry, { maxAgeMs });
  const mayRead = readerCheck(token);
  return (request, response, connection) => {
    const exchange = { request, response, lingerMs };
    if (token !== undefined && mayRead(request.headers.authorization)) connection.isKnown = true;
    else if (!connection.countStrangerCall()) return;
    else if (token !== undefined) {
      const headers = { 'www-authenticate': 'Bearer' };
      return sendText(exchange, 401, 'expected the bearer token of the metrics\n', headers);
    }
    text().then(
      (body) => sendText(exchange, 200, body, { 'content-type': registry.contentType }),
      () => sendText(exchange, 500, 'metrics cannot be collected\n'),
    );
  };
}

const bearer = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

function readerCheck(token: string | undefined): (authorization: string | undefined) => boolean {
  const expected = token === undefined ? undefined : secretSha256(token);
  return (authorization = '') => {
    const presented = bearer.exec(authorization)?.[1];
    if (expected === undefined || presented === undefined) return false;
    return timingSafeEqual(secretSha256(presented), expected);
  };
}
