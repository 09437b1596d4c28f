import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiDocsPaths } from '../../src/admin/http/api-docs.ts';
import { adminServices } from '../../scripts/admin-shape/services.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
});
afterAll(() => plane.stop());

interface Read {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Without fetch, which sends headers of its own and decompresses. */
async function read(
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<Read> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${plane.url}${path}`, { method, headers }, resolve).on('error', reject).end();
  });
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

it('describes every method of the admin plane, and nothing else', async () => {
  const { status, headers, body } = await read('/openapi.json');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/json');
  expect(body).toEqual(readFileSync(join(import.meta.dirname, '../../docs/openapi.json')));
  const { openapi, paths } = JSON.parse(body.toString()) as { openapi: string; paths: object };
  expect(openapi).toBe('3.1.0');
  const methods = (await adminServices()).flatMap(({ typeName, methods: all }) =>
    all.map(({ name }) => `/${typeName}/${name}`),
  );
  const rpcPaths = Object.keys(paths).filter((path) => path.startsWith('/tollgate.'));
  expect(rpcPaths.toSorted()).toEqual(methods.toSorted());
});

it('refers only to schemas that it has', async () => {
  const text = (await read('/openapi.json')).body.toString();
  const { components } = JSON.parse(text) as { components: Record<string, object> };
  const refs = new Set(
    [...text.matchAll(/"\$ref": "#\/components\/(\w+)\/([^"]+)"/g)].map(
      ([, kind, name]) => `${kind}/${name}`,
    ),
  );
  const missing = [...refs].filter((ref) => {
    const [kind = '', ...name] = ref.split('/');
    return !(name.join('/') in (components[kind] ?? {}));
  });
  expect(refs.size).toBeGreaterThan(100);
  expect(missing).toEqual([]);
});

// Faults planted, each seen red: `'unsafe-inline'` in style-src, and a script of another host in the page.
it('shows a page that runs and styles only what this server sends', async () => {
  const { headers, body } = await read('/docs');
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  const named = [...body.toString().matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
  const known: readonly string[] = apiDocsPaths;
  expect(named.filter((url) => url !== 'data:,' && !known.includes(url ?? ''))).toEqual([]);
  expect(body.toString()).not.toMatch(/<script>|<style|\son\w+=|\sstyle=/);
});

it.each(apiDocsPaths)(
  'answers %s to whoever asks, compressed where that is understood',
  async (path) => {
    const plain = await read(path);
    const zipped = await read(`${path}?v=1`, 'GET', { 'accept-encoding': 'br, gzip' });
    const head = await read(path, 'HEAD');
    expect([plain.status, zipped.status, head.status]).toEqual([200, 200, 200]);
    expect(gunzipSync(zipped.body)).toEqual(plain.body);
    expect(plain.body.length).toBeGreaterThan(100);
    expect(head.headers['content-length']).toBe(String(plain.body.length));
    expect(head.body.length).toBe(0);
    expect(plain.headers['x-content-type-options']).toBe('nosniff');
  },
);

it('takes no other method there, and no other path below', async () => {
  const posted = await read('/docs', 'POST');
  expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, HEAD']);
  for (const path of ['/docs/', '/docs/../package.json', '/docs/package.json', '/openapi.yaml']) {
    expect([path, (await read(path)).status]).toEqual([path, 404]);
  }
});
