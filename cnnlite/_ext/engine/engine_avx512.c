#define ISA avx512
#define ISA_AVX512
#include "kernels.h"
