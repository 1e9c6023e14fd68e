#include "runtime/formats/safetensors.h"

#include <filesystem>

#include "runtime/base/json_read.h"
#include "runtime/base/sha256.h"

namespace llc {

namespace {
constexpr uint64_t lengthBytes = 8;
constexpr uint64_t largestHeader = 100'000'000;  // the format's own limit
constexpr std::string_view again = "the file was cut short or is damaged: fetch or make it again";

std::optional<DType> typeOf(std::string_view name) {
  static constexpr std::pair<std::string_view, DType> types[] = {
      {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16}, {"F64", DType::f64}, {"I64", DType::i64},
      {"I32", DType::i32}, {"I16", DType::i16}, {"I8", DType::i8},     {"U8", DType::u8},   {"BOOL", DType::boolean}};
  for (auto [text, type] : types)
    if (text == name) return type;
  return std::nullopt;
}
std::string_view nameOf(DType type) {
  switch (type) {
    case DType::f32:
      return "F32";
    case DType::f16:
      return "F16";
    case DType::bf16:
      return "BF16";
    case DType::f64:
      return "F64";
    case DType::i64:
      return "I64";
    case DType::i32:
      return "I32";
    case DType::i16:
      return "I16";
    case DType::i8:
      return "I8";
    case DType::u8:
      return "U8";
    case DType::boolean:
      return "BOOL";
  }
  return "?";
}

// The bytes of a tensor; nothing when they do not fit in 63 bits.
std::optional<uint64_t> sizeOf(DType type, const std::vector<int64_t> &shape) {
  uint64_t size = byteSize(type);
  for (int64_t dimension : shape) {
    auto product = checkedMultiply(size, uint64_t(dimension));
    if (!product || *product > uint64_t(INT64_MAX)) return std::nullopt;
    size = *product;
  }
  return size;
}

Error refuse(const std::string &where, std::string_view what) {
  return diagnose(ErrorKind::invalidInput, where).says(what).toFix(again);
}

Result<std::string_view> headerOf(std::span<const std::byte> file, const std::string &where) {
  if (file.size() < lengthBytes)
    return refuse(where,
                  fmt::format("has {} bytes, a safetensors file begins with 8 bytes of header length", file.size()));
  uint64_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i) length |= uint64_t(file[i]) << (8 * i);
  if (length > file.size() - lengthBytes)
    return refuse(where + ":0",
                  fmt::format("the header is {} bytes long, but only {} follow", length, file.size() - lengthBytes));
  if (length > largestHeader)
    return refuse(where + ":0",
                  fmt::format("the header is {} bytes long, the format allows {}", length, largestHeader));
  return std::string_view(reinterpret_cast<const char *>(file.data()) + lengthBytes, length);
}

Result<TensorView> tensorOf(const std::string &name, const Json &entry, const std::string &where,
                            std::span<const std::byte> data, uint64_t dataBegin) {
  LLC_ASSIGN(JsonObject object, JsonObject::of(entry, where, "/" + name));
  TensorView tensor;
  tensor.name = name;
  tensor.file = where;
  LLC_ASSIGN(std::string typeName, object.text("dtype"));
  auto type = typeOf(typeName);
  if (!type)
    return diagnose(ErrorKind::unsupported, object.at("dtype"))
        .says("has the element type " + typeName)
        .toFix("convert the file to F32, F16 or BF16 (weights), F64, I64, I32, I16, I8, U8 or BOOL");
  tensor.type = *type;
  LLC_ASSIGN(tensor.shape, object.integers("shape", 0, INT64_MAX));
  LLC_ASSIGN(auto offsets, object.integers("data_offsets", 0, INT64_MAX));
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    return refuse(object.at("data_offsets"), "is not a begin and an end in this order");
  uint64_t begin = uint64_t(offsets[0]), end = uint64_t(offsets[1]);
  if (end > data.size())
    return refuse(
        object.at("data_offsets"),
        fmt::format("the tensor '{}' ends at byte {} of the data, but the file holds only {}", name, end, data.size()));
  auto size = sizeOf(tensor.type, tensor.shape);
  if (!size || *size != end - begin)
    return refuse(object.at("shape"),
                  fmt::format("the tensor '{}' is {}, which takes {} bytes, but its offsets span {}", name,
                              tensor.describe(), size ? std::to_string(*size) : "more than 2^63", end - begin));
  tensor.bytes = data.subspan(begin, end - begin);
  tensor.offset = dataBegin + begin;
  return tensor;
}

// Tensors must fill the data exactly, one after the other: a hole or an overlap means that the header is not of this
// data.
Status checkLayout(const std::vector<TensorView> &tensors, const std::string &where, uint64_t dataBegin,
                   uint64_t dataSize) {
  uint64_t end = dataBegin;
  for (const TensorView &tensor : tensors) {
    if (tensor.offset < end)
      return refuse(where,
                    fmt::format("the tensor '{}' begins at byte {}, inside the tensor before it (which ends at {})",
                                tensor.name, tensor.offset, end));
    if (tensor.offset > end)
      return refuse(where, fmt::format("bytes {} to {} before the tensor '{}' belong to no tensor", end, tensor.offset,
                                       tensor.name));
    end = tensor.offset + tensor.bytes.size();
  }
  if (end != dataBegin + dataSize)
    return refuse(where, fmt::format("{} bytes after the last tensor belong to no tensor", dataBegin + dataSize - end));
  return success();
}

Status readMetadata(const Json &entry, const std::string &where, std::map<std::string, std::string> *metadata) {
  LLC_ASSIGN(JsonObject object, JsonObject::of(entry, where, "/__metadata__"));
  for (auto &[key, value] : entry.items()) {
    if (!value.is_string()) return refuse(object.at(key), "is not a string");
    if (metadata) (*metadata)[key] = value.get<std::string>();
  }
  return success();
}
}  // namespace

