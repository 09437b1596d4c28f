import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startAdminPlane } from '../support/admin-plane.ts';

const run = promisify(execFile);
const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);

/** The page as Chromium has it when its scripts have run, and what it wrote to the console. */
async function opened(url: string): Promise<{ readonly page: string; readonly console: string }> {
  if (browser === undefined) throw new Error('no Chromium here');
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr'];
  const { stdout, stderr } = await run(
    browser,
    [...flags, '--virtual-time-budget=20000', '--dump-dom', url],
    { timeout: 60_000, maxBuffer: 32 * 1024 * 1024 },
  );
  const said = stderr.split('\n').filter((line) => line.includes('CONSOLE'));
  return { page: stdout, console: said.join('\n') };
}

// Faults planted, each seen red: a policy without `connect-src`, and a start script in the page itself.
test('the description can be read at /docs, under its strict policy', async () => {
  if (browser === undefined && (process.env['BROWSER'] ?? '') === '') {
    process.stdout.write('browser: no Chromium here, scripts/browser.sh installs it\n');
    return;
  }
  const plane = await startAdminPlane();
  const { page, console: said } = await opened(`${plane.url}/docs`);
  await plane.stop();
  expect(said).toBe('');
  for (const service of ['OrganizationService', 'PolicyService', 'UsageService']) {
    expect(page).toContain(`operations-tag-${service}`);
  }
}, 90_000);
