#include "runtime/corpus/parquet/column.h"

#include <zlib.h>

#include <bit>
#include <cstring>

#include "runtime/base/memory.h"
#include "runtime/corpus/parquet/codec.h"

namespace llc::corpus::parquet {

namespace {
// As many as the largest row group of the usual writers has. Without a limit, some bytes could keep us busy for hours.
constexpr int64_t maxPageValues = 1 << 26;
}  // namespace

Error Column::diagnosis(ErrorKind kind, const std::string &what, std::string_view remedy) const {
  return diagnose(kind, path_)
      .says(fmt::format("column '{}', row group {}{}: {}", leaf_.path, group_,
                        page_ ? fmt::format(", page {}", page_) : "", what))
      .toFix(remedy);
}

Error Column::broken(const std::string &what) const {
  return diagnosis(ErrorKind::invalidInput, what, "the Parquet file is broken: copy it again from its source");
}

Status Column::open(const Chunk &chunk, size_t group) {
  group_ = group;
  page_ = 0;
  codec_ = Codec(chunk.codec);
  if (!isKnown(codec_))
    return diagnosis(ErrorKind::unsupported, fmt::format("the compression {} is not read", nameOf(codec_)),
                     rewriteRemedy);
  left_ = file_.subspan(chunk.begin, chunk.bytes);
  valuesLeft_ = uint64_t(chunk.values);
  inPage_ = 0;
  dictionary_.clear();
  LLC_TRY(hold(dictionaryPage_, 0));
  return advance();
}

Status Column::advance() {
  if (inPage_ == 0) LLC_TRY(nextPage());
  atEnd_ = inPage_ == 0;
  if (atEnd_) return success();
  --inPage_;
  bool good = (leaf_.repetition == 0 || repetitions_.next(repetition_)) &&
              (leaf_.definition == 0 || definitions_.next(definition_));
  if (!good || repetition_ > leaf_.repetition || definition_ > leaf_.definition)
    return broken("its levels make no sense");
  if (definition_ == leaf_.definition && !values_.next(cell_))
    return broken("it ends within its values, or they make no sense");
  return success();
}

Status Column::nextPage() {
  while (inPage_ == 0 && valuesLeft_ > 0) {
    ++page_;
    Thrift thrift(left_);
    PageHeader header = readPageHeader(thrift);
    if (!thrift.ok()) return broken("the header can't be read");
    left_ = left_.subspan(thrift.position());
    if (header.bytes < 0 || header.bytes > INT32_MAX || uint64_t(header.bytes) > left_.size())
      return broken(fmt::format("it is to have {} bytes, {} are left", header.bytes, left_.size()));
    Bytes body = left_.first(size_t(header.bytes));
    left_ = left_.subspan(body.size());
    if (header.hasChecksum && uint32_t(header.checksum) != crc32_z(0, body.data(), body.size()))
      return broken("the checksum differs");
    LLC_TRY(readPage(header, body));
  }
  return success();
}

Status Column::readPage(const PageHeader &header, Bytes body) {
  switch (PageType(header.type)) {
    case PageType::data:
      return readData(header, body);
    case PageType::dataV2:
      return readDataV2(header, body);
    case PageType::dictionary:
      return readDictionary(header, body);
    case PageType::index:
      return success();
  }
  return broken(fmt::format("pages of type {} are unknown", header.type));
}

Status Column::readDictionary(const PageHeader &header, Bytes body) {
  bool isPlain = header.encoding == int64_t(Encoding::plain) || header.encoding == int64_t(Encoding::plainDictionary);
  if (!isPlain || leaf_.type == Type::boolean || page_ != 1) return broken("a dictionary makes no sense here");
  LLC_TRY(unpack(dictionaryPage_, body, header.rawBytes, true));
  // A value takes 4 bytes at least.
  if (header.values < 0 || uint64_t(header.values) > dictionaryPage_.bytes.size() / 4)
    return broken(fmt::format("a dictionary of {} values does not fit", header.values));
  uint64_t cells = uint64_t(header.values) * sizeof(Cell);
  memory_.held += cells;
  dictionaryPage_.held += cells;
  LLC_TRY(checkMemory());
  dictionary_.resize(size_t(header.values));
  Values values;
  if (auto why = values.begin(Encoding::plain, leaf_.type, dictionaryPage_.bytes, dictionary_.size(), dictionary_);
      !why.empty())
    return broken(why);
  for (Cell &cell : dictionary_)
    if (!values.next(cell)) return broken("the dictionary ends too early");
  return success();
}

Status Column::readData(const PageHeader &header, Bytes body) {
  LLC_TRY(unpack(data_, body, header.rawBytes, true));
  Bytes bytes = data_.bytes;
  LLC_TRY(takeLevels(bytes, leaf_.repetition, header.repetitionEncoding, repetitions_));
  LLC_TRY(takeLevels(bytes, leaf_.definition, header.definitionEncoding, definitions_));
  return begin(header, bytes);
}

Status Column::takeLevels(Bytes &bytes, uint32_t highest, int64_t encoding, RunLengths &levels) {
  if (highest == 0) return success();
  if (encoding != int64_t(Encoding::runLengths))
    return diagnosis(ErrorKind::unsupported,
                     fmt::format("levels in the encoding {} are not read", nameOf(Encoding(encoding))), rewriteRemedy);
  uint32_t length;
  if (bytes.size() < 4) return broken("it ends within its levels");
  std::memcpy(&length, bytes.data(), 4);
  if (length > bytes.size() - 4) return broken("it ends within its levels");
  levels = RunLengths(bytes.subspan(4, length), unsigned(std::bit_width(highest)));
  bytes = bytes.subspan(4 + size_t(length));
  return success();
}

// Levels stand in front of what is compressed.
Status Column::readDataV2(const PageHeader &header, Bytes body) {
  int64_t repetition = header.repetitionBytes, definition = header.definitionBytes;
  bool fits = repetition >= 0 && definition >= 0 && uint64_t(repetition) <= body.size() &&
              uint64_t(definition) <= body.size() - uint64_t(repetition);
  if (!fits) return broken("it ends within its levels");
  repetitions_ = RunLengths(body.first(size_t(repetition)), unsigned(std::bit_width(leaf_.repetition)));
  body = body.subspan(size_t(repetition));
  definitions_ = RunLengths(body.first(size_t(definition)), unsigned(std::bit_width(leaf_.definition)));
  body = body.subspan(size_t(definition));
  LLC_TRY(unpack(data_, body, header.rawBytes - repetition - definition, header.isCompressed));
  return begin(header, data_.bytes);
}

Status Column::begin(const PageHeader &header, Bytes values) {
  if (header.values < 0 || header.values > maxPageValues || uint64_t(header.values) > valuesLeft_)
    return broken(fmt::format("it is to have {} values, the column has {} more", header.values, valuesLeft_));
  inPage_ = uint64_t(header.values);
  valuesLeft_ -= inPage_;
  std::string why = values_.begin(Encoding(header.encoding), leaf_.type, values, inPage_, dictionary_);
  return why.empty() ? success() : Status(diagnosis(ErrorKind::unsupported, why, rewriteRemedy));
}

Status Column::hold(Page &page, uint64_t bytes) {
  memory_.held += bytes - page.held;
  page = {};
  page.held = bytes;
  return checkMemory();
}

Status Column::checkMemory() const {
  if (memory_.held <= PageMemory::limit) return success();
  return diagnosis(ErrorKind::resource,
                   fmt::format("the pages that rows need together are larger than {}", humanBytes(PageMemory::limit)),
                   "write the file anew with smaller pages (pyarrow's data_page_size), or convert it to JSONL");
}

Status Column::unpack(Page &page, Bytes body, int64_t rawBytes, bool isCompressed) {
  isCompressed = isCompressed && codec_ != Codec::none;
  if (rawBytes < 0) return broken("its size makes no sense");
  LLC_TRY(hold(page, isCompressed ? uint64_t(rawBytes) : 0));
  page.bytes = body;
  // Pages without values are not compressed by all writers.
  if (!isCompressed || (rawBytes == 0 && body.empty())) return success();
  page.owned = std::make_unique_for_overwrite<uint8_t[]>(size_t(rawBytes));
  std::span<uint8_t> out(page.owned.get(), size_t(rawBytes));
  page.bytes = out;
  std::string why = decompress(codec_, body, out);
  return why.empty() ? success() : Status(broken(why));
}

}  // namespace llc::corpus::parquet
