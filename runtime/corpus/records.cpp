#include "runtime/corpus/records.h"

#include "runtime/base/json_read.h"
#include "runtime/base/memory.h"
#include "runtime/corpus/csv.h"
#include "runtime/corpus/lines.h"
#include "runtime/corpus/parquet/rows.h"
#include "runtime/text/utf8.h"

namespace llc::corpus {

namespace {
bool isBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n\f\v") == text.npos; }

std::string tooLongText(uint64_t limit) { return fmt::format("is longer than {}", humanBytes(limit)); }

// What counts of an object; `why` when it is broken.
std::string contentOf(const nlohmann::json &object, const RecordOptions &options, std::string &why) {
  if (!options.accepts) {
    auto text = textOf(object, options.fields);
    if (!text) why = text.error().what;
    return text ? std::move(*text) : std::string();
  }
  if (Status status = options.accepts(object); !status) {
    why = status.error().what;
    return {};
  }
  return object.dump();
}

// Fills a record from what was read; false if it is blank and does not count.
bool finish(Record &record, std::string &&text, const std::string &why) {
  record.why = why;
  if (why.empty() && !text::validUtf8(text)) record.why = "is no valid UTF-8";
  record.kind = record.why.empty() ? Record::Kind::good : Record::Kind::broken;
  record.text = std::move(text);
  return record.kind == Record::Kind::broken || !isBlank(record.text);
}

class TextReader final : public RecordReader {
 public:
  TextReader(std::unique_ptr<ByteStream> stream, const RecordOptions &options)
      : lines_(std::move(stream), options.maxRecordBytes), options_(options) {}
  uint64_t consumed() const override { return lines_.consumed(); }

  Status next(Record &record) override {
    for (;;) {
      std::string text, why;
      record.line = lines_.number() + 1;
      LLC_ASSIGN(bool any, gather(text, why));
      if (!any) return record.kind = Record::Kind::end, success();
      if (options_.accepts && why.empty() && !isBlank(text) && text::validUtf8(text))
        text = contentOf({{"text", text}}, options_, why);
      if (finish(record, std::move(text), why)) return success();
    }
  }

 private:
  bool separates(std::string_view line) const {
    const std::string &separator = options_.separator;
    return separator == "blank" ? isBlank(line) : separator != "file" && line == separator;
  }

  // The lines of one document; false at the end of the file.
  Result<bool> gather(std::string &text, std::string &why) {
    bool any = false;
    std::string_view line;
    for (;;) {
      LLC_ASSIGN(bool more, lines_.next(line));
      if (!more) return any;
      if (lines_.tooLong() || text.size() + line.size() > options_.maxRecordBytes)
        why = tooLongText(options_.maxRecordBytes);
      if (options_.separator == "line") return text = line, true;
      if (separates(line)) return true;
      if (any) text += '\n';
      if (why.empty()) text += line;
      any = true;
    }
  }
  Lines lines_;
  RecordOptions options_;
};

class JsonReader final : public RecordReader {
 public:
  JsonReader(std::unique_ptr<ByteStream> stream, const RecordOptions &options)
      : lines_(std::move(stream), options.maxRecordBytes), options_(options) {}
  uint64_t consumed() const override { return lines_.consumed(); }

  Status next(Record &record) override {
    std::string_view line;
    for (;;) {
      LLC_ASSIGN(bool more, lines_.next(line));
      if (!more) return record.kind = Record::Kind::end, success();
      record.line = lines_.number();
      if (isBlank(line)) continue;
      std::string text, why;
      if (lines_.tooLong())
        why = tooLongText(options_.maxRecordBytes);
      else if (auto json = parseJson(line, ""); !json)
        why = json.error().what;
      else
        text = contentOf(*json, options_, why);
      if (finish(record, std::move(text), why)) return success();
    }
  }

 private:
  Lines lines_;
  RecordOptions options_;
};

class CsvReader final : public RecordReader {
 public:
  CsvReader(std::unique_ptr<ByteStream> stream, char delimiter, const RecordOptions &options)
      : rows_(std::move(stream), delimiter, options.maxRecordBytes), options_(options) {}
  uint64_t consumed() const override { return rows_.consumed(); }

  Status next(Record &record) override {
    CsvRow row;
    for (;;) {
      LLC_ASSIGN(bool more, rows_.next(row));
      record.line = row.line;
      if (!more) return record.kind = Record::Kind::end, success();
      std::string text;
      if (row.why.empty() && names_.empty()) {
        if (readHeader(row)) continue;
      } else if (row.why.empty()) {
        text = textOfRow(row);
      }
      if (finish(record, std::move(text), row.why)) return success();
    }
  }

 private:
  // The first row names the columns; false with row.why set when it can't.
  bool readHeader(CsvRow &row) {
    for (size_t i = 0; i < row.cells.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (row.cells[i] == row.cells[j]) row.why = "the first line names two columns '" + row.cells[i] + "'";
    names_ = row.cells;
    return row.why.empty();
  }
  std::string textOfRow(CsvRow &row) const {
    if (row.cells.size() != names_.size()) {
      row.why = fmt::format("has {} fields, the first line names {}", row.cells.size(), names_.size());
      return {};
    }
    nlohmann::json object = nlohmann::json::object();
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!text::validUtf8(names_[i]) || !text::validUtf8(row.cells[i])) return row.why = "is no valid UTF-8", "";
      if (!row.cells[i].empty()) object[names_[i]] = std::move(row.cells[i]);
    }
    return object.empty() ? std::string() : contentOf(object, options_, row.why);
  }
  CsvRows rows_;
  RecordOptions options_;
  std::vector<std::string> names_;
};

class ParquetReader final : public RecordReader {
 public:
  ParquetReader(std::unique_ptr<parquet::Rows> rows, const RecordOptions &options)
      : rows_(std::move(rows)), options_(options) {}
  uint64_t consumed() const override { return rows_->consumed(); }

  Status next(Record &record) override {
    nlohmann::json row;
    for (;;) {
      std::string text, why;
      LLC_ASSIGN(bool more, rows_->next(row, why));
      if (!more) return record.kind = Record::Kind::end, success();
      record.line = rows_->number();
      if (why.empty()) text = contentOf(row, options_, why);
      if (finish(record, std::move(text), why)) return success();
    }
  }

 private:
  std::unique_ptr<parquet::Rows> rows_;
  RecordOptions options_;
};
}  // namespace

Result<std::unique_ptr<RecordReader>> RecordReader::open(const InputFile &file, const RecordOptions &options) {
  using Reader = std::unique_ptr<RecordReader>;
  if (file.format == Format::parquet) {
    // Of examples any column may count.
    bool needsAll = options.accepts != nullptr;
    LLC_ASSIGN(auto rows, parquet::Rows::open(file.path, needsAll ? std::vector<std::string>() : options.fields,
                                              options.maxRecordBytes));
    return Reader(std::make_unique<ParquetReader>(std::move(rows), options));
  }
  LLC_ASSIGN(auto stream, ByteStream::open(file.path));
  switch (file.format) {
    case Format::jsonl:
      return Reader(std::make_unique<JsonReader>(std::move(stream), options));
    case Format::csv:
      return Reader(std::make_unique<CsvReader>(std::move(stream), ',', options));
    case Format::tsv:
      return Reader(std::make_unique<CsvReader>(std::move(stream), '\t', options));
    case Format::text:
    case Format::parquet:
      break;
  }
  return Reader(std::make_unique<TextReader>(std::move(stream), options));
}

}  // namespace llc::corpus
