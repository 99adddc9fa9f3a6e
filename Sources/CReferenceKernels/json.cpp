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

long ceiling_json_fingerprint(const char *text, size_t length, size_t capacity) {
  static ondemand::parser parser;
  try {
    ondemand::document document = parser.iterate(text, length, capacity);
    long total = 0;
    double weights = 0;
    for (ondemand::object token : document["router_data"].get_array()) {
      for (auto entry : token) {
        for (auto layer : entry.value().get_object()) {
          ondemand::object choice = layer.value().get_object();
          for (uint64_t id : choice["selected_experts"].get_array()) total += long(id);
          for (double weight : choice["selected_probs"].get_array()) weights += weight;
        }
      }
    }
    return weights > 0 ? total : -1;
  } catch (const simdjson_error &) {
    return -1;
  }
}
