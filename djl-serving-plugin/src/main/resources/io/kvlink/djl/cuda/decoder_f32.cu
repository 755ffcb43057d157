// SPDX-License-Identifier: Apache-2.0
#define ELEMENT_IS_FLOAT
#define ELEMENT float
#include "decoder.cuh"
