/* memory_system.h: memory from the operating system, and back to it. */
#ifndef CNNLITE_MEMORY_SYSTEM_H
#define CNNLITE_MEMORY_SYSTEM_H

#include <stdlib.h>

/* Aligned to 64 bytes; NULL if there is none. */
static void *system_allocate(size_t size);
static void system_free(void *pointer);

/* The system may take back the memory of these whole pages, and what is in them; they stay usable. */
static void system_release(char *start, size_t size);
static size_t system_page(void);

#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>

static void *system_allocate(size_t size) { return _aligned_malloc(size, 64); }
static void system_free(void *pointer) { _aligned_free(pointer); }
static void system_release(char *start, size_t size) { VirtualAlloc(start, size, MEM_RESET, PAGE_READWRITE); }
static size_t system_page(void) { return 4096; }
#else
#include <sys/mman.h>
#include <unistd.h>

static void *system_allocate(size_t size)
{
    void *pointer = NULL;
    return posix_memalign(&pointer, 64, size) ? NULL : pointer;
}

static void system_free(void *pointer) { free(pointer); }

static void system_release(char *start, size_t size)
{
#if defined(__APPLE__)
    madvise(start, size, MADV_FREE);       /* there, MADV_DONTNEED keeps the memory */
#else
    madvise(start, size, MADV_DONTNEED);
#endif
}

static size_t system_page(void) { return (size_t)sysconf(_SC_PAGESIZE); }
#endif
#endif
