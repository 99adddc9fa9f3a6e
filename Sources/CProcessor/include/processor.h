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

#endif
