#!/usr/bin/env bash
# Regenerates gen/ beside the committed one and compares; then looks for breaking changes of the contract
# against the last commit, where it has one.
set -euo pipefail
cd "$(dirname "$0")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
buf generate --output "$fresh"
diff -r gen "$fresh/gen" || { echo 'gen/ is not what buf generate makes: run npm run generate' >&2; exit 1; }

if git cat-file -e HEAD:proto 2>/dev/null; then
  git archive HEAD proto buf.yaml | tar -x -C "$fresh"
  buf breaking --against "$fresh"
fi
