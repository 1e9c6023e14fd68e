// tokenize: texts to ids and back, line by line.
#include <fstream>
#include <iostream>

#include "runtime/abi/artifact.h"
#include "runtime/base/json_read.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/tokenizer_files.h"
#include "tools/cli/command.h"
#include "tools/cli/model.h"

namespace llc::cli {

namespace {
struct TokenizeFlags {
  std::string model = defaultModel, input = "-", output = "-", text;
  bool addSpecial = false, decode = false, skipSpecial = false;
};

void declareTokenize(CLI::App &app, TokenizeFlags &o) {
  app.add_option("MODEL", o.model,
                 "Directory (tokenizer files are enough), tokenizer file, artifact, or built-in model")
      ->capture_default_str();
  auto *input = app.add_option("--input", o.input, "Lines {\"text\": ...} (with --decode: {\"ids\": [...]}); - is stdin");
  input->capture_default_str();
  app.add_option("-p,--prompt", o.text, "One text (with --decode: ids 1,2,3) instead of a file")->excludes(input);
  app.add_option("--output", o.output, "File for the results, one JSON object a line; - is stdout")->capture_default_str();
  auto *decode = app.add_flag("--decode", o.decode, "From ids to text");
  app.add_flag("--add-special", o.addSpecial, "Adds what the tokenizer puts around a text (beginning of text ...)")->excludes(decode);
  app.add_flag("--skip-special", o.skipSpecial, "Leaves special tokens out of the text")->needs(decode);
}

bool isTokenizerFile(const std::string &path) {
  return path.ends_with(".json") || path.ends_with(".model") || path.ends_with(".tiktoken") || path.ends_with(".txt");
}

Result<std::unique_ptr<Tokenizer>> load(const std::string &model) {
  if (isTokenizerFile(model)) {
    LLC_ASSIGN(auto files, readTokenizerFiles(model));
    return Tokenizer::fromFiles(files);
  }
  LLC_ASSIGN(ModelPlace place, findModel(model));
  if (place.kind == ModelKind::directory) return Tokenizer::load(place.path);
  LLC_ASSIGN(Artifact artifact, openArtifact(place.path));
  std::map<std::string, std::string> files;
  for (const FilePart &part : artifact.manifest.files)
    if (auto content = artifact.file(part.name)) files.emplace(part.name, *content);
  if (!files.empty()) return Tokenizer::fromFiles(files);
  return diagnose(ErrorKind::notFound, model)
      .says("was compiled without a tokenizer")
      .toFix("give the directory that it was compiled from");
}

Result<Json> convert(const Tokenizer &tokenizer, const TokenizeFlags &o, const Json &line, const std::string &where) {
  LLC_ASSIGN(JsonObject object, JsonObject::of(line, where));
  if (!o.decode) {
    LLC_ASSIGN(std::string text, object.text("text"));
    EncodeOptions encode;
    encode.addSpecial = o.addSpecial;
    LLC_ASSIGN(auto ids, tokenizer.encode(text, encode));
    return Json{{"ids", ids}};
  }
  LLC_ASSIGN(auto wide, object.integers("ids", 0, INT32_MAX));
  return Json{{"text", tokenizer.decode({wide.begin(), wide.end()}, o.skipSpecial)}};
}

void printLine(std::ostream &out, const Json &json) { out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n'; }

Status convertLines(const Tokenizer &tokenizer, const TokenizeFlags &o, std::istream &in, std::ostream &out) {
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \r") == std::string::npos) continue;
    std::string where = (o.input == "-" ? "stdin" : o.input) + ":" + std::to_string(number);
    LLC_ASSIGN(Json json, parseJson(line, where));
    LLC_ASSIGN(Json result, convert(tokenizer, o, json, where));
    printLine(out, result);
  }
  return success();
}

Error cannotOpen(const char *flag, const std::string &path) {
  return diagnose(ErrorKind::notFound, flag).says("can't open " + path + ": " + std::strerror(errno)).toFix("check path and permissions");
}

Status runTokenize(Context &, CLI::App &app, TokenizeFlags &o) {
  LLC_ASSIGN(auto tokenizer, load(o.model));
  std::ifstream inFile;
  std::ofstream outFile;
  if (o.input != "-" && (inFile.open(o.input, std::ios::binary), !inFile)) return cannotOpen("--input", o.input);
  if (o.output != "-" && (outFile.open(o.output, std::ios::binary), !outFile)) return cannotOpen("--output", o.output);
  std::ostream &out = o.output == "-" ? std::cout : outFile;
  if (app.count("--prompt")) {
    Json line = {{"text", o.text}};
    if (o.decode) {
      LLC_ASSIGN(line, parseJson("{\"ids\":[" + o.text + "]}", "--prompt"));
    }
    LLC_ASSIGN(Json result, convert(*tokenizer, o, line, "--prompt"));
    printLine(out, result);
  } else {
    LLC_TRY(convertLines(*tokenizer, o, o.input == "-" ? std::cin : inFile, out));
  }
  out.flush();
  if (out) return success();
  return diagnose(ErrorKind::resource, o.output).says("can't be written").toFix("free space on the disk, or choose another place");
}
}  // namespace

void addTokenize(Context &context) {
  addCommand<TokenizeFlags>(context, "tokenize", "Texts to token ids, and back", declareTokenize, runTokenize);
}

}  // namespace llc::cli
