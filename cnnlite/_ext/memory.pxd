# What kernels use of the pool: a Block, where its memory begins, and whether memory is kept at all.

cdef struct Chunk


cdef class Block:
    cdef void* memory
    cdef Py_ssize_t length
    cdef Py_ssize_t size
    cdef Chunk* chunk  # NULL where the pool is off


cdef bint pool_is_on() noexcept