int64_t TensorView::elements() const { return int64_t(bytes.size() / byteSize(type)); }

std::string TensorView::describe() const { return fmt::format("{} [{}]", dtypeName(type), fmt::join(shape, ", ")); }

Result<std::vector<TensorView>> parseSafeTensors(std::span<const std::byte> file, const std::string &where,
                                                 std::map<std::string, std::string> *metadata) {
  LLC_ASSIGN(std::string_view header, headerOf(file, where));
  LLC_ASSIGN(Json json, parseJson(header, where + ":8"));
  if (!json.is_object()) return refuse(where + ":8", "the header is no JSON object");
  uint64_t dataBegin = lengthBytes + header.size();
  std::span<const std::byte> data = file.subspan(dataBegin);
  std::vector<TensorView> tensors;
  for (auto &[name, entry] : json.items()) {
    if (name == "__metadata__") {
      LLC_TRY(readMetadata(entry, where, metadata));
      continue;
    }
    LLC_ASSIGN(TensorView tensor, tensorOf(name, entry, where, data, dataBegin));
    tensors.push_back(std::move(tensor));
  }
  // Empty tensors share their offset with the next one and must come before it.
  std::sort(tensors.begin(), tensors.end(), [](const TensorView &a, const TensorView &b) {
    return std::tuple(a.offset, a.bytes.size(), std::string_view(a.name)) <
           std::tuple(b.offset, b.bytes.size(), std::string_view(b.name));
  });
  LLC_TRY(checkLayout(tensors, where, dataBegin, data.size()));
  return tensors;
}

Status SafeTensors::addFile(const std::string &path) {
  LLC_ASSIGN(MappedFile file, MappedFile::open(path));
  LLC_ASSIGN(auto tensors, parseSafeTensors(file.bytes(), path, &metadata_));
  files_.push_back(std::move(file));
  std::move(tensors.begin(), tensors.end(), std::back_inserter(tensors_));
  return success();
}

Status SafeTensors::addIndex(const std::string &path) {
  LLC_ASSIGN(Json json, readJsonFile(path));
  LLC_ASSIGN(JsonObject index, JsonObject::of(json, path));
  LLC_ASSIGN(JsonObject map, index.object("weight_map"));
  const Json &entries = *index.find("weight_map");
  std::map<std::string, std::vector<std::string>> shards;
  for (auto &[tensor, shard] : entries.items()) {
    if (!shard.is_string()) return refuse(map.at(tensor), "is not the name of a file");
    std::string file = shard.get<std::string>();
    // A model directory may only speak of its own files.
    if (file.empty() || file.find('/') != std::string::npos || file == "..")
      return diagnose(ErrorKind::invalidInput, map.at(tensor))
          .says("names the file '" + file + "', which is not one of this directory")
          .toFix("put all shards beside the index and name them without a path");
    shards[file].push_back(tensor);
  }
  auto directory = std::filesystem::path(path).parent_path();
  for (auto &[file, names] : shards) {
    size_t before = tensors_.size();
    LLC_TRY(addFile((directory / file).string()));
    std::map<std::string_view, bool> present;
    for (size_t i = before; i < tensors_.size(); ++i) present[tensors_[i].name] = true;
    for (const std::string &name : names)
      if (!present.count(name))
        return diagnose(ErrorKind::invalidInput, path)
            .says(fmt::format("the tensor '{}' should be in {}, which does not hold it", name, file))
            .toFix("fetch all shards of one and the same revision of the model");
  }
  return success();
}

Status SafeTensors::indexNames() {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    auto [place, isNew] = names_.emplace(tensors_[i].name, i);
    if (isNew) continue;
    return diagnose(ErrorKind::invalidInput, tensors_[i].file)
        .says(fmt::format("the tensor '{}' is also in {}", tensors_[i].name, tensors_[place->second].file))
        .toFix("remove the shards that do not belong to this model");
  }
  return success();
}

