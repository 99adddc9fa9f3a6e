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

long ceiling_json_log(
    const char *text, size_t length, size_t capacity, const char *ids, const char *gates) {
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
        if (key.unsafe_is_equal(ids)) {
          for (uint64_t id : field.value().get_array()) total += long(id);
        } else if (key.unsafe_is_equal(gates)) {
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

namespace {

/// The sum of all numbers in lists of lists.
long sumOf(ondemand::array list) {
  long total = 0;
  for (ondemand::value item : list) {
    if (item.type() == ondemand::json_type::array) {
      total += sumOf(item.get_array());
    } else {
      total += long(uint64_t(item.get_uint64()));
    }
  }
  return total;
}

/// Runs `body` with every line's object.
template <typename Body>
void eachLine(const char *text, size_t length, size_t capacity, Body body) {
  static ondemand::parser parser;
  for (size_t at = 0; at < length;) {
    const char *const end = static_cast<const char *>(memchr(text + at, '\n', length - at));
    const size_t count = end ? size_t(end - text) - at : length - at;
    ondemand::document record = parser.iterate(text + at, count, capacity - at);
    body(record.get_object());
    at += count + 1;
  }
}

/// The bytes that base64 stands for.
const std::vector<uint8_t> &decoded(std::string_view text) {
  static uint8_t values[256];
  static std::vector<uint8_t> bytes;
  const char *const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 64; i++) values[uint8_t(signs[i])] = uint8_t(i);
  bytes.resize(text.size() / 4 * 3);
  for (size_t group = 0; group < text.size() / 4; group++) {
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++) bits = bits << 6 | values[uint8_t(text[4 * group + i])];
    for (int i = 0; i < 3; i++) bytes[3 * group + i] = uint8_t(bits >> (16 - 8 * i));
  }
  return bytes;
}

}  // namespace

long ceiling_json_lists(
    const char *text, size_t length, size_t capacity, const char *outer, const char *key) {
  try {
    long total = 0;
    eachLine(text, length, capacity, [&](ondemand::object record) {
      for (auto field : record) {
        const ondemand::raw_json_string name = field.key();
        if (outer != nullptr && name.unsafe_is_equal(outer)) {
          for (auto layer : field.value().get_object()) {
            total += sumOf(layer.value().get_object()[key].get_array());
          }
        } else if (outer == nullptr && name.unsafe_is_equal(key)) {
          total += sumOf(field.value().get_array());
        }
      }
    });
    return total;
  } catch (const simdjson_error &) {
    return -1;
  }
}

long ceiling_json_atlas(const char *text, size_t length, size_t capacity) {
  try {
    long total = 0;
    double weights = 0;
    eachLine(text, length, capacity, [&](ondemand::object record) {
      for (ondemand::object choice : record["activations"].get_array()) {
        total += long(uint64_t(choice["expert_idx"].get_uint64()));
        weights += double(choice["gate_weight"].get_double());
      }
    });
    return weights > 0 ? total : -1;
  } catch (const simdjson_error &) {
    return -1;
  }
}

long ceiling_json_array(const char *text, size_t length, size_t capacity) {
  try {
    long total = 0;
    eachLine(text, length, capacity, [&](ondemand::object record) {
      for (ondemand::object choice : record["choices"].get_array()) {
        for (uint8_t byte : decoded(choice["routed_experts"]["data"].get_string())) total += byte;
      }
    });
    return total;
  } catch (const simdjson_error &) {
    return -1;
  }
}

long ceiling_json_answer(const char *text, size_t length, size_t capacity) {
  static ondemand::parser parser;
  try {
    ondemand::document document = parser.iterate(text, length, capacity);
    const auto &bytes = decoded(document["meta_info"]["routed_experts"].get_string());
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
