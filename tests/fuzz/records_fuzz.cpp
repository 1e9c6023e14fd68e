// Raw texts in every format and compression: whatever the bytes, reading ends, gives valid UTF-8, and stays within the
// limit of a record; and what is accepted as an example is one. The first byte chooses format, separator and kind.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime/base/json_read.h"
#include "runtime/corpus/examples.h"
#include "runtime/corpus/records.h"
#include "runtime/text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace llc::corpus;
  if (size == 0) return 0;
  int file = memfd_create("fuzz", 0);
  if (file < 0 || write(file, data + 1, size - 1) != ssize_t(size - 1)) abort();
  constexpr const char *separators[] = {"line", "blank", "file", "---"};
  RecordOptions options;
  options.separator = separators[data[0] >> 2 & 3];
  options.maxRecordBytes = 4096;
  if (data[0] & 16) options.fields = {"text"};
  ExampleOptions example;
  if (data[0] & 64) example.kind = ExampleOptions::Kind::preferences;
  if (data[0] & 128) example.assistantOnly = true, example.chat = ChatFormat::chatml;
  if (data[0] & 32)
    options.accepts = [&](const nlohmann::json &object) -> llc::Status {
      auto read = readExample(object, example);
      if (!read && (read.error().what.empty() || read.error().remedy.empty())) abort();
      return read ? llc::success() : llc::Status(std::move(read.error()));
    };
  size_t largest = (options.accepts ? 8 : 2) * options.maxRecordBytes;  // JSON writes some bytes as six
  auto reader = RecordReader::open({"/proc/self/fd/" + std::to_string(file), Format(data[0] & 3), size - 1}, options);
  Record record;
  int64_t line = 0;
  while (reader) {
    llc::Status status = (*reader)->next(record);
    if (!status && status.error().remedy.empty()) abort();
    if (!status || record.kind == Record::Kind::end) break;
    if (record.line < line || record.line < 1) abort();
    line = record.line;
    if (record.kind == Record::Kind::broken && record.why.empty()) abort();
    if (record.kind == Record::Kind::good && (!llc::text::validUtf8(record.text) || record.text.size() > largest))
      abort();
    if (record.kind == Record::Kind::good && options.accepts) {
      auto again = readExample(*llc::parseJson(record.text, "again"), example);
      if (!again || again->parts.empty()) abort();
    }
  }
  close(file);
  return 0;
}
