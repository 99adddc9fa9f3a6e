#ifndef MOECAST_TEXT_H
#define MOECAST_TEXT_H

#include <stdint.h>

// Where something stands in 64 bytes of a text: bit i stands for byte i. Comparisons of vectors and the
// gathering of their signs, which Swift has no words for. Inline, so that they are compiled with the flags
// of the Swift code that calls them.

#define TEXT_INLINE static inline __attribute__((always_inline))

typedef uint8_t text_bytes __attribute__((vector_size(32), aligned(1), may_alias));

// A bit for every byte that is not 0. By address, because how vectors are handed over differs from
// processor to processor.
TEXT_INLINE uint32_t text_bits(const text_bytes *bytes) {
  typedef _Bool signs __attribute__((ext_vector_type(32)));
  const signs gathered = __builtin_convertvector(*bytes, signs);
  uint32_t bits;
  __builtin_memcpy(&bits, &gathered, 4);
  // From here on it is a number: else what is done with it is done to every sign on its own.
  __asm__("" : "+r"(bits));
  return bits;
}

// Decimal digits.
TEXT_INLINE uint64_t text_digits(const void *text) {
  const text_bytes *const halves = text;
  const text_bytes low = (text_bytes)(halves[0] - '0' < 10), high = (text_bytes)(halves[1] - '0' < 10);
  return text_bits(&low) | (uint64_t)text_bits(&high) << 32;
}

// Bytes of one value.
TEXT_INLINE uint64_t text_places(const void *text, uint8_t byte) {
  const text_bytes *const halves = text;
  const text_bytes low = (text_bytes)(halves[0] == byte), high = (text_bytes)(halves[1] == byte);
  return text_bits(&low) | (uint64_t)text_bits(&high) << 32;
}

#endif
