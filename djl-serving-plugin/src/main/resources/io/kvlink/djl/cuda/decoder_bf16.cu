// SPDX-License-Identifier: Apache-2.0
#define ELEMENT __nv_bfloat16
#include "decoder.cuh"
