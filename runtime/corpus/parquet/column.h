// The entries of one column within a row group: levels and values, page by page.
#pragma once
#include <memory>

#include "runtime/corpus/parquet/encoding.h"

namespace llc::corpus::parquet {

// What all columns of a file hold decompressed at one time.
struct PageMemory {
  static constexpr uint64_t limit = uint64_t(512) << 20;
  uint64_t held = 0;
};

class Column {
 public:
  Column(Bytes file, std::string path, Leaf leaf, PageMemory &memory)
      : file_(file), path_(std::move(path)), leaf_(std::move(leaf)), memory_(memory) {}

  // Goes to the first entry of a row group, counted from 1. Errors, here and in advance(): unsupported, resource;
  // invalidInput with column, row group and page.
  Status open(const Chunk &chunk, size_t group);
  Status advance();
  Error broken(const std::string &what) const;

  // The entry at hand.
  bool atEnd() const { return atEnd_; }
  uint32_t repetition() const { return repetition_; }
  uint32_t definition() const { return definition_; }
  const Cell &cell() const { return cell_; }  // where definition() is the leaf's
  const Leaf &leaf() const { return leaf_; }

 private:
  struct Page {
    Bytes bytes;
    std::unique_ptr<uint8_t[]> owned;  // where they are not the file's
    uint64_t held = 0;
  };
  Error diagnosis(ErrorKind kind, const std::string &what, std::string_view remedy) const;
  Status nextPage();
  Status readPage(const PageHeader &header, Bytes body);
  Status readDictionary(const PageHeader &header, Bytes body);
  Status readData(const PageHeader &header, Bytes body);
  Status readDataV2(const PageHeader &header, Bytes body);
  Status begin(const PageHeader &header, Bytes values);
  Status takeLevels(Bytes &bytes, uint32_t highest, int64_t encoding, RunLengths &levels);
  Status unpack(Page &page, Bytes body, int64_t rawBytes, bool isCompressed);
  Status hold(Page &page, uint64_t bytes);
  Status checkMemory() const;

  Bytes file_;
  std::string path_;
  Leaf leaf_;
  PageMemory &memory_;
  size_t group_ = 0, page_ = 0;
  Codec codec_ = Codec::none;
  Bytes left_;  // of the chunk
  uint64_t valuesLeft_ = 0, inPage_ = 0;
  Page data_, dictionaryPage_;
  std::vector<Cell> dictionary_;
  RunLengths repetitions_, definitions_;
  Values values_;
  bool atEnd_ = true;
  uint32_t repetition_ = 0, definition_ = 0;
  Cell cell_;
};

}  // namespace llc::corpus::parquet
