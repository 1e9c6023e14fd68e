#include "runtime/corpus/prepared_data.h"

#include <filesystem>

#include "runtime/data/manifest.h"
#include "runtime/text/tokenizer_files.h"

namespace llc::corpus {

namespace {
nlohmann::json toJson(const std::vector<SourceReport> &reports) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto &report : reports)
    list.push_back({{"name", report.name},
                    {"weight", report.weight ? nlohmann::json(*report.weight) : nlohmann::json()},
                    {"documents", report.counts.documents},
                    {"bad_records", report.counts.broken},
                    {"text_bytes", report.counts.textBytes},
                    {"sequences", report.sequences},
                    {"tokens", report.tokens},
                    {"left_out", report.leftOut},
                    {"finished", report.finished}});
  return list;
}
}  // namespace

Result<TokenizerWithHash> makeTokenizer(std::map<std::string, std::string> files) {
  TokenizerWithHash result;
  result.files = std::move(files);
  LLC_ASSIGN(result.tokenizer, Tokenizer::fromFiles(result.files));
  result.hash = tokenizerHash(result.files);
  return result;
}

Result<TokenizerWithHash> loadTokenizer(const std::string &path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return diagnose(ErrorKind::notFound, path)
        .says("there is no tokenizer")
        .toFix("make one (llc-model tokenizer train -i TEXTS -o FOLDER), or give one with --tokenizer-path");
  LLC_ASSIGN(auto files, readTokenizerFiles(path));
  return makeTokenizer(std::move(files));
}

std::function<void(const std::string &)> brokenRecordWarnings(Progress &progress) {
  return [&progress, shown = std::make_shared<int>(0)](const std::string &text) {
    if (*shown < 10) progress.note("warning: skipped " + text);
    if (++*shown == 10) progress.note("warning: further broken records are counted, not shown");
  };
}

std::string hexOf(const data::Sha256Digest &digest) {
  std::string text;
  for (uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

data::Sha256Digest digestOf(const std::string &hex) {
  data::Sha256Digest digest = {};
  for (size_t i = 0; i < digest.size(); ++i) digest[i] = uint8_t(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  return digest;
}

nlohmann::json toJson(const data::DatasetHeader &header) {
  return {{"sequences", header.sequences}, {"tokens", header.tokens},    {"vocabulary", header.vocabulary},
          {"id_bytes", header.idBytes},    {"has_ends", header.hasEnds}, {"tokenizer_sha256", hexOf(header.tokenizer)},
          {"marked", header.marked},       {"paired", header.paired}};
}

Status checkTokenizer(const data::Dataset &dataset, const TokenizerWithHash &tokenizer, const std::string &path) {
  const data::Sha256Digest &known = dataset.header().tokenizer;
  if (known == data::Sha256Digest{} || hexOf(known) == tokenizer.hash) return success();
  return diagnose(ErrorKind::invalidInput, path)
      .says("is another tokenizer than the one that " + dataset.path() + " was made with (SHA-256 " + hexOf(known) +
            ")")
      .toFix("give that one, or prepare the data again with this one");
}

std::function<void(uint64_t, uint64_t)> readingBar(Progress &progress) {
  progress.step("encoding", 1000);
  return [&progress, shown = uint64_t(0)](uint64_t read, uint64_t total) mutable {
    for (uint64_t now = total ? std::min<uint64_t>(1000, read * 1000 / total) : 0; shown < now; ++shown)
      progress.advance();
  };
}

Result<PreparedDataset> prepareDataset(const std::vector<Input> &inputs, const TokenizerWithHash &tokenizer,
                                       const PrepareOptions &options, const std::string &output, Progress &progress) {
  const Tokenizer &encoder = *tokenizer.tokenizer;
  data::DatasetHeader header;
  header.vocabulary = uint32_t(encoder.vocabularySize());
  header.hasEnds = !options.encode && ((options.addBos && encoder.bosId()) || (options.addEos && encoder.eosId()));
  header.marked = options.marked, header.paired = options.paired;
  header.tokenizer = digestOf(tokenizer.hash);
  if (auto folder = std::filesystem::path(output).parent_path(); !folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
  }
  LLC_ASSIGN(auto writer, data::DatasetWriter::create(output, header));
  PreparedDataset made;
  LLC_ASSIGN(made.reports, prepare(inputs, encoder, options, writer, readingBar(progress)));
  if (writer.header().tokens == 0)
    return diagnose(ErrorKind::invalidInput, inputs.empty() ? "" : inputs[0].name)
        .says("there is no text in it; nothing was written")
        .toFix("check the files and --field");
  LLC_TRY(writer.commit());
  made.paths = writer.paths();
  made.header = writer.header();
  made.about = toJson(made.header);
  made.about["sources"] = toJson(made.reports);
  made.about["tokenizer_kind"] = encoder.kind();
  made.about["max_length"] = options.maxLength;
  LLC_TRY(data::writeManifest(made.paths, made.about));
  return made;
}

}  // namespace llc::corpus
