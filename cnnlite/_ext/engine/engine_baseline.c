#define ISA baseline
#define ISA_BASELINE
#include "kernels.h"
