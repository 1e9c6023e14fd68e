// Prepared datasets: sequences of token ids in a file that is mapped, never loaded. NAME.bin holds the ids, NAME.index
// where each sequence begins; both little-endian.
//
//   .bin    per sequence: u32 count (not 0), then so many i32 ids; nothing between or around them
//   .index  "LLCIDX01", u32 version 1, u32 bytes of an id (4), u64 sequences, u64 tokens, u32 vocabulary (0: unknown),
//           u32 flags (1: sequences carry beginning and end tokens; 2: ids that are not to be learned are stored as
//           -1 - id; 4: sequences 2i and 2i + 1 are a pair), 32 bytes SHA-256 of the tokenizer's file (zeros:
//           unknown), then sequences + 1 times u64: the offset in .bin of each count, at last the size of .bin
//
// Also read: an .index without the header (a bare table of N or N + 1 offsets), no .index at all (made by going through
// .bin once, and written beside it if possible), `.idx` as its name, and ids of 8 bytes behind the u32 count.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/mapped_file.h"
#include "runtime/base/status.h"

namespace llc::data {

using Sha256Digest = std::array<uint8_t, 32>;

struct DatasetHeader {
  uint32_t idBytes = 4;
  uint64_t sequences = 0, tokens = 0;
  uint32_t vocabulary = 0;  // every id is below; 0: unknown
  bool hasEnds = false;     // sequences begin and end with special tokens
  bool marked = false;      // says which ids are to be learned
  bool paired = false;      // sequences 2i and 2i + 1 belong together
  Sha256Digest tokenizer = {};
};

// An id as a marked dataset stores it (-1 - id where it is not to be learned), and back.
inline int32_t unlearned(int32_t id) { return ~id; }
inline int32_t idOfMarked(int32_t stored) { return stored < 0 ? ~stored : stored; }

// Immutable once open: any number of threads may read.
class Dataset {
 public:
  // `path`: the .bin, the .index, or both without the ending. What is read of the files at once is their header; every
  // later access checks the part that it touches. Errors: notFound; invalidInput, with file, sequence and offset.
  static Result<Dataset> open(const std::string &path);
  // For tests and fuzzing: the same from bytes in memory, which must outlive the dataset. An empty `index`: made from
  // `bin`.
  static Result<Dataset> parse(std::span<const std::byte> bin, std::span<const std::byte> index,
                               const std::string &where);

  const DatasetHeader &header() const { return header_; }
  uint64_t sequences() const { return header_.sequences; }
  uint64_t tokens() const { return header_.tokens; }
  const std::string &path() const { return path_; }  // of the .bin

  Result<uint64_t> length(uint64_t sequence) const;
  // Ids [begin, begin + out.size()) of a sequence; the caller has asked for its length. Every id is checked against the
  // vocabulary.
  Status read(uint64_t sequence, uint64_t begin, std::span<int32_t> out) const;
  // The same, but ids that are not to be learned are given as -1 - id.
  Status readMarked(uint64_t sequence, uint64_t begin, std::span<int32_t> out) const;
  // Goes through everything: offsets, counts, ids, totals.
  Status verify() const;

 private:
  Status readIndex(std::span<const std::byte> index);
  Status readHeader(std::span<const std::byte> index);
  Status scan();
  uint64_t offset(uint64_t sequence) const;
  Result<uint64_t> checkedLength(uint64_t sequence) const;
  Error broken(uint64_t sequence, uint64_t offset, std::string_view what) const;

  MappedFile binFile_, indexFile_;
  std::span<const std::byte> bin_, offsets_;              // offsets: sequences + 1 times u64
  std::shared_ptr<const std::vector<uint64_t>> scanned_;  // offsets, when no file holds them
  DatasetHeader header_;
  std::string path_;
};

// NAME.bin and NAME.index of what the user gave: either, or both without the ending.
struct DatasetPaths {
  std::string bin, index;
};
DatasetPaths datasetPaths(const std::string &path);

}  // namespace llc::data
