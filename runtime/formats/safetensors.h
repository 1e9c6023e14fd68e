// safetensors: 8 bytes little-endian header length, a JSON header {"name": {"dtype", "shape", "data_offsets"}}, data.
// Reading maps the file and checks everything before a tensor can be seen: header length against the file, offsets
// against the data, dtype x shape against the offsets (overflow-safe), overlaps and holes, duplicate names. Files that
// lie or that were cut short are refused with a sentence that says which tensor, and where.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/base/status.h"

namespace llc {

// One tensor of a file; the bytes are the file's own (row-major, little-endian), valid as long as its SafeTensors
// lives.
struct TensorView {
  std::string name;
  DType type = DType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  std::string file;     // path of the file that holds it
  uint64_t offset = 0;  // of the first byte, in that file

  int64_t elements() const;
  std::string describe() const;  // "bf16 [4096, 2048]"
};

// One file, or all shards of a model.
class SafeTensors {
 public:
  // `path`: a .safetensors file, a .safetensors.index.json, or a directory that holds model.safetensors or
  // model.safetensors.index.json (in this order; else the only .safetensors file there is).
  static Result<SafeTensors> open(const std::string &path);

  const std::vector<TensorView> &tensors() const { return tensors_; }  // sorted by file, then by offset
  const TensorView *find(std::string_view name) const;                 // null when there is none
  // As find, but an Error with the nearest names.
  Result<const TensorView *> get(std::string_view name) const;
  const std::map<std::string, std::string> &metadata() const { return metadata_; }
  const std::string &path() const { return path_; }
  uint64_t totalBytes() const;  // of the tensors' data
  // What tells these weights from others without reading them all: of each file its size, the time of its last change
  // and a hash of its header and of some samples. Independent of where the files lie.
  std::string identity() const;
  // Gives a tensor's pages back to the system, once it has been copied: keeps streaming through large files small.
  void release(const TensorView &tensor) const;

 private:
  Status addFile(const std::string &path);
  Status addIndex(const std::string &path);
  Status indexNames();
  std::string path_;
  std::vector<MappedFile> files_;
  std::vector<TensorView> tensors_;
  std::map<std::string, size_t, std::less<>> names_;
  std::map<std::string, std::string> metadata_;
};

// The checks alone, on bytes in memory (`where` names them in errors): what the fuzz target calls.
Result<std::vector<TensorView>> parseSafeTensors(std::span<const std::byte> file, const std::string &where,
                                                 std::map<std::string, std::string> *metadata = nullptr);

// Writes a file tensor by tensor: declare all, then write the data of each in the order of declaration.
class SafeTensorsWriter {
 public:
  explicit SafeTensorsWriter(std::string path) : path_(std::move(path)) {}
  void setMetadata(std::string key, std::string value) { metadata_[std::move(key)] = std::move(value); }
  Status declare(std::string name, DType type, std::vector<int64_t> shape);
  // Appends data of the current tensor (in as many pieces as is handy); the next tensor begins when it is full.
  Status write(std::span<const std::byte> bytes);
  Status write(const void *data, size_t bytes) { return write({static_cast<const std::byte *>(data), bytes}); }
  // Error when bytes are missing. The file appears under its name only now.
  Status finish();

 private:
  Status begin();
  struct Declared {
    std::string name;
    DType type;
    std::vector<int64_t> shape;
    uint64_t begin, end;
  };
  std::string path_;
  std::map<std::string, std::string> metadata_;
  std::vector<Declared> declared_;
  uint64_t total_ = 0, written_ = 0;
  std::optional<OutputFile> output_;
};

}  // namespace llc