namespace {
Result<std::string> findIn(const std::filesystem::path &directory) {
  std::error_code ignored;
  for (const char *name : {"model.safetensors", "model.safetensors.index.json"})
    if (std::filesystem::is_regular_file(directory / name, ignored)) return (directory / name).string();
  std::vector<std::string> others;
  for (auto &entry : std::filesystem::directory_iterator(directory, ignored))
    if (entry.path().extension() == ".safetensors") others.push_back(entry.path().string());
  if (others.size() == 1) return others[0];
  return diagnose(ErrorKind::notFound, directory.string())
      .says(others.empty()
                ? "holds no model.safetensors and no model.safetensors.index.json"
                : fmt::format("holds {} .safetensors files, but no model.safetensors.index.json that orders them",
                              others.size()))
      .toFix("name the model's directory, or the weight file itself");
}
}  // namespace

Result<SafeTensors> SafeTensors::open(const std::string &path) {
  std::error_code ignored;
  std::string file = path;
  if (std::filesystem::is_directory(path, ignored)) {
    LLC_ASSIGN(file, findIn(path));
  }
  SafeTensors result;
  result.path_ = file;
  LLC_TRY(file.ends_with(".json") ? result.addIndex(file) : result.addFile(file));
  LLC_TRY(result.indexNames());
  return result;
}

const TensorView *SafeTensors::find(std::string_view name) const {
  auto place = names_.find(name);
  return place == names_.end() ? nullptr : &tensors_[place->second];
}

Result<const TensorView *> SafeTensors::get(std::string_view name) const {
  if (const TensorView *tensor = find(name)) return tensor;
  std::vector<std::string> known;
  for (auto &[other, number] : names_) known.push_back(other);
  std::string near = nearestNames(name, known);
  return diagnose(ErrorKind::invalidInput, path_)
      .says(fmt::format("has no tensor '{}' among its {}", name, tensors_.size()))
      .toFix(near.empty()
                 ? "check that the file belongs to this model (llc-model inspect --params lists what is needed)"
                 : "the nearest names are " + near);
}

uint64_t SafeTensors::totalBytes() const {
  uint64_t total = 0;
  for (const TensorView &tensor : tensors_) total += tensor.bytes.size();
  return total;
}

std::string SafeTensors::identity() const {
  constexpr uint64_t samples = 16, sampleBytes = 4096;
  std::string text;
  for (const MappedFile &file : files_) {
    uint64_t dataBegin = file.size();
    for (const TensorView &tensor : tensors_)
      if (tensor.file == file.path()) dataBegin = std::min<uint64_t>(dataBegin, tensor.offset);
    Sha256 hash;
    hash.update(file.bytes().first(dataBegin));
    uint64_t stride = (file.size() - dataBegin) / samples;
    for (uint64_t i = 0; i < samples; ++i)
      hash.update(file.bytes().subspan(dataBegin + i * stride, std::min(stride, sampleBytes)));
    text += fmt::format("{} {} {}\n", file.size(), file.modified(), hash.hex());
  }
  return text;
}

void SafeTensors::release(const TensorView &tensor) const {
  for (const MappedFile &file : files_)
    if (file.path() == tensor.file) file.release(tensor.offset, tensor.bytes.size());
}

Status SafeTensorsWriter::declare(std::string name, DType type, std::vector<int64_t> shape) {
  assert(!output_ && "declare all tensors before the first write");
  auto size = sizeOf(type, shape);
  auto end = size ? checkedAdd(total_, *size) : std::nullopt;
  bool known =
      std::any_of(declared_.begin(), declared_.end(), [&](const Declared &other) { return other.name == name; });
  if (!end || known || name == "__metadata__")
    return diagnose(ErrorKind::invalidInput, path_)
        .says(fmt::format("the tensor '{}' {}", name, !end ? "is too large for a file" : "is declared twice"))
        .toFix("give each tensor a name of its own and a size below 2^63 bytes");
  declared_.push_back({std::move(name), type, std::move(shape), total_, *end});
  total_ = *end;
  return success();
}

Status SafeTensorsWriter::begin() {
  Json header = Json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  for (const Declared &tensor : declared_)
    header[tensor.name] = {
        {"dtype", nameOf(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {tensor.begin, tensor.end}}};
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  // The data begins with a line of the caches: kernels read the mapped file, and lines that are cut in two cost 3 % of
  // a LoRA's step.
  constexpr uint64_t lineBytes = 64;
  text.resize((lengthBytes + text.size() + lineBytes - 1) / lineBytes * lineBytes - lengthBytes, ' ');
  LLC_ASSIGN(output_, OutputFile::create(path_));
  std::string length;
  for (size_t i = 0; i < lengthBytes; ++i) length += char(uint64_t(text.size()) >> (8 * i) & 255);
  LLC_TRY(output_->write(length));
  return output_->write(text);
}

Status SafeTensorsWriter::write(std::span<const std::byte> bytes) {
  if (!output_) LLC_TRY(begin());
  assert(bytes.size() <= total_ - written_ && "more data than was declared");
  written_ += bytes.size();
  return output_->write(bytes);
}

Status SafeTensorsWriter::finish() {
  if (!output_) LLC_TRY(begin());
  if (written_ != total_)
    return diagnose(ErrorKind::internal, path_)
        .says(fmt::format("{} of {} declared bytes were written", written_, total_))
        .toFix("report this: the writer was used wrongly");
  return output_->commit();
}

}  // namespace llc
