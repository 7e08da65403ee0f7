#!/usr/bin/env bash
# Builds an example filter, uploads it and makes it active:
#   docker/publish.sh TOKEN EXAMPLE [ADDRESS]
set -euo pipefail
cd "$(dirname "$0")/.."

token=$1 filter=$2 address=${3:-http://127.0.0.1:8780}

call() {
  curl --fail-with-body --silent --show-error --header "Authorization: Bearer $token" "$@"
  echo
}

cargo build --release --target wasm32-unknown-unknown --package "$filter"
owner=$(call "$address/v1/me" | sed 's/.*"user":"\([^"]*\)".*/\1/')
call --json "{\"name\": \"$filter\", \"stream\": \"ztf\", \"summary\": \"an example\"}" "$address/v1/filters"
call --header "Content-Type: application/wasm" \
  --data-binary "@target/wasm32-unknown-unknown/release/${filter//-/_}.wasm" \
  "$address/v1/filters/$owner/$filter/versions"
call --json '{"version": 1}' "$address/v1/filters/$owner/$filter/activate"
