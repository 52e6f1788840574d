#define ISA avx2
#define ISA_AVX2
#include "kernels.h"
