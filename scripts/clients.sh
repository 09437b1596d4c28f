#!/usr/bin/env bash
# Plays the clients of test/clients, which are written in Go and Python from the proto files alone, against a real
# server. What they need is installed into .clients/ from wherever GOPROXY and pip's settings point. A toolchain that
# is absent, or a registry that does not answer, is reported, and its client is not run. The files *.ready say for which
# versions everything is there.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
mkdir -p .clients

prepare_go() {
  command -v go >/dev/null || { echo 'clients: no go here: the Go client is not run'; return 1; }
  local plugins=(google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc)
  rm -f .clients/go.ready
  (cd test/clients/go && go mod download && go build -o ../../../.clients/bin/ "${plugins[@]}") &&
    cp test/clients/go/go.sum .clients/go.ready && return
  echo 'clients: the Go modules cannot be had: the Go client is not run'
  return 1
}

prepare_python() {
  command -v python3 >/dev/null || { echo 'clients: no python3 here: the Python client is not run'; return 1; }
  local python=.clients/python/bin/python
  rm -f .clients/python.ready
  { [ -x "$python" ] || python3 -m venv .clients/python; } &&
    "$python" -m pip install --quiet --requirement test/clients/python/requirements.txt &&
    cp test/clients/python/requirements.txt .clients/python.ready && return
  echo 'clients: the Python packages cannot be had: the Python client is not run'
  return 1
}

clients=()
prepare_go && clients+=(go)
prepare_python && clients+=(python)
CLIENTS="${clients[*]}" npx vitest run test/clients
