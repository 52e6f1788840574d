"""Random crops and flips on bytes, and the pass that turns pixels into a batch of numbers."""

from cython cimport floating
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from cnnlite._ext.runtime cimport run_items

cdef struct Batch:                 # what a call is given; images are (C, H, W) everywhere
    const unsigned char* images
    const int64_t* index           # which image comes where in out
    const int32_t* top
    const int32_t* left
    const unsigned char* flip
    const float* scale
    const float* shift
    void* out
    bint out_is_double
    Py_ssize_t padding
    Py_ssize_t channels
    Py_ssize_t height
    Py_ssize_t width


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
    cdef Py_ssize_t c, size = channels * height * width
    for c in range(4):
        if out.shape[c] != images.shape[c]:
            raise ValueError("crop_flip: out and images have different shapes")
    _check_offsets("crop_flip", count, top, left, flip, padding)
    if count * size == 0:
        return
    cdef Batch batch
    batch.images = &images[0, 0, 0, 0]
    batch.top, batch.left, batch.flip = &top[0], &left[0], &flip[0]
    batch.out = &out[0, 0, 0, 0]
    batch.padding = padding
    batch.channels, batch.height, batch.width = channels, height, width
    with nogil:
        run_items(count, count * size, _crop_image, &batch)


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
    cdef Batch batch
    batch.images, batch.index = &images[0, 0, 0, 0], &index[0]
    batch.top, batch.left, batch.flip = &top[0], &left[0], &flip[0]
    batch.scale, batch.shift = &scale[0, 0, 0], &shift[0, 0, 0]
    batch.out, batch.out_is_double = &out[0, 0, 0, 0], floating is double
    batch.padding = padding
    batch.channels, batch.height, batch.width = channels, height, width
    with nogil:
        run_items(count, count * size, _normalize_image, &batch)


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


cdef void _crop_image(void* context, Py_ssize_t n) noexcept nogil:
    cdef const Batch* batch = <const Batch*> context
    cdef Py_ssize_t height = batch.height, width = batch.width
    cdef Py_ssize_t size = batch.channels * height * width
    cdef const unsigned char* image = batch.images + n * size
    cdef unsigned char* out = <unsigned char*> batch.out + n * size
    # The crop's first row and column in the image; they may be outside.
    cdef Py_ssize_t row = batch.top[n] - batch.padding, column = batch.left[n] - batch.padding
    # first to last are the crop's columns that lie in the image, counted before the flip.
    cdef Py_ssize_t first = min(max(-column, 0), width)
    cdef Py_ssize_t last = max(min(width - column, width), first)
    cdef Py_ssize_t c, y, x
    cdef const unsigned char* source
    memset(out, 0, size)
    for c in range(batch.channels):
        for y in range(max(-row, 0), min(height - row, height)):
            source = image + (c * height + y + row) * width
            if batch.flip[n]:
                for x in range(first, last):
                    out[(c * height + y) * width + width - 1 - x] = source[column + x]
            elif first < last:
                memcpy(
                    out + (c * height + y) * width + first, source + column + first, last - first)


cdef void _normalize_image(void* context, Py_ssize_t n) noexcept nogil:
    cdef const Batch* batch = <const Batch*> context
    cdef Py_ssize_t start = n * batch.channels * batch.height * batch.width
    if batch.out_is_double:
        _normalize(batch, n, <double*> batch.out + start)
    else:
        _normalize(batch, n, <float*> batch.out + start)


cdef void _normalize(const Batch* batch, Py_ssize_t n, floating* out) noexcept nogil:
    cdef Py_ssize_t height = batch.height, width = batch.width
    cdef const unsigned char* image
    cdef Py_ssize_t row = batch.top[n] - batch.padding, column = batch.left[n] - batch.padding
    cdef Py_ssize_t first = min(max(-column, 0), width)
    cdef Py_ssize_t last = max(min(width - column, width), first)
    cdef Py_ssize_t c, y, x, start, end
    cdef const unsigned char* source
    cdef const float* a
    cdef const float* b
    cdef floating* target
    image = batch.images + batch.index[n] * batch.channels * height * width
    start, end = (width - last, width - first) if batch.flip[n] else (first, last)
    for c in range(batch.channels):
        for y in range(height):
            a = batch.scale + (c * height + y) * width
            b = batch.shift + (c * height + y) * width
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
            if batch.flip[n]:
                for x in range(start, end):
                    target[x] = source[column + width - 1 - x] * <floating> a[x] + b[x]
            else:
                for x in range(start, end):
                    target[x] = source[column + x] * <floating> a[x] + b[x]
