#!/usr/bin/env bash
# Asks a running demo (samples/demo.sh --serve) or any instance for a completion, streamed as it is written.
# usage: ask.sh PROMPT [URL]
set -euo pipefail
prompt=${1:?usage: ask.sh PROMPT [URL]}
url=${2:-http://127.0.0.1:10001}
escaped=$(printf '%s' "$prompt" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e ':a;N;$!ba;s/\n/\\n/g')
exec curl -sSN --fail-with-body "$url/v1/completions" -H 'Content-Type: application/json' -d '{
  "model": "base_model", "prompt": "'"$escaped"'", "max_tokens": 64, "temperature": 0, "stream": true
}'
