// SPDX-License-Identifier: Apache-2.0
#define ELEMENT __half
#include "decoder.cuh"
