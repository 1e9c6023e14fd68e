// The rows of a Parquet file as JSON objects, as if each were a line of .jsonl: groups become objects, lists arrays,
// maps with texts as keys objects; what is not there is null, and so are numbers that JSON does not know. Dates, times
// and decimals are given as the integers they are kept as.
//
// Memory is bounded whatever the file claims: of each column one page and one dictionary are held.
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/base/mapped_file.h"
#include "runtime/corpus/parquet/column.h"

namespace llc::corpus::parquet {

class Rows {
 public:
  // Only the columns of these names are read, unless there are none: all, then. Errors: notFound, invalidInput;
  // unsupported (names what can't be read and how to write it anew).
  static Result<std::unique_ptr<Rows>> open(const std::string &path, const std::vector<std::string> &names,
                                            uint64_t maxRowBytes);

  // False at the end. `why` says why a row can't be used, and is empty for good ones.
  Result<bool> next(nlohmann::json &row, std::string &why);
  int64_t number() const { return number_; }  // of the row, from 1
  uint64_t consumed() const;                  // of the file's bytes, by how many of the rows are read

 private:
  Rows(MappedFile file, Metadata metadata, uint64_t maxRowBytes);
  Status choose(const std::vector<std::string> &names);
  Status checkTypes() const;
  Result<bool> openGroup();
  Status checkRow(bool isOver) const;
  Status read(const Node &node, nlohmann::json &value);
  Status readValue(Column &column, const Node &node, nlohmann::json &value);
  Status readObject(const Node &node, nlohmann::json &value);
  Status readItems(const Node &node, nlohmann::json &value);
  Status addItem(const Node &node, nlohmann::json &value);
  Status skipNull(const Node &node, uint32_t defined);
  nlohmann::json valueOf(const Column &column);
  bool spend(uint64_t bytes);

  MappedFile file_;
  Metadata metadata_;
  PageMemory memory_;
  std::vector<Node> chosen_;  // columns
  std::vector<Column> columns_;
  uint64_t maxRowBytes_;
  size_t group_ = 0;  // groups opened
  int64_t leftInGroup_ = 0, number_ = 0;
  uint64_t rows_ = 0, spent_ = 0;
  std::string why_;
};

}  // namespace llc::corpus::parquet
