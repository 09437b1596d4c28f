#!/usr/bin/env bash
# Opens the pages of the admin port in a real Chromium. It is installed from Debian's packages where that can be done.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

if ! command -v chromium >/dev/null; then
  { apt-get update && apt-get install --yes --no-install-recommends chromium; } >/dev/null 2>&1 ||
    echo 'browser: Chromium cannot be had here'
fi
BROWSER=$(command -v chromium) npx vitest run test/browser
