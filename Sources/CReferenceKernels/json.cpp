#include <simdjson.h>

#include <cstring>
#include <vector>

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

long ceiling_json_log(const char *text, size_t length, size_t capacity) {
  static ondemand::parser parser;
  try {
    long total = 0;
    double weights = 0;
    for (size_t at = 0; at < length;) {
      const char *const end = static_cast<const char *>(memchr(text + at, '\n', length - at));
      const size_t count = end ? size_t(end - text) - at : length - at;
      ondemand::document record = parser.iterate(text + at, count, capacity - at);
      for (auto field : record.get_object()) {
        const ondemand::raw_json_string key = field.key();
        if (key.unsafe_is_equal("topk_ids")) {
          for (uint64_t id : field.value().get_array()) total += long(id);
        } else if (key.unsafe_is_equal("topk_weights")) {
          for (double weight : field.value().get_array()) weights += weight;
        }
      }
      at += count + 1;
    }
    return weights > 0 ? total : -1;
  } catch (const simdjson_error &) {
    return -1;
  }
}

long ceiling_json_answer(const char *text, size_t length, size_t capacity) {
  static ondemand::parser parser;
  static uint8_t values[256];
  const char *const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 64; i++) values[uint8_t(signs[i])] = uint8_t(i);
  try {
    ondemand::document document = parser.iterate(text, length, capacity);
    std::string_view routed = document["meta_info"]["routed_experts"].get_string();
    static std::vector<uint8_t> bytes;
    bytes.resize(routed.size() / 4 * 3);
    for (size_t group = 0; group < routed.size() / 4; group++) {
      uint32_t bits = 0;
      for (int i = 0; i < 4; i++) bits = bits << 6 | values[uint8_t(routed[4 * group + i])];
      for (int i = 0; i < 3; i++) bytes[3 * group + i] = uint8_t(bits >> (16 - 8 * i));
    }
    long total = 0;
    for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      int32_t id;
      memcpy(&id, bytes.data() + at, sizeof id);
      total += id;
    }
    return total;
  } catch (const simdjson_error &) {
    return -1;
  }
}
