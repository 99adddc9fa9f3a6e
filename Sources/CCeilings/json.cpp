#include <simdjson.h>

#include "ceilings.h"

using namespace simdjson;

long ceiling_json(const char *text, size_t length, size_t capacity) {
  static ondemand::parser parser;
  try {
    ondemand::document document = parser.iterate(text, length, capacity);
    long total = 0;
    for (ondemand::object entry : document.get_array()) {
      for (auto field : entry) {
        ondemand::value layer = field.value();
        if (layer.is_null()) continue;
        for (ondemand::array row : layer.get_array()) {
          for (uint64_t id : row) total += long(id);
        }
      }
    }
    return total;
  } catch (const simdjson_error &) {
    return -1;
  }
}
