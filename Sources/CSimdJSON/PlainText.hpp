// Plain JSON of nothing but small whole numbers, read 64 bytes at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Bytes that are looked at from any place of a text; that many must be readable behind its end.
constexpr size_t plainWindow = 64;

/// The kinds of 64 bytes; byte 0 is bit 0.
struct PlainWindow {
  uint64_t digits = 0;
  uint64_t spaces = 0;
  uint64_t commas = 0;
  uint64_t closing = 0;

  explicit PlainWindow(const char *text) {
#if defined(__SSE2__)
    for (int part = 0; part < 4; part++) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(text + 16 * part));
      // '0' becomes the least signed byte, '9' the tenth.
      const __m128i shifted = _mm_add_epi8(bytes, _mm_set1_epi8(static_cast<char>(0x80 - '0')));
      add(digits, _mm_cmplt_epi8(shifted, _mm_set1_epi8(-128 + 10)), part);
      add(spaces, _mm_or_si128(is(bytes, ' '), is(bytes, '\n')), part);
      add(commas, is(bytes, ','), part);
      add(closing, is(bytes, ']'), part);
    }
  }

 private:
  static __m128i is(__m128i bytes, char byte) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)); }

  static void add(uint64_t &bits, __m128i mask, int part) {
    bits |= uint64_t(uint32_t(_mm_movemask_epi8(mask))) << (16 * part);
  }
#else
    for (size_t i = 0; i < plainWindow; i++) {
      digits |= uint64_t(text[i] >= '0' && text[i] <= '9') << i;
      spaces |= uint64_t(text[i] == ' ' || text[i] == '\n') << i;
      commas |= uint64_t(text[i] == ',') << i;
      closing |= uint64_t(text[i] == ']') << i;
    }
  }
#endif
};

/// A place in a text whose spaces are blanks and line feeds and whose numbers are whole, short and
/// unsigned. Where the text is anything else, its functions return false and somebody else must read it.
/// Zeros stand behind the text, so that no function passes its end.
struct PlainText {
  const char *at;

  /// Whether `sign` is next, which is passed then.
  bool next(char sign) {
    skipSpaces();
    if (*at != sign) return false;
    at++;
    return true;
  }

  /// Whether `null` is next, which is passed then.
  bool nextNull() {
    skipSpaces();
    if (std::memcmp(at, "null", 4) != 0) return false;
    at += 4;
    return true;
  }

  /// A key `"12":`.
  bool nextKey(uint16_t &number) { return next('"') && restOfKey(number) && next(':'); }

  /// The rest `12"` of a key.
  bool restOfKey(uint16_t &number) {
    const char *const digits = at;
    uint32_t value = 0;
    while (*at >= '0' && *at <= '9' && at - digits < 6) value = value * 10 + (*at++ - '0');
    number = static_cast<uint16_t>(value);
    return at > digits && value <= UINT16_MAX && *at++ == '"';
  }

  /// The row `[8, 10, 114]` of `count` ids below `experts`.
  bool nextRow(size_t count, uint32_t experts, uint16_t *ids) {
    if (!next('[')) return false;
    size_t found = 0;
    bool numberIsNext = true;
    while (true) {
      const PlainWindow window(at);
      // A number that the window cuts is left to the next one.
      const size_t limit = window.closing ? __builtin_ctzll(window.closing)
                           : ~window.digits ? 64 - __builtin_clzll(~window.digits) : 0;
      const uint64_t inside = limit == 64 ? ~uint64_t(0) : (uint64_t(1) << limit) - 1;
      if (limit == 0 || (inside & ~(window.digits | window.spaces | window.commas))) return false;
      const uint64_t starts = window.digits & ~(window.digits << 1);
      for (uint64_t rest = (starts | window.commas) & inside; rest; rest &= rest - 1) {
        const int place = __builtin_ctzll(rest);
        if ((starts >> place & 1) != numberIsNext) return false;
        numberIsNext = !numberIsNext;
        if (numberIsNext) continue;
        uint32_t id = 0;
        if (found == count || !number(at + place, window.digits >> place, id) || id >= experts)
          return false;
        ids[found++] = static_cast<uint16_t>(id);
      }
      at += limit;
      if (window.closing) break;
    }
    at++;
    return found == count && !numberIsNext;
  }

 private:
  void skipSpaces() {
    // One space is what stands on one line.
    if (*at == ' ' && at[1] != ' ') at++;
    while (*at == ' ' || *at == '\n') {
      const uint64_t spaces = PlainWindow(at).spaces;
      at += ~spaces ? __builtin_ctzll(~spaces) : 64;
    }
  }

  /// Up to four digits at `text`; there is no branch on their number, which nobody can guess.
  static bool number(const char *text, uint64_t digits, uint32_t &value) {
    const int length = ~digits ? __builtin_ctzll(~digits) : 64;
    if (length > 4 || (*text == '0' && length > 1)) return false;
    uint32_t word;
    std::memcpy(&word, text, sizeof word);
    // Zeros in front; on a little-endian machine the last digit is in the highest byte.
    word = (word << (8 * (4 - length))) & 0x0F0F0F0F;
    word = (word * (1 | 10 << 8)) >> 8 & 0x00FF00FF;
    value = (word * (1 | 100 << 16)) >> 16;
    return true;
  }
};
