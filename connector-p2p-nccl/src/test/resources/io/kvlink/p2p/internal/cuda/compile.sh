#!/usr/bin/env bash
# Compiles spin.cu to PTX for any GPU since Turing. Needs nvcc; run it after a change of the source.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
nvcc -std=c++17 -arch=compute_75 -ptx spin.cu -o - | sed -e '/^\/\//d' -e 's/^\.version .*/.version 6.5/' -e '/^$/d' >spin.ptx
ptxas -arch=sm_90 spin.ptx -o /dev/null
