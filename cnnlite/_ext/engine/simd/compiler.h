/* simd/compiler.h: what the compiler can do, and how it is told. */
#ifndef CNNLITE_COMPILER_H
#define CNNLITE_COMPILER_H

/* GCC and Clang have vectors.  Clang for Windows (clang-cl) does not say that it knows GCC's language, but it does. */
#if defined(__GNUC__) || defined(__clang__)
#if defined(CNNLITE_PLAIN_C) /* to test plain.h with them */
#define VECTORS 0
#else
#define VECTORS 1
#endif
#define INLINE static inline __attribute__((always_inline, unused))
#define KERNEL static __attribute__((noinline, unused))
#define RESTRICT __restrict__
#define ALIGN64 __attribute__((aligned(64)))
#define PREFETCH(p) __builtin_prefetch(p)
#elif defined(_MSC_VER)
#define VECTORS 0
#define INLINE static __forceinline
#define KERNEL static __declspec(noinline)
#define RESTRICT __restrict
#define ALIGN64
#define PREFETCH(p) ((void)(p))
#else
#define VECTORS 0
#define INLINE static inline
#define KERNEL static
#define RESTRICT restrict
#define ALIGN64
#define PREFETCH(p) ((void)(p))
#endif

#if VECTORS && defined(__x86_64__)
#define X86_VECTORS 1
#else
#define X86_VECTORS 0
#endif
/* Whether the compiler knows AVX512_BF16. */
#if X86_VECTORS && (defined(__clang__) || __GNUC__ >= 10)
#define PAIRED_PRODUCTS 1
#else
#define PAIRED_PRODUCTS 0
#endif
#if VECTORS && defined(__aarch64__) && defined(__ARM_NEON)
#define ARM_VECTORS 1
#else
#define ARM_VECTORS 0
#endif

/* A loop that the compiler unrolls completely, so that an array it indexes can live in registers. */
#if defined(__clang__)
#define UNROLL_FOR(...) _Pragma("clang loop unroll(full)") for (__VA_ARGS__)
#elif defined(__GNUC__)
#define UNROLL_FOR(...) _Pragma("GCC unroll 64") for (__VA_ARGS__)
#else
#define UNROLL_FOR(...) for (__VA_ARGS__)
#endif

/* Loads that follow in the program stay behind the computation of the vector v.  Compilers move loads up, to hide
 * how long they take; where accumulators fill the registers, there is no register for what is loaded early, and
 * accumulators go to the stack in each iteration: Clang 17 and newer on x86, GCC 12 on ARM. */
#if X86_VECTORS && defined(__clang__)
#define IN_ORDER(v) __asm__ volatile("" : "+v"(v))
#elif ARM_VECTORS
#define IN_ORDER(v) __asm__ volatile("" : "+w"(v))
#else
#define IN_ORDER(v) ((void)0)
#endif

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#endif
