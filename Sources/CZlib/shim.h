#pragma once
#include <zlib.h>

// `inflateInit2` is a macro, which Swift does not import. Raw deflate, as in zip members.
static inline int moecast_inflate_init_raw(z_stream *stream) {
  return inflateInit2(stream, -MAX_WBITS);
}

// The same for gzip members alone: 16 more says so, and that their sums are checked.
static inline int moecast_inflate_init_gzip(z_stream *stream) {
  return inflateInit2(stream, MAX_WBITS + 16);
}
