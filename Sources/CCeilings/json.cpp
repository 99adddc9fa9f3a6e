#include <simdjson.h>

#include "ceilings.h"

using namespace simdjson;

static long sum(ondemand::value value) {
  long total = 0;
  switch (ondemand::json_type(value.type())) {
    case ondemand::json_type::object:
      for (auto field : value.get_object()) total += sum(field.value());
      return total;
    case ondemand::json_type::array:
      for (auto element : value.get_array()) total += sum(element.value());
      return total;
    case ondemand::json_type::number:
      return long(uint64_t(value.get_uint64()));
    default:
      return 0;
  }
}

long ceiling_json(const char *text, size_t length, size_t capacity) {
  static ondemand::parser parser;
  try {
    ondemand::document document = parser.iterate(text, length, capacity);
    long total = 0;
    for (auto entry : document.get_array()) total += sum(entry.value());
    return total;
  } catch (const simdjson_error &) {
    return -1;
  }
}
