// Parquet files: whatever the bytes, reading ends, errors say what to do, and rows stay within their limit and are
// valid UTF-8. The first byte chooses which columns are read.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime/corpus/parquet/rows.h"
#include "runtime/text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace llc::corpus::parquet;
  if (size == 0) return 0;
  int file = memfd_create("fuzz", 0);
  if (file < 0 || write(file, data + 1, size - 1) != ssize_t(size - 1)) abort();
  constexpr uint64_t limit = 4096;
  constexpr int64_t enoughRows = 100'000;  // a file of some bytes may hold millions that are null
  std::vector<std::string> names;
  if (data[0] & 1) names = {"text", "messages"};
  auto rows = Rows::open("/proc/self/fd/" + std::to_string(file), names, limit);
  if (!rows && (rows.error().what.empty() || rows.error().remedy.empty())) abort();
  nlohmann::json row;
  std::string why;
  while (rows && (*rows)->number() < enoughRows) {
    auto more = (*rows)->next(row, why);
    if (!more && (more.error().what.empty() || more.error().remedy.empty())) abort();
    if (!more || !*more) break;
    if (!why.empty()) continue;
    std::string text = row.dump();  // JSON writes some bytes as six
    if (text.size() > 8 * limit || !llc::text::validUtf8(text)) abort();
  }
  close(file);
  return 0;
}
