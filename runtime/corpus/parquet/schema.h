// From the flat list of a Parquet file's schema to the tree of what a row is made of.
#pragma once
#include "runtime/corpus/parquet/metadata.h"

namespace llc::corpus::parquet {

// An element of the list: what stands before its children.
struct SchemaElement {
  int64_t type = -1, repetition = 0, children = 0, converted = -1, logical = -1;
  bool isSigned = true;
  std::string name;
};

// Fills root and leaves. Errors: invalidInput, unsupported (maps whose keys are no texts).
Status readSchema(const std::vector<SchemaElement> &elements, const std::string &path, Metadata &metadata);

}  // namespace llc::corpus::parquet
