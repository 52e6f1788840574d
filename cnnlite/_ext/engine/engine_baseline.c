#define ISA_BASELINE
#include "kernels.h"
