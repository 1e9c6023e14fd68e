// Prepared datasets: whatever the bytes, every access gives ids inside the file and the vocabulary, or an error; and
// what verify() approves can be read whole. The first byte says how much of the rest is the index.
#include <cstdlib>

#include "runtime/base/json_read.h"
#include "runtime/data/dataset.h"
#include "runtime/data/stream.h"

namespace {
void readAll(const llc::data::Dataset &dataset, bool mustBeGood) {
  std::vector<int32_t> ids;
  uint64_t tokens = 0;
  for (uint64_t i = 0; i < std::min<uint64_t>(dataset.sequences(), 10000); ++i) {
    auto length = dataset.length(i);
    if (mustBeGood && !length) abort();
    if (!length) continue;
    ids.resize(*length);
    llc::Status status = dataset.read(i, 0, ids);
    if (mustBeGood && !status) abort();
    if (!status && status.error().remedy.empty()) abort();
    if (status)
      for (int32_t id : ids)
        if (id < 0 || (dataset.header().vocabulary && uint32_t(id) >= dataset.header().vocabulary)) abort();
    tokens += *length;
  }
  if (mustBeGood && dataset.sequences() <= 10000 && tokens != dataset.tokens()) abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  size_t split = std::min<size_t>(bytes.size(), size_t(data[0]) * 8);
  auto dataset = llc::data::Dataset::parse(bytes.subspan(split), bytes.first(split), "fuzz");
  if (!dataset) {
    if (dataset.error().remedy.empty()) abort();
  } else {
    readAll(*dataset, bool(dataset->verify()));
    llc::data::StreamOptions options;
    options.rows = 2;
    options.length = 8;
    if (auto stream = llc::data::TokenStream::create({{*dataset, 1}}, options)) {
      llc::data::Batch batch;
      for (int i = 0; i < 4; ++i)
        if (!stream->next(batch)) break;
    }
  }
  // The same bytes as a saved position.
  auto json = llc::parseJson({reinterpret_cast<const char *>(data), size}, "fuzz");
  if (json)
    if (auto state = llc::data::parseStreamState(*json, "fuzz"); state && toJson(*state)["step"] != (*json)["step"])
      abort();
  return 0;
}
