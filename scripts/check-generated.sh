#!/usr/bin/env bash
# Regenerates gen/ beside the committed one and compares.
set -euo pipefail
cd "$(dirname "$0")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
buf generate --output "$fresh"
diff -r gen "$fresh/gen" || { echo 'gen/ is not what buf generate makes: run npm run generate' >&2; exit 1; }
