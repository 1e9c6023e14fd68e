#include "runtime/data/dataset.h"

#include <filesystem>

#include "runtime/data/index_format.h"

namespace llc::data {

namespace {
template <class T>
T load(std::span<const std::byte> bytes, uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

Error badIndex(const std::string &where, std::string_view what) {
  return diagnose(ErrorKind::invalidInput, where)
      .says(what)
      .toFix("delete the index (it is made anew from the .bin), or prepare the data again");
}

// Where each sequence begins, if every count leads exactly to the next one up to the end of the file.
std::optional<std::vector<uint64_t>> chain(std::span<const std::byte> bin, uint64_t idBytes) {
  std::vector<uint64_t> offsets = {0};
  for (uint64_t at = 0; at < bin.size();) {
    if (bin.size() - at < 4) return std::nullopt;
    uint64_t count = load<uint32_t>(bin, at);
    // An empty sequence would let a hole in a file become any number of offsets.
    if (count == 0 || count > (bin.size() - at - 4) / idBytes) return std::nullopt;
    at += 4 + count * idBytes;
    offsets.push_back(at);
  }
  return offsets;
}
}  // namespace

DatasetPaths datasetPaths(const std::string &path) {
  std::filesystem::path stem(path);
  bool ending = false;
  for (const char *known : {".bin", ".index", ".idx"}) ending |= stem.extension() == known;
  if (ending) stem.replace_extension();
  DatasetPaths paths{stem.string() + ".bin", stem.string() + ".index"};
  std::error_code error;
  if (!std::filesystem::exists(paths.index, error) && std::filesystem::exists(stem.string() + ".idx", error))
    paths.index = stem.string() + ".idx";
  return paths;
}

Error Dataset::broken(uint64_t sequence, uint64_t offset, std::string_view what) const {
  return diagnose(ErrorKind::invalidInput, fmt::format("{}:sequence {}+{}", path_, sequence, offset))
      .says(what)
      .toFix("prepare the data again (llc-model data prepare), or copy both files again");
}

Result<Dataset> Dataset::open(const std::string &path) {
  DatasetPaths paths = datasetPaths(path);
  LLC_ASSIGN(MappedFile bin, MappedFile::open(paths.bin));
  std::error_code error;
  MappedFile index;
  bool hasIndex = std::filesystem::exists(paths.index, error);
  if (hasIndex) {
    LLC_ASSIGN(index, MappedFile::open(paths.index));
  }
  LLC_ASSIGN(Dataset dataset, parse(bin.bytes(), index.bytes(), paths.bin));
  dataset.binFile_ = std::move(bin);
  dataset.indexFile_ = std::move(index);
  // Best effort: a folder that can't be written costs the next opening another pass.
  if (!hasIndex && writeIndex(paths.index, dataset.header_, *dataset.scanned_)) return dataset;
  return dataset;
}

Result<Dataset> Dataset::parse(std::span<const std::byte> bin, std::span<const std::byte> index,
                               const std::string &where) {
  Dataset dataset;
  dataset.path_ = where;
  dataset.bin_ = bin;
  LLC_TRY(index.empty() ? dataset.scan() : dataset.readIndex(index));
  return dataset;
}

Status Dataset::scan() {
  for (uint32_t idBytes : {4u, 8u})
    if (auto offsets = chain(bin_, idBytes)) {
      header_.idBytes = idBytes;
      header_.sequences = offsets->size() - 1;
      header_.tokens = (bin_.size() - 4 * header_.sequences) / idBytes;
      scanned_ = std::make_shared<const std::vector<uint64_t>>(std::move(*offsets));
      offsets_ = std::as_bytes(std::span(*scanned_));
      return success();
    }
  return diagnose(ErrorKind::invalidInput, path_)
      .says(
          "is no dataset: the counts in it don't lead from sequence to sequence to its end, with ids of 4 or of 8 "
          "bytes")
      .toFix("make it with llc-model data prepare, or copy it again");
}

Status Dataset::readIndex(std::span<const std::byte> index) {
  bool hasHeader =
      index.size() >= indexMagic.size() && std::memcmp(index.data(), indexMagic.data(), indexMagic.size()) == 0;
  if (hasHeader) return readHeader(index);
  if (index.size() % 8 != 0 || load<uint64_t>(index, 0) != 0)
    return badIndex(path_ + ": index", "is neither an index with a header nor a table of offsets that begins with 0");
  // A bare table, with or without the size of the file as its last entry. It says nothing of ids, so counts do.
  uint64_t entries = index.size() / 8;
  LLC_TRY(scan());
  if (entries != header_.sequences && entries != header_.sequences + 1)
    return badIndex(path_ + ": index", fmt::format("has {} offsets for {} sequences", entries, header_.sequences));
  for (uint64_t i = 0; i < entries; ++i)
    if (load<uint64_t>(index, 8 * i) != offset(i))
      return badIndex(path_ + ": index", fmt::format("offset {} is {}, the sequence is at {}", i,
                                                     load<uint64_t>(index, 8 * i), offset(i)));
  return success();
}

Status Dataset::readHeader(std::span<const std::byte> index) {
  std::string where = path_ + ": index";
  if (index.size() < indexHeaderBytes) return badIndex(where, fmt::format("is cut off: {} bytes", index.size()));
  uint32_t version = load<uint32_t>(index, 8);
  if (version != 1)
    return diagnose(ErrorKind::unsupported, where)
        .says(fmt::format("has version {}, this program reads version 1", version))
        .toFix("use a newer llc-model");
  header_.idBytes = load<uint32_t>(index, 12);
  header_.sequences = load<uint64_t>(index, 16);
  header_.tokens = load<uint64_t>(index, 24);
  header_.vocabulary = load<uint32_t>(index, 32);
  uint32_t flags = load<uint32_t>(index, 36);
  header_.hasEnds = flags & hasEndsFlag;
  header_.marked = flags & markedFlag;
  header_.paired = flags & pairedFlag;
  std::memcpy(header_.tokenizer.data(), index.data() + 40, 32);
  if (header_.idBytes != 4 && header_.idBytes != 8)
    return badIndex(where, fmt::format("ids of {} bytes", header_.idBytes));
  if (header_.paired && header_.sequences % 2)
    return badIndex(where, fmt::format("says that sequences come in pairs, and has {}", header_.sequences));
  offsets_ = index.subspan(indexHeaderBytes);
  if (header_.sequences >= offsets_.size() / 8 || offsets_.size() != (header_.sequences + 1) * 8)
    return badIndex(where, fmt::format("has {} bytes of offsets for {} sequences", offsets_.size(), header_.sequences));
  if (offset(0) != 0 || offset(header_.sequences) != bin_.size())
    return badIndex(
        where, fmt::format("belongs to a .bin of {} bytes, this one has {}", offset(header_.sequences), bin_.size()));
  if (bin_.size() != 4 * header_.sequences + header_.idBytes * header_.tokens || header_.tokens > bin_.size())
    return badIndex(where, fmt::format("says {} tokens in {} sequences, which are not {} bytes", header_.tokens,
                                       header_.sequences, bin_.size()));
  return success();
}

uint64_t Dataset::offset(uint64_t sequence) const { return load<uint64_t>(offsets_, 8 * sequence); }

Result<uint64_t> Dataset::checkedLength(uint64_t sequence) const {
  uint64_t begin = offset(sequence), end = offset(sequence + 1);
  if (begin >= end || end > bin_.size() || end - begin <= 4 || (end - begin - 4) % header_.idBytes != 0)
    return broken(sequence, begin,
                  fmt::format("the index says it lies from {} to {} of {} bytes", begin, end, bin_.size()));
  uint64_t count = load<uint32_t>(bin_, begin), wanted = (end - begin - 4) / header_.idBytes;
  if (count != wanted)
    return broken(sequence, begin, fmt::format("its count is {}, the index leaves room for {}", count, wanted));
  return count;
}

Result<uint64_t> Dataset::length(uint64_t sequence) const {
  assert(sequence < sequences());
  return checkedLength(sequence);
}

Status Dataset::read(uint64_t sequence, uint64_t begin, std::span<int32_t> out) const {
  LLC_TRY(readMarked(sequence, begin, out));
  if (header_.marked)
    for (int32_t &id : out) id = idOfMarked(id);
  return success();
}

Status Dataset::readMarked(uint64_t sequence, uint64_t begin, std::span<int32_t> out) const {
  LLC_ASSIGN([[maybe_unused]] uint64_t count, checkedLength(sequence));
  assert(begin <= count && out.size() <= count - begin);
  uint64_t at = offset(sequence) + 4 + begin * header_.idBytes;
  uint64_t limit = header_.vocabulary ? header_.vocabulary : uint64_t(INT32_MAX) + 1;
  uint64_t worst = 0;  // ids as unsigned: a negative one is above every limit
  if (header_.idBytes == 4) {
    std::memcpy(out.data(), bin_.data() + at, out.size() * 4);
    for (int32_t id : out) worst = std::max<uint64_t>(worst, uint32_t(header_.marked ? idOfMarked(id) : id));
  } else {
    for (size_t i = 0; i < out.size(); ++i) {
      uint64_t id = load<uint64_t>(bin_, at + 8 * i);
      out[i] = int32_t(id);
      if (header_.marked && int64_t(id) < 0) id = ~id;
      worst = std::max(worst, id);
    }
  }
  if (worst < limit) return success();
  return broken(sequence, at,
                fmt::format("holds an id outside the vocabulary of {} tokens: {}", limit, int64_t(worst)));
}

Status Dataset::verify() const {
  std::vector<int32_t> ids;
  uint64_t tokens = 0, released = 0;
  for (uint64_t sequence = 0; sequence < sequences(); ++sequence) {
    LLC_ASSIGN(uint64_t count, checkedLength(sequence));
    for (uint64_t begin = 0; begin < count; begin += ids.size()) {
      ids.resize(std::min<uint64_t>(count - begin, 1 << 16));
      LLC_TRY(read(sequence, begin, ids));
    }
    tokens += count;
    // Pages that are done with go back, so that files larger than memory can be verified.
    constexpr uint64_t step = uint64_t(64) << 20;
    if (uint64_t end = offset(sequence + 1); end - released >= step && binFile_.size()) {
      binFile_.release(released, end - released);
      released = end;
    }
  }
  if (tokens != header_.tokens)
    return broken(sequences(), bin_.size(),
                  fmt::format("{} tokens were found, the index says {}", tokens, header_.tokens));
  return success();
}

}  // namespace llc::data
