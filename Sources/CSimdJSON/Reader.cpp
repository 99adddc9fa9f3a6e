// Making and freeing a reader; single values of small files.

#include "Reader.hpp"

#include <string_view>

namespace {

class IntegerFinder : public FileParser {
 public:
  using FileParser::FileParser;

  bool find(std::string_view wanted, int64_t &result) {
    ondemand::object object;
    check(doc.get_object().get(object), "an object");
    bool found = false;
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key != wanted) continue;
      bool null = false;
      check(field.value().is_null().get(null), "a whole number");
      if (null) continue;
      check(field.value().get_int64().get(result), "a whole number");
      found = true;
    }
    requireEnd();
    return found;
  }
};

/// Whether `}{` or `][` stands in a text; looked for in stretches, so that many bytes are at a time.
bool holdsTwoValues(const uint8_t *json, size_t length) {
  for (size_t at = 0; at + 1 < length; at += 4096) {
    const size_t end = std::min(length - 1, at + 4096);
    uint8_t found = 0;
    for (size_t i = at; i < end; i++) {
      found |= uint8_t((json[i] == '}') & (json[i + 1] == '{'));
      found |= uint8_t((json[i] == ']') & (json[i + 1] == '['));
    }
    if (found) return true;
  }
  return false;
}

/// Bytes of the first line where it is one value by its ends, and what follows may be another's
/// beginning; 0 where it is not.
size_t lineOfOneValue(const uint8_t *json, size_t length) {
  const void *found = std::memchr(json, '\n', length);
  const size_t line =
      found == nullptr ? length : static_cast<size_t>(static_cast<const uint8_t *>(found) - json);
  size_t end = line;
  while (end > 1 && plain::isSpace(json[end - 1])) end--;
  if (end < 2) return 0;
  const bool isObject = json[0] == '{' && json[end - 1] == '}';
  if (!isObject && !(json[0] == '[' && json[end - 1] == ']')) return 0;
  size_t behind = line;
  while (behind < length && plain::isSpace(json[behind])) behind++;
  if (behind < length && json[behind] != '{' && (isObject || json[behind] != '[')) return 0;
  // Values behind one another on a line; within one, these stand in texts alone.
  return holdsTwoValues(json, line) ? 0 : line;
}

/// Bytes up to where the first value's brackets are closed.
size_t bracketedLength(const uint8_t *json, size_t length) {
  size_t depth = 0;
  bool isBegun = false;
  for (size_t at = 0; at < length; at++) {
    switch (json[at]) {
      case '"':
        isBegun = true;
        // A quote behind an odd number of backslashes is one of the text.
        while (true) {
          const void *quote = std::memchr(json + at + 1, '"', length - at - 1);
          if (quote == nullptr) return length;
          at = static_cast<size_t>(static_cast<const uint8_t *>(quote) - json);
          size_t backslashes = 0;
          while (json[at - 1 - backslashes] == '\\') backslashes++;
          if (backslashes % 2 == 0) break;
        }
        break;
      case '{':
      case '[':
        isBegun = true;
        depth++;
        break;
      case '}':
      case ']':
        if (depth > 0) depth--;
        break;
      case ' ':
      case '\t':
      case '\n':
      case '\r':
        // A number or a word outside of brackets ends here.
        if (!isBegun || depth > 0) continue;
        return at;
      default:
        isBegun = true;
        continue;
    }
    if (isBegun && depth == 0) return at + 1;
  }
  return length;
}

}  // namespace

extern "C" {

size_t csj_padding(void) { return padding; }

csj_reader *csj_reader_create(void) { return new (std::nothrow) csj_reader(); }

void csj_reader_destroy(csj_reader *reader) { delete reader; }

csj_remarks csj_last_remarks(const csj_reader *reader) {
  return csj_remarks{reader->unread.data(), reader->unread.size(), reader->unlabelled.data(),
                     reader->unlabelled.size()};
}

int csj_holds(const uint8_t *text, size_t length, const uint8_t *wanted, size_t wanted_length) {
  if (text == nullptr) return 0;
  return memmem(text, length, wanted, wanted_length) != nullptr;
}

size_t csj_value_length(const uint8_t *json, size_t length) {
  const size_t line = lineOfOneValue(json, length);
  return line > 0 ? line : bracketedLength(json, length);
}

int csj_find_integer(csj_reader *reader, const uint8_t *json, size_t length, size_t capacity,
                     const char *key, int64_t *value, int *found, csj_fault *fault) {
  *found = 0;
  return parseFile<IntegerFinder>(
      reader, json, length, capacity, csj_bounds{1, 0, 0}, fault,
      [=](IntegerFinder &parser) {
        parser.open(capacity);
        *found = parser.find(key, *value) ? 1 : 0;
      });
}

}  // extern "C"
