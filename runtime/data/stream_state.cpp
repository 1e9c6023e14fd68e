#include "runtime/base/json_read.h"
#include "runtime/data/stream.h"

namespace llc::data {

nlohmann::json toJson(const StreamState &state) {
  nlohmann::json cursors = nlohmann::json::array();
  for (const auto &cursor : state.cursors)
    cursors.push_back({{"epoch", cursor.epoch},
                       {"position", cursor.position},
                       {"carried", cursor.carried},
                       {"tokens", cursor.tokens}});
  return {{"version", 1},
          {"step", state.step},
          {"sources", cursors},
          {"rows_given", state.rowsGiven},
          {"row_length", state.rowLength},
          {"fingerprint", fmt::format("{:016x}", state.fingerprint)}};
}

Result<StreamState> parseStreamState(const nlohmann::json &json, const std::string &where) {
  LLC_ASSIGN(JsonObject object, JsonObject::of(json, where));
  auto count = [](const JsonObject &from, const char *name) { return from.integer(name, 0, INT64_MAX); };
  LLC_TRY(object.expectVersion(1));
  StreamState state;
  LLC_ASSIGN(int64_t step, count(object, "step"));
  LLC_ASSIGN(int64_t rows, count(object, "rows_given"));
  LLC_ASSIGN(state.rowLength, count(object, "row_length"));
  LLC_ASSIGN(std::string fingerprint, object.text("fingerprint"));
  state.step = uint64_t(step);
  state.rowsGiven = uint64_t(rows);
  state.fingerprint = std::strtoull(fingerprint.c_str(), nullptr, 16);
  LLC_ASSIGN(const Json *sources, object.array("sources"));
  for (const Json &item : *sources) {
    LLC_ASSIGN(JsonObject source, JsonObject::of(item, where, "/sources"));
    auto &cursor = state.cursors.emplace_back();
    for (auto [name, value] : {std::pair("epoch", &cursor.epoch),
                               {"position", &cursor.position},
                               {"carried", &cursor.carried},
                               {"tokens", &cursor.tokens}}) {
      LLC_ASSIGN(int64_t number, count(source, name));
      *value = uint64_t(number);
    }
  }
  return state;
}

}  // namespace llc::data
