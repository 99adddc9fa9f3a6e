// Walks over plain JSON without the parser, for files that programs write all alike.
#pragma once

#include <simdjson.h>

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "ObjectPattern.hpp"
#include "PlainScalars.hpp"

/// A place in a text of plain JSON: keys of ASCII without escapes, values as far as the functions here
/// know them. Where one returns false, the parser must read the whole text. Zeros stand behind the text,
/// or another text that ends so.
class PlainReader {
 protected:
  PlainReader(const char *text, size_t length) : at(text), end(text + length) {}

  const char *at;
  const char *const end;

  /// An object of at least one field; `field` is called with each key and must pass the value.
  template <typename Field>
  bool readObject(Field field) {
    if (*at++ != '{') return false;
    do {
      plain::skipSpaces(at);
      const char *const start = at + 1;
      if (!plain::passText(at)) return false;
      const std::string_view key(start, static_cast<size_t>(at - start) - 1);
      plain::skipSpaces(at);
      if (*at++ != ':') return false;
      plain::skipSpaces(at);
      if (!field(key)) return false;
      plain::skipSpaces(at);
    } while (*at++ == ',');
    return at[-1] == '}';
  }

  /// A list of at least one; `item` must pass each.
  template <typename Item>
  bool readList(Item item) {
    if (*at++ != '[') return false;
    do {
      plain::skipSpaces(at);
      if (!item()) return false;
      plain::skipSpaces(at);
    } while (*at++ == ',');
    return at[-1] == ']';
  }

  /// Whether nothing but spaces is left; they may go on behind the text, up to another.
  bool isAtEnd() {
    if (at > end) return false;
    plain::skipSpaces(at);
    return at >= end;
  }

  /// A text, a number, true, false, null, or a list of texts or of numbers.
  bool passValue() {
    if (passAnyText(at) || plain::passNumber(at) || plain::passWord(at)) return true;
    if (plain::passNumbers(at)) return true;
    return readList([&] { return passAnyText(at); });
  }

 private:
  /// A text of any alphabet, with escapes.
  static bool passAnyText(const char *&at) {
    const char *now = at;
    if (*now++ != '"') return false;
    while (*now != '"') {
      if (*now == '\\') {
        now++;
        if (*now == 'u') {
          for (int i = 0; i < 4; i++) {
            if (!std::isxdigit(static_cast<unsigned char>(*++now))) return false;
          }
        } else if (*now == 0 || std::strchr("\"\\/bfnrt", *now) == nullptr) {
          return false;
        }
      } else if (static_cast<uint8_t>(*now) < ' ') {
        return false;
      }
      now++;
    }
    if (!simdjson::validate_utf8(at, static_cast<size_t>(now - at))) return false;
    at = now + 1;
    return true;
  }
};
