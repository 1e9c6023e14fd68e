// What a Parquet file says about itself (https://github.com/apache/parquet-format, parquet.thrift): its columns as a
// tree, where their data lie, and the headers of pages.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/corpus/parquet/thrift.h"

namespace llc::corpus::parquet {

// The numbers of parquet.thrift.
enum class Type { boolean, int32, int64, int96, float32, float64, bytes, fixedBytes };
enum class Codec { none, snappy, gzip, lzo, brotli, lz4, zstd, lz4Raw };
enum class Encoding {
  plain = 0,
  plainDictionary = 2,
  runLengths = 3,
  bitPacked = 4,
  deltas = 5,
  deltaLengths = 6,
  deltaBytes = 7,
  dictionary = 8,
  byteStreamSplit = 9
};
enum class PageType { data, index, dictionary, dataV2 };

// Names as the specification writes them; "number 17" for others.
std::string nameOf(Type type);
std::string nameOf(Codec codec);
std::string nameOf(Encoding encoding);

// A column: values with levels that say how much of its path is there (definition) and which list goes on (repetition).
struct Leaf {
  std::string path;
  Type type = Type::boolean;
  bool isUnsigned = false, isDecimal = false;
  uint32_t definition = 0, repetition = 0;  // the highest levels
};

// What a row is made of.
struct Node {
  enum class Kind { value, object, list, map };  // a list has its item as only child; a map key and value
  Kind kind = Kind::value;
  std::string name;
  uint32_t defined = 0;  // the definition level from which on it is not null
  // Of lists and maps: the definition level of an item, and the repetition level of the next one.
  uint32_t filled = 0, repeated = 0;
  std::vector<Node> children;
  size_t firstLeaf = 0, leaves = 0;
};

struct Chunk {
  int64_t type = -1, codec = -1, values = -1;
  uint64_t begin = 0, bytes = 0;  // in the file, dictionary included
};

struct RowGroup {
  int64_t rows = 0;
  std::vector<Chunk> columns;  // one a leaf
};

struct Metadata {
  Node root;  // an object of the columns
  std::vector<Leaf> leaves;
  std::vector<RowGroup> groups;
};

// Of a whole file. Errors: invalidInput (broken), unsupported (encrypted, columns in other files).
Result<Metadata> readMetadata(Bytes file, const std::string &path);

struct PageHeader {
  int64_t type = -1, rawBytes = -1, bytes = -1;  // rawBytes: after decompression
  int64_t values = -1, encoding = -1;
  int64_t definitionEncoding = int64_t(Encoding::runLengths), repetitionEncoding = int64_t(Encoding::runLengths);
  int64_t definitionBytes = 0, repetitionBytes = 0;  // dataV2
  bool isCompressed = true;                          // dataV2
  bool hasChecksum = false;
  int64_t checksum = 0;
};
PageHeader readPageHeader(Thrift &thrift);

// How to write a file anew in the encodings and compression that every reader knows.
inline constexpr const char *rewriteRemedy =
    "write it anew: python3 -c \"import pyarrow.parquet as p; p.write_table(p.read_table('IN'), 'OUT.parquet')\"";

// How to leave a column out.
inline constexpr const char *dropRemedy =
    "leave the column out: python3 -c \"import pyarrow.parquet as p; "
    "p.write_table(p.read_table('IN').drop_columns(['COLUMN']), 'OUT.parquet')\"";

}  // namespace llc::corpus::parquet
