// glm52-routing-trace-export: every layer's rows, and which of them are whose.

#include <string_view>

#include "Reader.hpp"

namespace {

class Layered : public FileParser {
 public:
  using FileParser::FileParser;

  void parse(csj_layered &layered) {
    ondemand::object object;
    check(doc.get_object().get(object), "an object");
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      ondemand::value value = field.value();
      if (key == "layers") {
        readLayers(value);
      } else if (key == "routing") {
        readRouting(value);
      } else if (key == "conditional") {
        readConditional(value);
      }
    }
    requireEnd();
    if (r.keys.empty()) fail(CSJ_UNEXPECTED, 0, "the export has no layers with executed_topk");
    layered = csj_layered{};
    layered.layers = r.keys.data();
    layered.layers_count = r.keys.size();
    layered.ids = r.ids.data();
    layered.rows = rows;
    layered.top_k = topK;
    layered.experts = experts;
    layered.prompts = r.prompts.data();
    layered.prompts_count = r.prompts.size();
  }

 private:
  size_t rows = 0;
  int64_t experts = -1;

  void readRouting(ondemand::value value) {
    for (auto element : objectOf(value, "routing, an object,")) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "k" && topK == 0) {
        topK = static_cast<size_t>(
            numberUpTo(field.value(), CSJ_LARGEST_TOP_K, "k, a number up to 64,"));
      } else if (key == "n_expert_per_layer") {
        experts = numberUpTo(field.value(), CSJ_MOST_EXPERTS, "n_expert_per_layer, a number,");
      }
    }
  }

  void readLayers(ondemand::value value) {
    for (auto element : objectOf(value, "layers, an object,")) {
      ondemand::field field = take(element);
      const uint16_t number = layerNumber(field, "", 0);
      layer = number;
      bool found = false;
      ondemand::value own = field.value();
      for (auto member : objectOf(own, "a layer (an object)")) {
        ondemand::field part = take(member);
        std::string_view key;
        check(part.unescaped_key().get(key));
        if (key != "executed_topk") continue;
        if (found) fail(CSJ_CONTRADICTION, location(), "executed_topk is there twice");
        found = true;
        readRows(part.value());
      }
      if (!found) fail(CSJ_UNEXPECTED, location(), "the layer has no executed_topk");
      r.keys.push_back(number);
    }
    layer = -1;
  }

  void readRows(ondemand::value value) {
    ondemand::array list = arrayOf(value, "executed_topk, a list of rows,");
    size_t count = 0;
    if (topK > 0) {
      std::string_view raw;
      check(list.raw_json().get(raw));
      count = appendPlainRows(raw, topK, r.ids);
      if (count == 0) check(list.reset().error());
    }
    if (count == 0) {
      for (auto element : list) {
        token = static_cast<int64_t>(count);
        ondemand::value row = take(element);
        appendEvent(row, r.ids);
        count++;
      }
      token = -1;
    }
    if (r.keys.empty()) rows = count;
    if (count != rows) {
      fail(CSJ_CONTRADICTION, location(), "%zu rows, but %zu in the layers before it", count, rows);
    }
  }

  void readConditional(ondemand::value value) {
    if (isNull(value)) return;
    for (auto element : objectOf(value, "conditional, an object,")) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key != "prompts") continue;
      for (auto item : arrayOf(field.value(), "a list of prompts")) {
        ondemand::value prompt = take(item);
        readPrompt(objectOf(prompt, "a prompt (an object)"));
      }
    }
  }

  void readPrompt(ondemand::object object) {
    csj_prompt prompt{};
    bool hasStart = false, hasEnd = false, hasPrefill = false;
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "start_row") {
        prompt.start = rowNumber(field.value(), hasStart);
      } else if (key == "prefill_rows") {
        prompt.prefill = rowNumber(field.value(), hasPrefill);
      } else if (key == "end_row") {
        prompt.end = rowNumber(field.value(), hasEnd);
      } else if (key == "category") {
        ondemand::value value = field.value();
        ondemand::json_type type;
        check(value.type().get(type));
        if (type != ondemand::json_type::string) continue;
        std::string_view category;
        check(value.get_string().get(category));
        prompt.category = category.data();
        prompt.category_length = category.size();
      }
    }
    if (!hasStart || !hasEnd || !hasPrefill || prompt.end < prompt.start ||
        prompt.prefill > prompt.end - prompt.start) {
      fail(CSJ_CONTRADICTION, location(), "a prompt's start_row, prefill_rows and end_row do not fit");
    }
    r.prompts.push_back(prompt);
  }

  size_t rowNumber(ondemand::value value, bool &found) {
    found = true;
    return static_cast<size_t>(numberUpTo(value, INT32_MAX, "a number of rows"));
  }
};

}  // namespace

extern "C" int csj_read_layered(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_layered *layered, csj_fault *fault) {
  return parseFile<Layered>(
      reader, json, length, capacity, bounds, fault,
      [=](Layered &parser) {
        parser.open(capacity);
        parser.parse(*layered);
      });
}
