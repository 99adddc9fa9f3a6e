#include <lz4.h>

#include "ceilings.h"

size_t ceiling_block_room(size_t length) { return (size_t)LZ4_compressBound((int)length); }

size_t ceiling_compress(const void *plain, size_t length, void *packed, size_t room) {
  return (size_t)LZ4_compress_default(plain, packed, (int)length, (int)room);
}

size_t ceiling_decompress(const void *packed, size_t length, void *plain, size_t room) {
  const int count = LZ4_decompress_safe(packed, plain, (int)length, (int)room);
  return count < 0 ? 0 : (size_t)count;
}
