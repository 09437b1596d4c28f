import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApiDocument } from './openapi/document.ts';
import { readAdminServices } from './openapi/read-protos.ts';

// Writes docs/openapi.json from the .proto files. With --check it only compares.

const file = join(import.meta.dirname, '../docs/openapi.json');
const text = `${JSON.stringify(openApiDocument(readAdminServices()), null, 2)}\n`;

if (process.argv.includes('--check')) {
  const isSame = readFileSync(file, 'utf8') === text;
  if (!isSame) throw new Error('docs/openapi.json is not what the protos say: npm run generate');
} else {
  writeFileSync(file, text);
}
