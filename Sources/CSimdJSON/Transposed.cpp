// OLMoE's routing script: ids of a token as [top-k][layers].

#include <string_view>

#include "Reader.hpp"

namespace {

class Transposed : public FileParser {
 public:
  using FileParser::FileParser;

  void parse(csj_request &request) {
    ondemand::object object;
    check(doc.get_object().get(object), "an object");
    bool found = false;
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "exp_ids") {
        if (found) fail(CSJ_UNEXPECTED, location(), "exp_ids are there twice");
        found = true;
        readTokens(field.value());
      } else {
        noteUnread(key, field.value());
      }
    }
    requireEnd();
    if (!found) fail(CSJ_UNEXPECTED, 0, "the record has no exp_ids");
    for (size_t i = 0; i < layers; i++) r.layers.push_back(static_cast<uint16_t>(i));
    describe(request, tokens, tokens);
  }

 private:
  size_t layers = 0;
  size_t tokens = 0;

  void readTokens(ondemand::value value) {
    for (auto element : arrayOf(value, "a list of tokens")) {
      token = static_cast<int64_t>(tokens);
      ondemand::value item = take(element);
      r.prompt.clear();
      size_t rows = 0;
      for (auto row : arrayOf(item, "a list of top-k lists, an id a layer")) {
        readRow(take(row));
        rows++;
      }
      if (topK == 0) topK = rows;
      if (rows != topK || rows == 0) {
        fail(CSJ_OTHER_MODEL, location(), "%zu lists of ids in a token of top-%zu", rows, topK);
      }
      const size_t first = r.ids.size();
      r.ids.resize(first + layers * topK);
      for (size_t slot = 0; slot < topK; slot++) {
        for (size_t i = 0; i < layers; i++) {
          r.ids[first + i * topK + slot] = r.prompt[slot * layers + i];
        }
      }
      tokens++;
    }
    token = -1;
  }

  /// An id a layer.
  void readRow(ondemand::value value) {
    ondemand::array array = arrayOf(value, "a list of an id a layer");
    const size_t first = r.prompt.size();
    if (simdjson_likely(layers != 0)) {
      std::string_view raw;
      check(array.raw_json().get(raw));
      r.prompt.resize(first + layers);
      if (PlainText{raw.data()}.nextRow(layers, bounds.experts, r.prompt.data() + first)) return;
      r.prompt.resize(first);
      check(array.reset().error());
    }
    for (auto element : array) {
      ondemand::value item = take(element);
      r.prompt.push_back(slot(item));
    }
    const size_t count = r.prompt.size() - first;
    if (layers == 0) layers = count;
    if (count != layers || count == 0 || count > UINT16_MAX) {
      fail(CSJ_CONTRADICTION, location(), "%zu ids in a list of %zu layers", count, layers);
    }
  }
};

}  // namespace

extern "C" int csj_read_transposed(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault) {
  return parseFile<Transposed>(
      reader, json, length, capacity, bounds, fault,
      [=](Transposed &parser) {
        parser.open(capacity);
        parser.parse(*request);
      });
}
