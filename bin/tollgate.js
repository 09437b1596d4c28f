#!/usr/bin/env node
// Starts Tollgate on Node 22.18 or later: this one if it is new enough, else the one that npm installed beside
// us. A clone runs its TypeScript as it stands. The package contains JavaScript, because Node does not strip
// types below node_modules. This file itself must run on any Node.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  // Started by an older Node that waits for us: when it is killed, nobody else would tell us to go.
  if (process.channel !== undefined) {
    process.on('disconnect', () => process.exit(1));
    process.channel?.unref();
  }
  const source = new URL('../src/main.ts', import.meta.url);
  const built = new URL('../dist/src/main.js', import.meta.url);
  await import((existsSync(source) ? source : built).href);
} else {
  startOn(installedNode());
}

/** The `node` that npm installed, or undefined. */
function installedNode() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node');
  } catch {
    return undefined;
  }
}

/** Runs this file again on another Node, passing on arguments, streams, signals and the exit status. */
function startOn(node) {
  if (node === undefined) {
    process.stderr.write(`tollgate needs Node 22.18 or later, this is ${process.version}\n`);
    process.exit(1);
  }
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  child.on('error', (error) => {
    process.stderr.write(`tollgate cannot start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // A Ctrl-C in a terminal reaches the child by itself; twice would mean: at once.
    const reachesChild = signal === 'SIGINT' && process.stdin.isTTY;
    process.on(signal, () => (reachesChild ? undefined : child.kill(signal)));
  }
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
