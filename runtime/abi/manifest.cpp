#include "runtime/abi/manifest.h"

#include "runtime/base/json_read.h"
#include "runtime/base/mapped_file.h"

namespace llc {

uint64_t CacheSpec::pageBytes() const {
  return uint64_t(kvHeads) * LLC_PAGE_TOKENS * uint64_t(keyDim + valueDim) * byteSize(element);
}

const EntrySpec *Manifest::entry(std::string_view name) const {
  for (const EntrySpec &entry : entries)
    if (entry.name == name) return &entry;
  return nullptr;
}

// ---- writing -------------------------------------------------------------------------------------------------------
namespace {
Json toJson(const TensorSpec &tensor) {
  return {{"name", tensor.name}, {"type", dtypeName(tensor.type)}, {"shape", tensor.shape}};
}
Json toJson(const EntrySpec &entry) {
  Json inputs = Json::array(), outputs = Json::array();
  for (const TensorSpec &tensor : entry.inputs) inputs.push_back(toJson(tensor));
  for (const TensorSpec &tensor : entry.outputs) outputs.push_back(toJson(tensor));
  return {{"name", entry.name}, {"inputs", inputs}, {"outputs", outputs}};
}
Json toJson(const ParameterSpec &parameter) {
  Json json = {{"name", parameter.name},     {"type", dtypeName(parameter.type)}, {"shape", parameter.shape},
               {"layout", parameter.layout}, {"offset", parameter.offset},        {"bytes", parameter.bytes}};
  if (parameter.updated) json["updated"] = true;
  return json;
}
Json toJson(const CacheSpec &cache) {
  return {{"layer", cache.layer},        {"kv_heads", cache.kvHeads},           {"key_dim", cache.keyDim},
          {"value_dim", cache.valueDim}, {"element", dtypeName(cache.element)}, {"window", cache.window}};
}
Json toJson(const FilePart &file) {
  return {{"name", file.name}, {"offset", file.offset}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}
Json toJson(const GenerationDefaults &defaults) {
  return {{"temperature", defaults.temperature},
          {"top_k", defaults.topK},
          {"top_p", defaults.topP},
          {"min_p", defaults.minP},
          {"repeat_penalty", defaults.repeatPenalty},
          {"eos", defaults.eos},
          {"bos", defaults.bos},
          {"pad", defaults.pad}};
}
template <class T>
Json listOf(const std::vector<T> &items) {
  Json list = Json::array();
  for (const T &item : items) list.push_back(toJson(item));
  return list;
}
}  // namespace

std::string toJson(const Manifest &m) {
  Json json = {{"abi_version", m.abiVersion},
               {"model", m.model},
               {"name", m.name},
               {"dtype", m.dtype},
               {"levels", m.levels},
               {"vocabulary", m.vocabulary},
               {"hidden", m.hidden},
               {"layers", m.layers},
               {"max_tokens", m.maxTokens},
               {"max_rows", m.maxRows},
               {"max_sequences", m.maxSequences},
               {"max_context", m.maxContext},
               {"trained_length", m.trainedLength},
               {"virtual_tokens", m.virtualTokens},
               {"arena_bytes", m.arenaBytes},
               {"scratch_bytes", m.scratchBytes},
               {"page_tokens", m.pageTokens},
               {"flops_per_token", m.flopsPerToken},
               {"bytes_per_token", m.bytesPerToken},
               {"entries", listOf(m.entries)},
               {"parameters", listOf(m.parameters)},
               {"caches", listOf(m.caches)},
               {"files", listOf(m.files)},
               {"generation", toJson(m.generation)},
               {"prepare", m.prepare},
               {"versions", m.versions},
               {"hashes", m.hashes}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// ---- reading -------------------------------------------------------------------------------------------------------
namespace {
constexpr int64_t most = int64_t(1) << 62;
constexpr int64_t mostTokens = 1 << 30;

Result<uint64_t> bytesAt(const JsonObject &object, std::string_view key) {
  LLC_ASSIGN(int64_t value, object.integer(key, 0, most));
  return uint64_t(value);
}
Result<DType> typeAt(const JsonObject &object, std::string_view key) {
  LLC_ASSIGN(std::string name, object.text(key));
  if (auto type = parseDType(name)) return *type;
  return diagnose(ErrorKind::invalidInput, object.at(key))
      .says("has the element type " + name)
      .toFix("compile the model again");
}

Result<TensorSpec> readTensor(const JsonObject &object) {
  TensorSpec tensor;
  LLC_ASSIGN(tensor.name, object.text("name"));
  LLC_ASSIGN(tensor.type, typeAt(object, "type"));
  LLC_ASSIGN(tensor.shape, object.integers("shape", dynamicSize(LLC_DIM_SEQUENCES), most));
  return tensor;
}
Result<ParameterSpec> readParameter(const JsonObject &object) {
  ParameterSpec parameter;
  LLC_ASSIGN(parameter.name, object.text("name"));
  LLC_ASSIGN(parameter.type, typeAt(object, "type"));
  LLC_ASSIGN(parameter.shape, object.integers("shape", 0, most));
  LLC_ASSIGN(parameter.layout, object.text("layout"));
  LLC_ASSIGN(parameter.offset, bytesAt(object, "offset"));
  LLC_ASSIGN(parameter.bytes, bytesAt(object, "bytes"));
  LLC_ASSIGN(parameter.updated, object.boolean("updated", false));
  return parameter;
}
Result<CacheSpec> readCache(const JsonObject &object) {
  CacheSpec cache;
  LLC_ASSIGN(cache.layer, object.integer("layer", 0, 1 << 20));
  LLC_ASSIGN(cache.kvHeads, object.integer("kv_heads", 1, 1 << 20));
  LLC_ASSIGN(cache.keyDim, object.integer("key_dim", 1, 1 << 20));
  LLC_ASSIGN(cache.valueDim, object.integer("value_dim", 1, 1 << 20));
  LLC_ASSIGN(cache.element, typeAt(object, "element"));
  LLC_ASSIGN(cache.window, object.integer("window", 0, most, 0));
  return cache;
}
Result<FilePart> readFile(const JsonObject &object) {
  FilePart file;
  LLC_ASSIGN(file.name, object.text("name"));
  LLC_ASSIGN(file.offset, bytesAt(object, "offset"));
  LLC_ASSIGN(file.bytes, bytesAt(object, "bytes"));
  LLC_ASSIGN(file.sha256, object.text("sha256", ""));
  return file;
}

// Reads each object of a list with `read`.
template <class T>
Result<std::vector<T>> readList(const JsonObject &object, std::string_view key, Result<T> (*read)(const JsonObject &)) {
  LLC_ASSIGN(const Json *list, object.array(key));
  std::vector<T> items;
  for (size_t i = 0; i < list->size(); ++i) {
    LLC_ASSIGN(JsonObject item, JsonObject::of((*list)[i], object.where(), fmt::format("/{}/{}", key, i)));
    LLC_ASSIGN(T value, read(item));
    items.push_back(std::move(value));
  }
  return items;
}

Result<EntrySpec> readEntry(const JsonObject &object) {
  EntrySpec entry;
  LLC_ASSIGN(entry.name, object.text("name"));
  LLC_ASSIGN(entry.inputs, readList(object, "inputs", readTensor));
  LLC_ASSIGN(entry.outputs, readList(object, "outputs", readTensor));
  return entry;
}

Result<GenerationDefaults> readGeneration(const JsonObject &object) {
  GenerationDefaults defaults;
  LLC_ASSIGN(defaults.temperature, object.number("temperature", 0));
  LLC_ASSIGN(defaults.topK, object.integer("top_k", 0, most, 0));
  LLC_ASSIGN(defaults.topP, object.number("top_p", 1));
  LLC_ASSIGN(defaults.minP, object.number("min_p", 0));
  LLC_ASSIGN(defaults.repeatPenalty, object.number("repeat_penalty", 1));
  LLC_ASSIGN(auto eos, object.integers("eos", 0, INT32_MAX));
  defaults.eos.assign(eos.begin(), eos.end());
  LLC_ASSIGN(int64_t bos, object.integer("bos", -1, INT32_MAX, -1));
  LLC_ASSIGN(int64_t pad, object.integer("pad", -1, INT32_MAX, -1));
  defaults.bos = int32_t(bos), defaults.pad = int32_t(pad);
  return defaults;
}

Result<std::map<std::string, std::string>> readMap(const JsonObject &object, std::string_view key) {
  std::map<std::string, std::string> map;
  if (!object.has(key)) return map;
  LLC_ASSIGN(JsonObject entries, object.object(key));
  for (auto &[name, value] : object.find(key)->items()) {
    LLC_ASSIGN(map[name], entries.text(name));
  }
  return map;
}

Status readNumbers(const JsonObject &object, Manifest &m) {
  LLC_ASSIGN(m.vocabulary, object.integer("vocabulary", 1, INT32_MAX));
  LLC_ASSIGN(m.hidden, object.integer("hidden", 1, INT32_MAX));
  LLC_ASSIGN(m.layers, object.integer("layers", 0, 1 << 20));
  LLC_ASSIGN(m.maxTokens, object.integer("max_tokens", 1, mostTokens));
  LLC_ASSIGN(m.maxRows, object.integer("max_rows", 1, mostTokens));
  LLC_ASSIGN(m.maxSequences, object.integer("max_sequences", 1, mostTokens));
  LLC_ASSIGN(m.maxContext, object.integer("max_context", 1, mostTokens));
  LLC_ASSIGN(m.trainedLength, object.integer("trained_length", 0, INT32_MAX, 0));
  LLC_ASSIGN(m.virtualTokens, object.integer("virtual_tokens", 0, mostTokens, 0));
  LLC_ASSIGN(m.arenaBytes, bytesAt(object, "arena_bytes"));
  LLC_ASSIGN(m.scratchBytes, bytesAt(object, "scratch_bytes"));
  LLC_ASSIGN(m.pageTokens, object.integer("page_tokens", LLC_PAGE_TOKENS, LLC_PAGE_TOKENS));
  LLC_ASSIGN(m.flopsPerToken, object.number("flops_per_token", 0));
  LLC_ASSIGN(int64_t bytesPerToken, object.integer("bytes_per_token", 0, most, 0));
  m.bytesPerToken = uint64_t(bytesPerToken);
  return success();
}

Status checkVersion(const JsonObject &object) {
  LLC_ASSIGN(int64_t version, object.integer("abi_version", 0, INT32_MAX));
  if (version == LLC_ABI_VERSION) return success();
  return diagnose(ErrorKind::unsupported, object.at("abi_version"))
      .says(fmt::format("the program was compiled for version {} of the interface, this runtime has version {}",
                        version, LLC_ABI_VERSION))
      .toFix("compile the model again with this version of llc-model");
}
}  // namespace

Result<Manifest> parseManifest(std::string_view text, const std::string &where) {
  LLC_ASSIGN(Json json, parseJson(text, where));
  LLC_ASSIGN(JsonObject object, JsonObject::of(json, where));
  LLC_TRY(checkVersion(object));
  Manifest m;
  LLC_ASSIGN(m.model, object.text("model"));
  LLC_ASSIGN(m.name, object.text("name", ""));
  LLC_ASSIGN(m.dtype, object.text("dtype", ""));
  LLC_ASSIGN(m.levels, object.texts("levels"));
  LLC_TRY(readNumbers(object, m));
  LLC_ASSIGN(m.entries, readList(object, "entries", readEntry));
  LLC_ASSIGN(m.parameters, readList(object, "parameters", readParameter));
  LLC_ASSIGN(m.caches, readList(object, "caches", readCache));
  LLC_ASSIGN(m.files, readList(object, "files", readFile));
  LLC_ASSIGN(JsonObject generation, object.object("generation"));
  LLC_ASSIGN(m.generation, readGeneration(generation));
  LLC_ASSIGN(m.prepare, object.texts("prepare"));
  LLC_ASSIGN(m.versions, readMap(object, "versions"));
  LLC_ASSIGN(m.hashes, readMap(object, "hashes"));
  return m;
}

}  // namespace llc
