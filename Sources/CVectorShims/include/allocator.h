#ifndef MOECAST_ALLOCATOR_H
#define MOECAST_ALLOCATOR_H

#include <malloc.h>

// Lets glibc's allocator keep up to `bytes` of what is freed, and take blocks of up to half of that
// from what it keeps; Swift's view of the C library leaves mallopt out.
static inline void allocator_keep(int bytes) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, bytes / 2);
  mallopt(M_TRIM_THRESHOLD, bytes);
#endif
}

#endif
