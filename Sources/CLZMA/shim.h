#pragma once
#include <lzma.h>

// `LZMA_STREAM_INIT` and `LZMA_CONCATENATED` are macros that Swift does not import.
static inline lzma_stream moecast_lzma_stream(void) {
  lzma_stream stream = LZMA_STREAM_INIT;
  return stream;
}

// A decoder of streams behind one another.
static inline lzma_ret moecast_lzma_decoder(lzma_stream *stream, uint64_t memory) {
  return lzma_stream_decoder(stream, memory, LZMA_CONCATENATED);
}
