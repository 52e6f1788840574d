/* dispatch.c: which instruction set runs. */
#include <string.h>
#include "engine.h"
#include "kernel_list.h"
#include "simd/compiler.h"

#if X86_VECTORS
#include <cpuid.h>

/* Which of its registers the system saves when it changes between threads: bits 1 and 2 for AVX, 5 to 7 for AVX-512.
 * macOS begins to save those of AVX-512 when they are first used, and until then does not say so. */
static unsigned saved_registers(void)
{
    unsigned low, high;
    __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0)); /* xgetbv */
    (void)high;
#if defined(__APPLE__)
    low |= 7u << 5;
#endif
    return low;
}

/* Not __builtin_cpu_supports: it needs the compiler's own library, which clang-cl does not link. */
static int machine_runs(const char *name)
{
    enum { FMA = 1 << 12, OSXSAVE = 1 << 27, AVX = 1 << 28, AVX_REGISTERS = 0x06, AVX512_REGISTERS = 0xe6 };
    const unsigned avx2 = 1u << 5, avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
    unsigned a, b, c, d, saved;
    if (!strcmp(name, "baseline")) return 1;
    if (!__get_cpuid(1, &a, &b, &c, &d) || ~c & (FMA | OSXSAVE | AVX)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    saved = saved_registers();
    if (~b & avx2 || ~saved & AVX_REGISTERS) return 0;
    return strcmp(name, "avx512") || (!(~b & avx512) && !(~saved & AVX512_REGISTERS));
}

/* AVX512_BF16. */
static int machine_has_pairs(void)
{
    unsigned a, b, c, d;
    return machine_runs("avx512") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5);
}
#else
static int machine_runs(const char *name) { return name != NULL; }
static int machine_has_pairs(void) { return 0; }
#endif

int engine_has_pairs;

extern const engine_table *const engine_baseline, *const engine_avx2, *const engine_avx512, *const engine_neon;

const engine_table *engine_find(const char *name)
{
    engine_has_pairs = machine_has_pairs();
    const engine_table *const tables[] = {engine_avx512, engine_avx2, engine_neon, engine_baseline};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (tables[i] && !strcmp(tables[i]->name, name) && machine_runs(name)) return tables[i];
    return NULL;
}

#define NAME(kernel) #kernel,
const char *const engine_names[] = {KERNEL_LIST(NAME) NULL};

parallel_loop *engine_parallel;
