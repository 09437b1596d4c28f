import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { apiDocsPage, apiDocsStart } from './api-docs-page.ts';
import type { Handler } from './rpc-handler.ts';
import { sendText } from './send-answer.ts';

/** The description of the API, and a page to read it with. Neither is secret: both are in the package. */
export const apiDocsPaths = [
  '/openapi.json',
  '/docs',
  '/docs/start.js',
  '/docs/swagger-ui-bundle.js',
  '/docs/swagger-ui.css',
] as const;

/** One of these paths. */
type ApiDocsPath = (typeof apiDocsPaths)[number];

/** The viewer runs only what this server sends, and asks nobody else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const pageHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'referrer-policy': 'no-referrer',
};

const require = createRequire(import.meta.url);

interface Source {
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly read: () => Promise<Buffer>;
}

const sources: Readonly<Record<ApiDocsPath, Source>> = {
  '/openapi.json': {
    type: 'application/json',
    read: () => readFile(require.resolve('#openapi.json')),
  },
  '/docs': {
    type: 'text/html; charset=utf-8',
    headers: pageHeaders,
    read: () => Promise.resolve(Buffer.from(apiDocsPage)),
  },
  '/docs/start.js': {
    type: 'text/javascript; charset=utf-8',
    read: () => Promise.resolve(Buffer.from(apiDocsStart)),
  },
  '/docs/swagger-ui-bundle.js': {
    type: 'text/javascript; charset=utf-8',
    read: () => readViewer('swagger-ui-bundle.js'),
  },
  '/docs/swagger-ui.css': {
    type: 'text/css; charset=utf-8',
    read: () => readViewer('swagger-ui.css'),
  },
};

/** A clone has the viewer as a development dependency; the package and the image bring its two files along. */
async function readViewer(name: string): Promise<Buffer> {
  const own = join(dirname(require.resolve('#package.json')), 'viewer', name);
  return readFile(own).catch(() => readFile(require.resolve(`swagger-ui-dist/${name}`)));
}

interface Content {
  readonly plain: Buffer;
  readonly zipped: Buffer;
}

const zip = promisify(gzip);

/** Answers GET and HEAD of one of these paths. Each file is read and compressed once, when it is first asked for. */
export function createApiDocs({ lingerMs }: { readonly lingerMs: number }): Handler {
  const contents = new Map<ApiDocsPath, Promise<Content>>();
  const contentOf = (path: ApiDocsPath): Promise<Content> => {
    const known = contents.get(path);
    if (known !== undefined) return known;
    const content = sources[path]
      .read()
      .then(async (plain) => ({ plain, zipped: await zip(plain) }));
    contents.set(path, content);
    content.catch(() => contents.delete(path));
    return content;
  };
  return (request, response, connection) => {
    if (!connection.countStrangerCall()) return;
    const exchange = { request, response, lingerMs };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return sendText(exchange, 405, 'expected GET\n', { allow: 'GET, HEAD' });
    }
    const path = apiDocsPathOf(request.url);
    if (path === undefined) return sendText(exchange, 404, 'nothing here\n');
    const { type, headers } = sources[path];
    const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '');
    const send = ({ plain, zipped }: Content): void => {
      const body = takesGzip ? zipped : plain;
      const encoding = takesGzip ? { 'content-encoding': 'gzip' } : undefined;
      const described = { 'content-type': type, 'content-length': String(body.length) };
      const all = { vary: 'accept-encoding', ...described, ...encoding, ...headers };
      sendText(exchange, 200, request.method === 'HEAD' ? '' : body, all);
    };
    contentOf(path).then(send, () =>
      sendText(exchange, 404, 'this installation has no viewer; read /openapi.json\n'),
    );
  };
}

/** Which of these paths a request is for. */
export function apiDocsPathOf(url = '/'): ApiDocsPath | undefined {
  const [path] = url.split('?', 1);
  return apiDocsPaths.find((known) => known === path);
}
