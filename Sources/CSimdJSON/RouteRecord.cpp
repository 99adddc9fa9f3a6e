// Lines of vLLM routing loggers: what is known of a log, and a token's choice in a layer.

#include <cmath>
#include <string_view>

#include "Reader.hpp"

namespace {

class RouteRecord : public FileParser {
 public:
  using FileParser::FileParser;

  void parse(csj_record &record) {
    record = csj_record{};
    record.token = record.layer = record.top_k = -1;
    ondemand::object object;
    check(doc.get_object().get(object), "an object");
    bool hasType = false;
    bool hasIDs = false;
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      ondemand::value value = field.value();
      if (key == "type") {
        std::string_view type;
        check(value.get_string().get(type), "a text");
        hasType = true;
        record.kind = type == "route" ? CSJ_ROUTE_RECORD
                      : type == "meta" ? CSJ_META_RECORD : CSJ_OTHER_RECORD;
        if (record.kind == CSJ_OTHER_RECORD) {
          if (type.find("rout") != type.npos) note("records of type " + std::string(type), r.unread);
          return;
        }
      } else if (key == "req_id") {
        r.name = label(key, value);
      } else if (key == "token_idx") {
        record.token = wholeNumber(value, INT32_MAX, "token_idx, a whole number from 0,");
      } else if (key == "layer") {
        record.layer = layer = wholeNumber(value, UINT16_MAX, "layer, a whole number from 0,");
      } else if (key == "topk_ids") {
        if (hasIDs) fail(CSJ_UNEXPECTED, location(), "topk_ids are there twice");
        hasIDs = true;
        readIDs(value);
      } else if (key == "topk_weights") {
        if (bounds.weights != 0) readWeights(value);
      } else if (key == "top_k") {
        if (!isNull(value)) record.top_k = wholeNumber(value, 64, "top_k, a number up to 64,");
      } else if (key == "layers_logged") {
        readLayers(value);
      } else if (key == "model_id") {
        r.task = label(key, value);
      } else {
        noteUnread(key, value);
      }
    }
    requireEnd();
    if (!hasType) fail(CSJ_UNEXPECTED, 0, "the record has no type");
    if (record.kind == CSJ_ROUTE_RECORD) {
      if (record.token < 0) fail(CSJ_UNEXPECTED, 0, "the record has no token_idx");
      if (record.layer < 0) fail(CSJ_UNEXPECTED, 0, "the record has no layer");
      if (!hasIDs) fail(CSJ_UNEXPECTED, 0, "the record has no topk_ids");
    }
    record.request = r.name.data();
    record.request_length = r.name.size();
    record.ids = r.ids.data();
    record.ids_count = r.ids.size();
    record.weights = r.recordWeights.data();
    record.weights_count = r.recordWeights.size();
    record.layers = r.layers.data();
    record.layers_count = r.layers.size();
    record.model = r.task.data();
    record.model_length = r.task.size();
  }

 private:
  int64_t wholeNumber(ondemand::value value, int64_t largest, const char *expected) {
    int64_t number = 0;
    check(value.get_int64().get(number), expected);
    if (number < 0 || number > largest) {
      fail(CSJ_UNEXPECTED, location(), "%s expected, not %lld", expected,
           static_cast<long long>(number));
    }
    return number;
  }

  void readIDs(ondemand::value value) {
    if (isNull(value)) return;
    ondemand::array array = arrayOf(value, "a list of expert ids");
    if (topK > 0) {
      std::string_view raw;
      check(array.raw_json().get(raw));
      r.ids.resize(topK);
      if (PlainText{raw.data()}.nextRow(topK, bounds.experts, r.ids.data())) return;
      r.ids.clear();
      check(array.reset().error());
    }
    for (auto element : array) r.ids.push_back(slot(take(element)));
  }

  void readWeights(ondemand::value value) {
    if (isNull(value)) return;
    for (auto element : arrayOf(value, "a list of gate weights")) {
      ondemand::value item = take(element);
      double weight = 0;
      // Python writes NaN and Infinity, which are not JSON; null is no number either.
      if (item.get_double().get(weight) != simdjson::SUCCESS) weight = NAN;
      r.recordWeights.push_back(weight);
    }
  }

  void readLayers(ondemand::value value) {
    if (isNull(value)) return;
    for (auto element : arrayOf(value, "a list of layers")) {
      r.layers.push_back(static_cast<uint16_t>(
          wholeNumber(take(element), UINT16_MAX, "a layer, a whole number from 0,")));
    }
  }
};

}  // namespace

extern "C" int csj_read_record(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_record *record, csj_fault *fault) {
  return parseFile<RouteRecord>(
      reader, json, length, capacity, bounds, fault,
      [=](RouteRecord &parser) {
        parser.open(capacity);
        parser.parse(*record);
      });
}
