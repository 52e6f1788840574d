#define ISA neon
#define ISA_NEON
#include "kernels.h"
