/* templates.h: every kernel for one REAL, in the order in which they build on each other. */
#include "vec.h"
#include "microkernel.h"
#include "pointwise.h"
#include "gelu.h"
#include "pool2x2.h"
#include "batchnorm.h"
