#!/usr/bin/env bash
# Sends what schemathesis makes of /openapi.json to a real server: no answer may be a server's fault, or have a status or
# a body that the description does not know. Streams are left out: it cannot read the frames of Connect. What it needs is
# installed into .clients/. Where there is no python3, or the packages cannot be had, it says so and does nothing.
# Arguments are passed on to schemathesis: --seed N, --max-examples N.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .clients

command -v python3 >/dev/null || { echo 'fuzz: no python3 here: nothing is run'; exit 0; }
python=.clients/fuzz/bin/python
{ [ -x "$python" ] || python3 -m venv .clients/fuzz; } &&
  "$python" -m pip install --quiet --requirement scripts/fuzz/requirements.txt ||
  { echo 'fuzz: the Python packages cannot be had: nothing is run'; exit 0; }
node_modules/.bin/node scripts/fuzz/main.ts "$@"
