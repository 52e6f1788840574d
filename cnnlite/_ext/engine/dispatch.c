/* dispatch.c: which instruction set runs, and the one parallel loop. */
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "engine.h"

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

void engine_parallel(ptrdiff_t pieces, int threads, piece_body body, void *context)
{
#ifdef _OPENMP
    if (threads > pieces) threads = (int)pieces;
    if (threads > 1) {
        /* signed loop variable: MSVC's OpenMP 2.0 wants it */
        #pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (ptrdiff_t piece = 0; piece < pieces; piece++) body(context, piece, omp_get_thread_num());
        return;
    }
#endif
    (void)threads;
    for (ptrdiff_t piece = 0; piece < pieces; piece++) body(context, piece, 0);
}
