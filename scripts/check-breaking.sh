#!/usr/bin/env bash
# Looks for breaking changes of the contract since the last release: the newest tag v1.2.3 that the checked-out commit
# descends from. What was released is promised; what was not may still change.
set -euo pipefail
cd "$(dirname "$0")/.."

tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*.[0-9]*.[0-9]*' 2>/dev/null || true)
if [ -z "$tag" ]; then
  echo 'check-breaking: no release tag in this clone, nothing to compare the contract with'
  exit 0
fi

released=$(mktemp -d)
trap 'rm -rf "$released"' EXIT
git archive "$tag" proto buf.yaml | tar -x -C "$released"
buf breaking --against "$released" || { echo "the contract breaks clients of $tag" >&2; exit 1; }
echo "check-breaking: the contract serves clients of $tag"
