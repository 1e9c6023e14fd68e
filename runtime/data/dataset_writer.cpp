#include "runtime/data/dataset_writer.h"

#include "runtime/data/index_format.h"

namespace llc::data {

namespace {
constexpr size_t bufferBytes = size_t(1) << 20;

template <class T>
void append(std::string &out, T value) {
  out.append(reinterpret_cast<const char *>(&value), sizeof(value));
}
}  // namespace

std::string encodeHeader(const DatasetHeader &header) {
  std::string out(indexMagic);
  append(out, uint32_t(1));
  append(out, header.idBytes);
  append(out, header.sequences);
  append(out, header.tokens);
  append(out, header.vocabulary);
  append(out, (header.hasEnds ? hasEndsFlag : 0) | (header.marked ? markedFlag : 0) | (header.paired ? pairedFlag : 0));
  out.append(reinterpret_cast<const char *>(header.tokenizer.data()), header.tokenizer.size());
  return out;
}

Status writeIndex(const std::string &path, const DatasetHeader &header, std::span<const uint64_t> offsets) {
  LLC_ASSIGN(OutputFile file, OutputFile::create(path));
  LLC_TRY(file.write(encodeHeader(header)));
  LLC_TRY(file.write(std::as_bytes(offsets)));
  return file.commit();
}

Result<DatasetWriter> DatasetWriter::create(const std::string &path, const DatasetHeader &header) {
  DatasetPaths paths = datasetPaths(path);
  LLC_ASSIGN(OutputFile bin, OutputFile::create(paths.bin));
  LLC_ASSIGN(OutputFile index, OutputFile::create(paths.index));
  DatasetWriter writer(std::move(bin), std::move(index));
  writer.header_ = header;
  writer.header_.idBytes = 4;
  writer.header_.sequences = writer.header_.tokens = 0;
  writer.paths_ = paths;
  writer.indexBuffer_ = encodeHeader(writer.header_);  // written anew when the totals are known
  append(writer.indexBuffer_, uint64_t(0));
  return writer;
}

Status DatasetWriter::add(std::span<const int32_t> ids) {
  if (ids.empty()) return success();
  uint64_t limit = header_.vocabulary ? header_.vocabulary : uint64_t(INT32_MAX) + 1;
  for (int32_t id : ids)
    if (uint32_t(header_.marked ? idOfMarked(id) : id) >= limit)
      return diagnose(ErrorKind::invalidInput, fmt::format("{}:sequence {}", paths_.bin, header_.sequences))
          .says(fmt::format("id {} is outside the vocabulary of {} tokens", id, limit))
          .toFix("use the tokenizer that the vocabulary belongs to");
  if (ids.size() > UINT32_MAX)
    return diagnose(ErrorKind::invalidInput, paths_.bin)
        .says("a sequence of more than 4294967295 tokens")
        .toFix("cut it: --max-length");
  append(binBuffer_, uint32_t(ids.size()));
  binBuffer_.append(reinterpret_cast<const char *>(ids.data()), ids.size_bytes());
  binBytes_ += 4 + ids.size_bytes();
  append(indexBuffer_, binBytes_);
  ++header_.sequences;
  header_.tokens += ids.size();
  return binBuffer_.size() >= bufferBytes || indexBuffer_.size() >= bufferBytes ? flush() : success();
}

Status DatasetWriter::flush() {
  LLC_TRY(bin_.write(binBuffer_));
  LLC_TRY(index_.write(indexBuffer_));
  binBuffer_.clear();
  indexBuffer_.clear();
  return success();
}

Status DatasetWriter::commit() {
  if (header_.paired && header_.sequences % 2)
    return diagnose(ErrorKind::invalidInput, paths_.bin)
        .says(fmt::format("{} sequences, of which two make a pair", header_.sequences))
        .toFix("add the other sequence of the last pair");
  LLC_TRY(flush());
  std::string header = encodeHeader(header_);
  LLC_TRY(index_.writeAt(0, std::as_bytes(std::span(header))));
  LLC_TRY(bin_.commit());
  return index_.commit();
}

}  // namespace llc::data
