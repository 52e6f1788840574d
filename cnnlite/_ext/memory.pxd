# What kernels use of the pool: a Block, and where its memory begins.

cdef struct Piece


cdef class Block:
    cdef void* memory
    cdef Py_ssize_t length
    cdef Py_ssize_t size
    cdef Piece* piece  # NULL where the pool is off
