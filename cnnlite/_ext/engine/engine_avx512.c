#define ISA_AVX512
#include "kernels.h"
