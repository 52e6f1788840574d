"""Random crops and flips on bytes, and the pass that turns pixels into a batch of numbers."""

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from cnnlite._ext.runtime cimport answer_signals, threads_for, turns_for


def crop_flip(
    const unsigned char[:, :, :, ::1] images,
    unsigned char[:, :, :, ::1] out,
    const int32_t[::1] top,
    const int32_t[::1] left,
    const unsigned char[::1] flip,
    Py_ssize_t padding,
):
    """See cnnlite.reference.crop_flip."""
    cdef Py_ssize_t count = images.shape[0], channels = images.shape[1]
    cdef Py_ssize_t height = images.shape[2], width = images.shape[3]
    cdef Py_ssize_t c, n, size = channels * height * width
    for c in range(4):
        if out.shape[c] != images.shape[c]:
            raise ValueError("crop_flip: out and images have different shapes")
    _check_offsets("crop_flip", count, top, left, flip, padding)
    if count * size == 0:
        return
    cdef Py_ssize_t turn, turns = turns_for(count * size)
    cdef int threads = threads_for(count * size)
    for turn in range(turns):
        if turn > 0:
            answer_signals()
        for n in prange(
            count * turn // turns, count * (turn + 1) // turns,
            nogil=True, schedule="static", num_threads=threads,
        ):
            _crop_image(&images[0, 0, 0, 0] + n * size, &out[0, 0, 0, 0] + n * size,
                        top[n] - padding, left[n] - padding, flip[n], channels, height, width)


def crop_flip_normalize(
    const unsigned char[:, :, :, ::1] images,
    const int64_t[::1] index,
    const int32_t[::1] top,
    const int32_t[::1] left,
    const unsigned char[::1] flip,
    Py_ssize_t padding,
    const float[:, :, ::1] scale,
    const float[:, :, ::1] shift,
    floating[:, :, :, ::1] out,
):
    """See cnnlite.reference.crop_flip_normalize."""
    cdef Py_ssize_t count = index.shape[0], channels = images.shape[1]
    cdef Py_ssize_t height = images.shape[2], width = images.shape[3]
    cdef Py_ssize_t axis, n, size = channels * height * width
    if out.shape[0] != count:
        raise ValueError("crop_flip_normalize: out and index have different lengths")
    for axis in range(3):
        if not (out.shape[axis + 1] == images.shape[axis + 1]
                == scale.shape[axis] == shift.shape[axis]):
            raise ValueError(
                "crop_flip_normalize: images, scale, shift and out have different image shapes")
    for n in range(count):
        if index[n] < 0 or index[n] >= images.shape[0]:
            raise ValueError(f"crop_flip_normalize: index {index[n]} is out of range, "
                             f"there are {images.shape[0]} images")
    _check_offsets("crop_flip_normalize", count, top, left, flip, padding)
    if count * size == 0:
        return
    cdef Py_ssize_t turn, turns = turns_for(count * size)
    cdef int threads = threads_for(count * size)
    for turn in range(turns):
        if turn > 0:
            answer_signals()
        for n in prange(
            count * turn // turns, count * (turn + 1) // turns,
            nogil=True, schedule="static", num_threads=threads,
        ):
            _normalize_image(&images[0, 0, 0, 0] + index[n] * size, &out[0, 0, 0, 0] + n * size,
                             &scale[0, 0, 0], &shift[0, 0, 0], top[n] - padding, left[n] - padding,
                             flip[n], channels, height, width)


cdef int _check_offsets(
    str name,
    Py_ssize_t count,
    const int32_t[::1] top,
    const int32_t[::1] left,
    const unsigned char[::1] flip,
    Py_ssize_t padding,
) except -1:
    cdef Py_ssize_t n
    if top.shape[0] != count or left.shape[0] != count or flip.shape[0] != count:
        raise ValueError(f"{name}: top, left and flip must have one entry for each of the "
                         f"{count} images")
    # An offset is an int32, so a larger border could not be reached; the sums below stay small.
    if padding < 0 or padding > 2**30:
        raise ValueError(f"{name}: padding is {padding}, expected 0 to 2^30")
    for n in range(count):
        if not (0 <= top[n] <= 2 * padding and 0 <= left[n] <= 2 * padding):
            raise ValueError(f"{name}: offset ({top[n]}, {left[n]}) of image {n} is not in "
                             f"0 to {2 * padding}")
    return 0


cdef void _crop_image(
    const unsigned char* image,  # in, (C, H, W)
    unsigned char* out,          # out, (C, H, W)
    Py_ssize_t row,              # the crop's first row and column in the image: may be outside
    Py_ssize_t column,
    bint flip,
    Py_ssize_t channels,
    Py_ssize_t height,
    Py_ssize_t width,
) noexcept nogil:
    cdef Py_ssize_t first = min(max(-column, 0), width)
    cdef Py_ssize_t last = max(min(width - column, width), first)
    cdef Py_ssize_t c, y, x
    cdef const unsigned char* source
    memset(out, 0, channels * height * width)
    for c in range(channels):
        for y in range(max(-row, 0), min(height - row, height)):
            source = image + (c * height + y + row) * width
            if flip:
                for x in range(first, last):
                    out[(c * height + y) * width + width - 1 - x] = source[column + x]
            elif first < last:
                memcpy(
                    out + (c * height + y) * width + first, source + column + first, last - first)


cdef void _normalize_image(
    const unsigned char* image,  # in, (C, H, W)
    floating* out,               # out, (C, H, W)
    const float* scale,          # in, (C, H, W)
    const float* shift,          # in, (C, H, W)
    Py_ssize_t row,
    Py_ssize_t column,
    bint flip,
    Py_ssize_t channels,
    Py_ssize_t height,
    Py_ssize_t width,
) noexcept nogil:
    # first to last are the crop's columns that lie in the image, counted before the flip.
    cdef Py_ssize_t first = min(max(-column, 0), width)
    cdef Py_ssize_t last = max(min(width - column, width), first)
    cdef Py_ssize_t c, y, x, start, end
    cdef const unsigned char* source
    cdef const float* a
    cdef const float* b
    cdef floating* target
    start, end = (width - last, width - first) if flip else (first, last)
    for c in range(channels):
        for y in range(height):
            a = scale + (c * height + y) * width
            b = shift + (c * height + y) * width
            target = out + (c * height + y) * width
            if y + row < 0 or y + row >= height:
                for x in range(width):
                    target[x] = b[x]
                continue
            source = image + (c * height + y + row) * width
            for x in range(start):
                target[x] = b[x]
            for x in range(end, width):
                target[x] = b[x]
            if flip:
                for x in range(start, end):
                    target[x] = source[column + width - 1 - x] * <floating> a[x] + b[x]
            else:
                for x in range(start, end):
                    target[x] = source[column + x] * <floating> a[x] + b[x]
