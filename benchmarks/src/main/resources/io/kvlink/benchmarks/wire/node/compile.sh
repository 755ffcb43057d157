#!/usr/bin/env bash
# Compiles bytes.cu to PTX for any GPU since Turing. Needs nvcc; run it after a change of the source.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
nvcc -std=c++17 -arch=compute_75 -ptx bytes.cu -o - | sed -e '/^\/\//d' -e 's/^\.version .*/.version 6.5/' -e '/^$/d' >bytes.ptx
ptxas -arch=sm_90 bytes.ptx -o /dev/null
