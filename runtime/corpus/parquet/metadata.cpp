#include "runtime/corpus/parquet/metadata.h"

#include <cstring>

#include "runtime/corpus/parquet/schema.h"

namespace llc::corpus::parquet {

namespace {
// What a file of a few bytes could claim stays within some hundred MB.
constexpr uint32_t maxFooterBytes = 64 << 20;
constexpr size_t maxSchemaElements = 10000;

template <size_t count>
std::string nameIn(const char *const (&names)[count], int64_t number) {
  return number >= 0 && number < int64_t(count) && names[number] ? names[number] : fmt::format("number {}", number);
}

SchemaElement readElement(Thrift &thrift) {
  SchemaElement element;
  auto integerType = [&](int id, Thrift::Type type) { return id == 2 && thrift.read(type, element.isSigned); };
  auto logicalType = [&](int id, Thrift::Type type) {
    element.logical = id;
    return id == 10 && thrift.fields(type, integerType);
  };
  thrift.fields([&](int id, Thrift::Type type) {
    if (id == 1) return thrift.read(type, element.type);
    if (id == 3) return thrift.read(type, element.repetition);
    if (id == 4) return thrift.read(type, element.name);
    if (id == 5) return thrift.read(type, element.children);
    if (id == 6) return thrift.read(type, element.converted);
    return id == 10 && thrift.fields(type, logicalType);
  });
  return element;
}

struct RawChunk {
  Chunk chunk;
  int64_t bytes = -1, data = -1, dictionary = -1;
  bool isElsewhere = false, isEncrypted = false;
};

RawChunk readChunk(Thrift &thrift) {
  RawChunk raw;
  auto about = [&](int id, Thrift::Type type) {
    if (id == 1) return thrift.read(type, raw.chunk.type);
    if (id == 4) return thrift.read(type, raw.chunk.codec);
    if (id == 5) return thrift.read(type, raw.chunk.values);
    if (id == 7) return thrift.read(type, raw.bytes);
    if (id == 9) return thrift.read(type, raw.data);
    return id == 11 && thrift.read(type, raw.dictionary);
  };
  thrift.fields([&](int id, Thrift::Type type) {
    raw.isElsewhere |= id == 1;
    raw.isEncrypted |= id == 8;
    return id == 3 && thrift.fields(type, about);
  });
  return raw;
}

class FooterReader {
 public:
  FooterReader(Bytes file, const std::string &path) : file_(file), path_(path) {}

  Result<Metadata> read() {
    LLC_TRY(findFooter());
    Thrift thrift(footer_);
    std::vector<SchemaElement> elements;
    Status status = success();
    thrift.fields([&](int id, Thrift::Type type) {
      isEncrypted_ |= id == 8;
      if (id == 2)
        return thrift.items(type, [&](Thrift::Type of) {
          if (of != Thrift::structure || elements.size() > maxSchemaElements) return false;
          elements.push_back(readElement(thrift));
          return true;
        });
      if (id != 4 || !status) return false;
      if (metadata_.leaves.empty()) status = schema(elements);
      return thrift.items(type, [&](Thrift::Type of) {
        if (of != Thrift::structure || !status) return false;
        status = group(thrift);
        return true;
      });
    });
    LLC_TRY(status);
    if (!thrift.ok()) return broken("its metadata can't be read");
    if (isEncrypted_) return encrypted();
    if (metadata_.leaves.empty()) LLC_TRY(schema(elements));
    return std::move(metadata_);
  }

 private:
  Error broken(const std::string &what) const {
    return diagnose(ErrorKind::invalidInput, path_)
        .says("is no Parquet file, or a broken one: " + what)
        .toFix("copy it again from its source; one that was compressed as a whole has to be decompressed");
  }
  Error encrypted() const {
    return diagnose(ErrorKind::unsupported, path_).says("is encrypted").toFix("decrypt it, or write it as JSONL");
  }

  Status findFooter() {
    auto has = [&](size_t at, const char *magic) { return !std::memcmp(file_.data() + at, magic, 4); };
    if (file_.size() < 12) return broken("it is too short");
    size_t end = file_.size() - 8;
    if (has(end + 4, "PARE")) return encrypted();
    if (!has(0, "PAR1")) return broken("it does not begin with PAR1");
    if (!has(end + 4, "PAR1")) return broken("it does not end with PAR1");
    uint32_t length;
    std::memcpy(&length, file_.data() + end, 4);
    if (length > end - 4 || length > maxFooterBytes)
      return broken(fmt::format("its metadata are to have {} bytes, {} are there", length, end - 4));
    footer_ = file_.subspan(end - length, length);
    dataEnd_ = end - length;
    return success();
  }

