#include <string.h>

#include "ceilings.h"

static inline int is_digit(char c) { return c >= '0' && c <= '9'; }

long ceiling_lists(const char *text, size_t length, size_t capacity) {
  (void)capacity;
  long total = 0;
  int in_list = 0;
  for (size_t at = 0; at < length;) {
    const char c = text[at];
    if (in_list && is_digit(c)) {
      long number = 0;
      for (; at < length && is_digit(text[at]); at++) number = number * 10 + (text[at] - '0');
      total += number;
      continue;
    }
    in_list = c == '[' || (in_list && c != ']');
    at++;
  }
  return total;
}

long ceiling_scores(const char *text, size_t length, size_t capacity) {
  (void)capacity;
  static const double unit[] = {1,    1e-1, 1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,
                                1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15};
  long total = 0;
  double weights = 0;
  for (size_t at = 0; at < length; at++) {
    for (; at < length && text[at] != '\t'; at++) {
      long number = 0;
      for (; at < length && is_digit(text[at]); at++) number = number * 10 + (text[at] - '0');
      total += number;
    }
    at++;
    for (; at < length && text[at] != '\n'; at++) {
      long digits = 0;
      int places = 0;
      for (; at < length && is_digit(text[at]); at++) digits = digits * 10 + (text[at] - '0');
      if (at < length && text[at] == '.')
        for (at++; at < length && is_digit(text[at]); at++, places++)
          digits = digits * 10 + (text[at] - '0');
      weights += (double)digits * unit[places & 15];
      if (at < length && text[at] == '\n') break;
    }
  }
  return weights > 0 ? total : -1;
}

long ceiling_fields(const char *text, size_t length, int header, int first) {
  long total = 0;
  size_t at = 0;
  if (header)
    while (at < length && text[at++] != '\n') continue;
  for (int column = 0; at < length; at++) {
    if (text[at] == '\n') {
      column = 0;
    } else if (text[at] == ',') {
      column++;
    } else if (column >= first) {
      long number = 0;
      for (; at < length && is_digit(text[at]); at++) number = number * 10 + (text[at] - '0');
      total += number;
      at--;
    }
  }
  return total;
}

long ceiling_gates(const char *text, size_t length) {
  static const double unit[] = {1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8};
  long total = 0;
  double weights = 0;
  size_t at = 0;
  while (at < length && text[at++] != '\n') continue;
  for (int column = 0; at < length; at++) {
    long digits = 0;
    int places = 0;
    for (; at < length && is_digit(text[at]); at++) digits = digits * 10 + (text[at] - '0');
    if (at < length && text[at] == '.')
      for (at++; at < length && is_digit(text[at]); at++, places++)
        digits = digits * 10 + (text[at] - '0');
    if (column >= 2 && digits != 0) {
      weights += (double)digits * unit[places & 7];
      total += column - 2;
    }
    column = at < length && text[at] == ',' ? column + 1 : 0;
  }
  return weights > 0 ? total : -1;
}

long ceiling_records(const char *text, size_t length) {
  long total = 0;
  for (size_t at = 0; at + 12 <= length;) {
    int32_t head[3];
    memcpy(head, text + at, sizeof head);
    at += sizeof head;
    for (long i = 0; i < (long)head[1] * head[2]; i++, at += 4) {
      int32_t id;
      memcpy(&id, text + at, sizeof id);
      total += id;
    }
  }
  return total;
}

void ceiling_columns(
    const uint8_t *restrict rows, size_t tokens, size_t skipped, size_t layers, size_t k,
    size_t chunk_tokens, uint8_t *restrict columns) {
  for (size_t layer = 0; layer < layers; layer++) {
    uint8_t *to = columns + layer * chunk_tokens * k;
    const uint8_t *from = rows + (skipped + layer) * k;
    for (size_t token = 0; token < tokens; token++, from += (skipped + layers) * k)
      for (size_t slot = 0; slot < k; slot++) *to++ = from[slot];
  }
}

void ceiling_batch(
    const int32_t *restrict ids, size_t rows, size_t skipped, size_t layers, size_t slots, size_t k,
    const uint32_t *restrict places, size_t chunk_tokens, uint8_t *restrict columns) {
  for (size_t layer = 0; layer < layers; layer++) {
    const int32_t *from = ids + (skipped + layer) * rows * slots;
    for (size_t row = 0; row < rows; row++, from += slots) {
      size_t chunk = places[row] / chunk_tokens, token = places[row] % chunk_tokens;
      uint8_t *to = columns + ((chunk * layers + layer) * chunk_tokens + token) * k;
      for (size_t slot = 0; slot < k; slot++) to[slot] = (uint8_t)from[slot];
    }
  }
}
