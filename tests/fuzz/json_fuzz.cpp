// JSON of model directories: the strict parser, and every typed getter on whatever came out.
#include <cstdlib>

#include "runtime/base/json_read.h"

namespace {
void readAll(const llc::JsonObject &object, const llc::Json &json, int depth) {
  for (auto &[key, value] : json.items()) {
    (void)object.text(key).ok();
    (void)object.integer(key, -5, 1 << 20).ok();
    (void)object.number(key).ok();
    (void)object.boolean(key, false).ok();
    (void)object.integers(key, 0, INT64_MAX).ok();
    (void)object.texts(key).ok();
    auto inner = object.object(key);
    if (inner.ok() != value.is_object()) abort();
    if (inner.ok() && depth < 10) readAll(*inner, value, depth + 1);
  }
  if (object.text("a key that is not there").ok() && !object.has("a key that is not there")) abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto json = llc::parseJson({reinterpret_cast<const char *>(data), size}, "fuzz");
  if (!json) {
    if (json.error().text().empty()) abort();
    return 0;
  }
  auto object = llc::JsonObject::of(*json, "fuzz");
  if (object.ok()) readAll(*object, *json, 0);
  // What was read must be writable and give the same again.
  auto again = llc::parseJson(json->dump(-1, ' ', false, llc::Json::error_handler_t::replace), "fuzz");
  if (!again || *again != *json) abort();
  return 0;
}
