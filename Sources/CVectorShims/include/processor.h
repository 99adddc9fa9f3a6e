#ifndef MOECAST_PROCESSOR_H
#define MOECAST_PROCESSOR_H

#include <stdint.h>

// Whether this processor has what the program was built for. Inline, so that it is compiled with the
// flags of the Swift code that calls it.
static inline int processor_suffices(void) {
#if defined(__x86_64__) && defined(__AVX2__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}

// a * b + c, in one instruction where the build's processor has it. The last bit differs from machine
// to machine: only for sums whose rounding decides nothing.
static inline float processor_multiply_add(float a, float b, float c) {
#pragma STDC FP_CONTRACT ON
  return a * b + c;
}

// Has the processor bring memory nearer that is read soon; nobody waits for it.
static inline void processor_fetch(const void *address) { __builtin_prefetch(address); }

// Which of 32 values reach a threshold: bit i stands for values[i]. A comparison of vectors and one
// instruction that gathers its signs, which Swift has no words for.
static inline uint32_t processor_reaching(const int32_t *values, int32_t threshold) {
  typedef int32_t vector __attribute__((vector_size(32), aligned(4)));
  typedef _Bool signs __attribute__((ext_vector_type(8)));
  uint32_t bits = 0;
  for (int i = 0; i < 4; i++) {
    const vector own = *(const vector *)(values + 8 * i);
    const signs reach = __builtin_convertvector(own >= threshold, signs);
    uint8_t eight;
    __builtin_memcpy(&eight, &reach, 1);
    bits |= (uint32_t)eight << (8 * i);
  }
  return bits;
}

// Keys of 16 bits come in blocks of 32 that begin at a multiple of 64 bytes.
typedef int16_t processor_keys __attribute__((vector_size(32)));

// `(value - top) >> shift` kept within 16 bits, of every value of `blocks` blocks.
static inline void processor_shorten(
    const int32_t *values, int16_t *keys, int32_t blocks, int32_t top, int32_t shift) {
  typedef int32_t wide __attribute__((vector_size(64)));
  for (int32_t i = 0; i < 2 * blocks; i++) {
    wide own = (((const wide *)values)[i] - top) >> shift;
    own = __builtin_elementwise_max(own, (wide){0} + INT16_MIN);
    own = __builtin_elementwise_min(own, (wide){0} + INT16_MAX);
    ((processor_keys *)keys)[i] = __builtin_convertvector(own, processor_keys);
  }
}

// How many keys of `blocks` blocks lie above and below a range.
typedef struct {
  int32_t above, below;
} processor_outside;

static inline processor_outside processor_count_outside(
    const int16_t *keys, int32_t blocks, int16_t lowest, int16_t highest) {
  processor_keys above = {0}, below = {0};
  for (int32_t i = 0; i < 2 * blocks; i++) {
    const processor_keys own = ((const processor_keys *)keys)[i];
    above -= own > highest;
    below -= own < lowest;
  }
  return (processor_outside){__builtin_reduce_add(above), __builtin_reduce_add(below)};
}

// Writes the sums of neighbours over a: those of a to the lower half of each 16 bytes, those of b to the
// upper. By address, because how vectors are handed over differs from processor to processor.
static inline void processor_add_neighbours(processor_keys *a, const processor_keys *b) {
  *a = __builtin_shufflevector(
           *a, *b, 0, 2, 4, 6, 16, 18, 20, 22, 8, 10, 12, 14, 24, 26, 28, 30) +
       __builtin_shufflevector(
           *a, *b, 1, 3, 5, 7, 17, 19, 21, 23, 9, 11, 13, 15, 25, 27, 29, 31);
}

// The same of four ranges at once, which share loads and the adding up.
static inline void processor_count_outside_four(
    const int16_t *keys, int32_t blocks, const int16_t *lowest, const int16_t *highest,
    int32_t *above, int32_t *below) {
  processor_keys up[4] = {{0}}, down[4] = {{0}};
  for (int32_t i = 0; i < 2 * blocks; i++) {
    const processor_keys own = ((const processor_keys *)keys)[i];
    for (int s = 0; s < 4; s++) {
      up[s] -= own > highest[s];
      down[s] -= own < lowest[s];
    }
  }
  for (int s = 0; s < 4; s += 2) {
    processor_add_neighbours(&up[s], &up[s + 1]);
    processor_add_neighbours(&down[s], &down[s + 1]);
  }
  processor_add_neighbours(&up[0], &up[2]);
  processor_add_neighbours(&down[0], &down[2]);
  processor_add_neighbours(&up[0], &down[0]);
  const processor_keys sums = up[0];
  typedef int32_t four __attribute__((vector_size(16), aligned(4)));
  *(four *)above = __builtin_convertvector(
      __builtin_shufflevector(sums, sums, 0, 1, 2, 3) +
          __builtin_shufflevector(sums, sums, 8, 9, 10, 11), four);
  *(four *)below = __builtin_convertvector(
      __builtin_shufflevector(sums, sums, 4, 5, 6, 7) +
          __builtin_shufflevector(sums, sums, 12, 13, 14, 15), four);
}

#endif
