/* runtime/threads.h: what the pool needs of the system, POSIX or Windows.
 *
 *     mutex, MUTEX_INIT            mutex_lock(&m)  mutex_try(&m)  mutex_unlock(&m)     mutex_try: whether it is ours
 *     condition, CONDITION_INIT    condition_create(&c)  condition_wait(&c, &m)  condition_signal(&c)
 *     start_thread(start, number)                 whether there is a new thread, which runs start(number)
 *     LOAD(x)  STORE(x, value)  ADD(x, value)     a word that threads share; all see one order; ADD: the sum
 *     LOAD_POINTER(x)  STORE_POINTER(x, value)    a pointer, likewise
 *     TAKE(x)  LOAD_LOOSE(x)  STORE_LOOSE(x, value)     x++ of a ptrdiff_t, and an int, in no order
 *     PAUSE()                                     between two looks at a word
 *     APART                                       begins a cache line
 */
#ifndef CNNLITE_THREADS_H
#define CNNLITE_THREADS_H

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#include <signal.h>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define APART __attribute__((aligned(128)))
#else
#define APART __declspec(align(128))
#endif

#if defined(_WIN32) && (defined(CNNLITE_PLAIN_C) || !(defined(__GNUC__) || defined(__clang__)))
#define LOAD(x) ((unsigned)InterlockedOr((volatile long *)&(x), 0))
#define STORE(x, value) ((void)InterlockedExchange((volatile long *)&(x), (long)(value)))
#define ADD(x, value) ((unsigned)(InterlockedExchangeAdd((volatile long *)&(x), (value)) + (value)))
#define LOAD_POINTER(x) InterlockedCompareExchangePointer((void *volatile *)&(x), NULL, NULL)
#define STORE_POINTER(x, value) ((void)InterlockedExchangePointer((void *volatile *)&(x), (value)))
#if defined(_WIN64)
#define TAKE(x) InterlockedExchangeAdd64((volatile long long *)&(x), 1)
#else
#define TAKE(x) InterlockedExchangeAdd((volatile long *)&(x), 1)
#endif
#define LOAD_LOOSE(x) (*(volatile int *)&(x))
#define STORE_LOOSE(x, value) ((void)(*(volatile int *)&(x) = (value)))
#else
#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, value) __atomic_store_n(&(x), (value), __ATOMIC_SEQ_CST)
#define ADD(x, value) __atomic_add_fetch(&(x), (value), __ATOMIC_SEQ_CST)
#define LOAD_POINTER(x) LOAD(x)
#define STORE_POINTER(x, value) STORE(x, value)
#define TAKE(x) __atomic_fetch_add(&(x), 1, __ATOMIC_RELAXED)
#define LOAD_LOOSE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define STORE_LOOSE(x, value) __atomic_store_n(&(x), (value), __ATOMIC_RELAXED)
#endif

#if defined(_WIN32)
#define PAUSE() YieldProcessor()
#define MUTEX_INIT SRWLOCK_INIT
#define CONDITION_INIT CONDITION_VARIABLE_INIT
#define THREAD_START static DWORD WINAPI
typedef SRWLOCK mutex;
typedef CONDITION_VARIABLE condition;

static void mutex_lock(mutex *m) { AcquireSRWLockExclusive(m); }
static int mutex_try(mutex *m) { return TryAcquireSRWLockExclusive(m); }
static void mutex_unlock(mutex *m) { ReleaseSRWLockExclusive(m); }
static void condition_create(condition *c) { InitializeConditionVariable(c); }
static void condition_wait(condition *c, mutex *m) { SleepConditionVariableSRW(c, m, INFINITE, 0); }
static void condition_signal(condition *c) { WakeConditionVariable(c); }

static int start_thread(LPTHREAD_START_ROUTINE start, int number)
{
    HANDLE thread = CreateThread(NULL, 0, start, (void *)(ptrdiff_t)number, 0, NULL);
    return thread && CloseHandle(thread);
}
#else
#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif
#define MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define CONDITION_INIT PTHREAD_COND_INITIALIZER
#define THREAD_START static void *
typedef pthread_mutex_t mutex;
typedef pthread_cond_t condition;

static void mutex_lock(mutex *m) { pthread_mutex_lock(m); }
static int mutex_try(mutex *m) { return pthread_mutex_trylock(m) == 0; }
static void mutex_unlock(mutex *m) { pthread_mutex_unlock(m); }
static void condition_create(condition *c) { pthread_cond_init(c, NULL); }
static void condition_wait(condition *c, mutex *m) { pthread_cond_wait(c, m); }
static void condition_signal(condition *c) { pthread_cond_signal(c); }

/* The thread blocks all signals, because signals are for Python's threads, which may wait for them (sigwait) or be
 * woken by them.  Faults are not blocked: the thread that causes a fault always receives it. */
static int start_thread(void *(*start)(void *), int number)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int started = pthread_create(&thread, NULL, start, (void *)(ptrdiff_t)number) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) pthread_detach(thread);
    return started;
}
#endif
#endif
