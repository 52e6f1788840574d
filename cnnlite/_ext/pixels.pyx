"""The planes of a decoded picture, twin of cnnlite/reference/pixels.py."""

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    BLOCK = 2048  # pixels: they stay in the first cache, and their squares' sum fits 32 bits


def split_planes(
    const unsigned char[:, ::1] pixels, unsigned char[:, ::1] planes, uint64_t[:, ::1] sums
):
    """See cnnlite.reference.split_planes."""
    cdef Py_ssize_t count = pixels.shape[0], stride = pixels.shape[1], channels = planes.shape[0]
    if planes.shape[1] != count or channels > stride:
        raise ValueError(f"split_planes: planes is ({channels}, {planes.shape[1]}), pixels "
                         f"({count}, {stride})")
    if sums.shape[0] != 2 or sums.shape[1] != channels:
        raise ValueError(f"split_planes: sums is ({sums.shape[0]}, {sums.shape[1]}), expected "
                         f"(2, {channels})")
    cdef Py_ssize_t start = 0, length, c
    cdef const unsigned char* source
    cdef unsigned char* plane
    sums[...] = 0
    with nogil:
        while start < count:
            length = min(count - start, <Py_ssize_t> BLOCK)
            for c in range(channels):
                source, plane = &pixels[start, c], &planes[c, start]
                if stride == 4:
                    _take(source, plane, length, 4)
                else:
                    _take(source, plane, length, stride)
                _add(plane, length, &sums[0, c], &sums[1, c])
            start += length


cdef inline void _take(
    const unsigned char* source, unsigned char* plane, Py_ssize_t length, Py_ssize_t stride
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(length):
        plane[i] = source[i * stride]


cdef inline void _add(
    const unsigned char* plane, Py_ssize_t length, uint64_t* total, uint64_t* squares
) noexcept nogil:
    cdef uint32_t pixel, total_here = 0, squares_here = 0
    cdef Py_ssize_t i
    for i in range(length):
        pixel = plane[i]
        total_here += pixel
        squares_here += pixel * pixel
    total[0] += total_here
    squares[0] += squares_here
