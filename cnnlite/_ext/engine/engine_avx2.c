#define ISA_AVX2
#include "kernels.h"
