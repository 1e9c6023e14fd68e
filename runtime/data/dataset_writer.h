// Writes a dataset sequence by sequence: both files appear whole or not at all, the .bin first.
#pragma once
#include "runtime/base/output_file.h"
#include "runtime/data/dataset.h"

namespace llc::data {

class DatasetWriter {
 public:
  // `path`: see datasetPaths(). `header`: vocabulary, hasEnds, marked, paired and tokenizer count; the rest follows
  // from what is added.
  static Result<DatasetWriter> create(const std::string &path, const DatasetHeader &header);
  // Marked: ids that are not to be learned as -1 - id. An empty sequence is left out. Errors: invalidInput (an id
  // outside the vocabulary, more than 2^32 - 1 ids), resource (the disk).
  Status add(std::span<const int32_t> ids);
  Status commit();  // Error: resource (the disk); invalidInput (half a pair)
  const DatasetHeader &header() const { return header_; }
  const DatasetPaths &paths() const { return paths_; }

 private:
  DatasetWriter(OutputFile bin, OutputFile index) : bin_(std::move(bin)), index_(std::move(index)) {}
  Status flush();
  OutputFile bin_, index_;
  DatasetHeader header_;
  DatasetPaths paths_;
  std::string binBuffer_, indexBuffer_;  // what is not written yet
  uint64_t binBytes_ = 0;
};

}  // namespace llc::data
