/* dispatch.c: which instruction set runs. */
#include <string.h>
#include "engine.h"
#include "kernel_list.h"

extern const engine_table *const engine_baseline, *const engine_avx2, *const engine_avx512;

const engine_table *engine_find(const char *name)
{
    if (!strcmp(name, "baseline")) return engine_baseline;
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_cpu_init();
    if (!strcmp(name, "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return engine_avx2;
    if (!strcmp(name, "avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return engine_avx512;
#endif
    return NULL;
}

#define NAME(kernel) #kernel,
const char *const engine_names[] = {KERNEL_LIST(NAME) NULL};

parallel_loop *engine_parallel;
