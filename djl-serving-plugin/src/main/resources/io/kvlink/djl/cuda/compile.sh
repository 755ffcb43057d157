#!/usr/bin/env bash
# Compiles every kernel here to PTX for any GPU since Ampere and any driver since CUDA 11.8. Needs
# nvcc; run it after a change of a source. Names of .cu files may be given, to compile only those.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
shopt -s nullglob
sources=("$@")
if [ ${#sources[@]} -eq 0 ]; then
    sources=(*.cu)
fi
for source in "${sources[@]}"; do
    ptx="${source%.cu}.ptx"
    nvcc -std=c++17 -arch=compute_80 -ptx "$source" -o - \
        | sed -e '/^\/\//d' -e '/used_bytes_mask/d' -e 's/^\.version .*/.version 7.8/' -e '/^$/d' >"$ptx"
    ptxas -arch=sm_90 "$ptx" -o /dev/null
done