  Status schema(const std::vector<SchemaElement> &elements) {
    if (elements.size() > maxSchemaElements)
      return diagnose(ErrorKind::unsupported, path_)
          .says(fmt::format("has more than {} columns", maxSchemaElements))
          .toFix("write a file of the columns that are needed");
    return readSchema(elements, path_, metadata_);
  }

  Status group(Thrift &thrift) {
    RowGroup group;
    Status status = success();
    auto column = [&](Thrift::Type of) {
      if (of != Thrift::structure || !status) return false;
      status = addChunk(group, readChunk(thrift));
      return true;
    };
    thrift.fields([&](int id, Thrift::Type type) {
      if (id == 1) return thrift.items(type, column);
      return id == 3 && thrift.read(type, group.rows);
    });
    LLC_TRY(status);
    if (!thrift.ok() || group.rows < 0 || group.columns.size() != metadata_.leaves.size())
      return broken(fmt::format("row group {} makes no sense", metadata_.groups.size() + 1));
    metadata_.groups.push_back(std::move(group));
    return success();
  }

  Status addChunk(RowGroup &group, RawChunk raw) const {
    if (raw.isEncrypted) return encrypted();
    if (raw.isElsewhere)
      return diagnose(ErrorKind::unsupported, path_).says("has its columns in other files").toFix(rewriteRemedy);
    size_t index = group.columns.size();
    if (raw.chunk.values == 0) raw.data = 4, raw.bytes = 0;  // columns without values have no place
    int64_t begin = raw.dictionary > 0 && raw.dictionary < raw.data ? raw.dictionary : raw.data;
    bool fits = begin >= 4 && raw.bytes >= 0 && uint64_t(begin) <= dataEnd_ && uint64_t(raw.bytes) <= dataEnd_ - begin;
    if (index >= metadata_.leaves.size() || !fits || raw.chunk.values < 0 ||
        raw.chunk.type != int64_t(metadata_.leaves[index].type))
      return broken(fmt::format("column {} of row group {} makes no sense, or lies outside of the file", index + 1,
                                metadata_.groups.size() + 1));
    raw.chunk.begin = uint64_t(begin);
    raw.chunk.bytes = uint64_t(raw.bytes);
    group.columns.push_back(raw.chunk);
    return success();
  }

  Bytes file_, footer_;
  const std::string &path_;
  Metadata metadata_;
  uint64_t dataEnd_ = 0;
  bool isEncrypted_ = false;
};
}  // namespace

std::string nameOf(Type type) {
  constexpr const char *names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                   "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
  return nameIn(names, int64_t(type));
}

std::string nameOf(Codec codec) {
  constexpr const char *names[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"};
  return nameIn(names, int64_t(codec));
}

std::string nameOf(Encoding encoding) {
  constexpr const char *names[] = {"PLAIN",
                                   nullptr,
                                   "PLAIN_DICTIONARY",
                                   "RLE",
                                   "BIT_PACKED",
                                   "DELTA_BINARY_PACKED",
                                   "DELTA_LENGTH_BYTE_ARRAY",
                                   "DELTA_BYTE_ARRAY",
                                   "RLE_DICTIONARY",
                                   "BYTE_STREAM_SPLIT"};
  return nameIn(names, int64_t(encoding));
}

Result<Metadata> readMetadata(Bytes file, const std::string &path) { return FooterReader(file, path).read(); }

PageHeader readPageHeader(Thrift &thrift) {
  PageHeader header;
  auto data = [&](int id, Thrift::Type type) {
    if (id == 1) return thrift.read(type, header.values);
    if (id == 2) return thrift.read(type, header.encoding);
    if (id == 3) return thrift.read(type, header.definitionEncoding);
    return id == 4 && thrift.read(type, header.repetitionEncoding);
  };
  auto dictionary = [&](int id, Thrift::Type type) {
    if (id == 1) return thrift.read(type, header.values);
    return id == 2 && thrift.read(type, header.encoding);
  };
  auto dataV2 = [&](int id, Thrift::Type type) {
    if (id == 1) return thrift.read(type, header.values);
    if (id == 4) return thrift.read(type, header.encoding);
    if (id == 5) return thrift.read(type, header.definitionBytes);
    if (id == 6) return thrift.read(type, header.repetitionBytes);
    return id == 7 && thrift.read(type, header.isCompressed);
  };
  thrift.fields([&](int id, Thrift::Type type) {
    if (id == 1) return thrift.read(type, header.type);
    if (id == 2) return thrift.read(type, header.rawBytes);
    if (id == 3) return thrift.read(type, header.bytes);
    if (id == 4) return header.hasChecksum = thrift.read(type, header.checksum);
    if (id == 5) return thrift.fields(type, data);
    if (id == 7) return thrift.fields(type, dictionary);
    return id == 8 && thrift.fields(type, dataV2);
  });
  return header;
}

}  // namespace llc::corpus::parquet
