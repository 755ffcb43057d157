#!/usr/bin/env bash
# Compiles copy_runs.cu to PTX for any GPU since Turing. Needs nvcc; run it after a change of the source.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
nvcc -std=c++17 -arch=compute_75 -ptx copy_runs.cu -o - | sed -e '/^\/\//d' -e 's/^\.version .*/.version 8.1/' -e '/^$/d' >copy_runs.ptx
ptxas -arch=sm_90 copy_runs.ptx -o /dev/null
