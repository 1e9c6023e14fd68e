#include "runtime/serve/commands.h"

#include <cmath>
#include <cstdio>

#include "runtime/base/memory.h"

namespace llc {

namespace {
void printJson(const nlohmann::json &json) {
  std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}
bool printNow(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}
}  // namespace

std::map<std::string, std::string> filesOf(const Program &program) {
  std::map<std::string, std::string> files;
  for (const FilePart &part : program.manifest().files)
    if (auto content = program.file(part.name)) files.emplace(part.name, *content);
  return files;
}

Result<std::unique_ptr<Tokenizer>> tokenizerOf(const Program &program) {
  std::map<std::string, std::string> files = filesOf(program);
  if (!files.empty()) return Tokenizer::fromFiles(files);
  return diagnose(ErrorKind::notFound, program.manifest().name)
      .says("was compiled without a tokenizer")
      .toFix("give token ids (--ids), or compile from a directory that holds a tokenizer");
}

GenerateOptions generateOptions(const GenerationDefaults &defaults) {
  GenerateOptions options;
  options.sampling.temperature = defaults.temperature;
  options.sampling.topK = defaults.topK;
  options.sampling.topP = defaults.topP;
  options.sampling.minP = defaults.minP;
  options.sampling.repeatPenalty = defaults.repeatPenalty;
  options.eos = defaults.eos;
  return options;
}

Result<std::vector<int32_t>> idsOf(const TextOrIds &input, const Tokenizer *tokenizer) {
  if (input.hasIds) return input.ids;
  EncodeOptions options;
  options.addSpecial = true;
  if (tokenizer) return tokenizer->encode(input.text, options);
  return diagnose(ErrorKind::invalidInput, "--prompt")
      .says("text needs a tokenizer, and this model has none")
      .toFix("give token ids with --ids 1,2,3");
}

namespace {
double perSecond(int64_t count, double seconds) { return seconds > 0 ? double(count) / seconds : 0; }

nlohmann::json toJson(const GenerateResult &result) {
  nlohmann::json json = {{"ids", result.ids},
                         {"text", result.text},
                         {"finish_reason", finishReasonName(result.reason)},
                         {"prompt_tokens", result.promptTokens},
                         {"prefill_s", result.prefillSeconds},
                         {"decode_s", result.decodeSeconds}};
  if (!result.logProbs.empty()) json["log_probs"] = result.logProbs;
  if (result.keptTokens) json["kept_tokens"] = result.keptTokens;
  return json;
}

void printStats(const GenerateResult &result) {
  int64_t decoded = std::max<int64_t>(0, int64_t(result.ids.size()) - 1);
  fmt::print(stderr, "prompt {} tokens, {:.1f} tok/s; generated {} tokens, {:.1f} tok/s; ended by {}\n",
             result.promptTokens, perSecond(result.promptTokens - result.keptTokens, result.prefillSeconds),
             result.ids.size(), perSecond(decoded, result.decodeSeconds), finishReasonName(result.reason));
}
}  // namespace

namespace {
Status chatCommand(Engine &engine, const Tokenizer *tokenizer, const RunOptions &options,
                   const std::map<std::string, std::string> &files) {
  if (!tokenizer)
    return diagnose(ErrorKind::invalidInput, "--chat")
        .says("text needs a tokenizer, and this model has none")
        .toFix("copy the model's tokenizer beside it");
  ChatOutput output;
  if (!options.json) output.print = printNow;
  output.onAnswer = [&](const GenerateResult &result) {
    if (options.json)
      printJson(toJson(result));
    else
      printNow("\n");
    if (options.stats) printStats(result);
  };
  return converse(engine, *tokenizer, files, options.chat, options.prompt.text, options.generate, output);
}
}  // namespace

Status checkInput(const RunOptions &options) {
  const TextOrIds &prompt = options.prompt;
  if (options.chat.on || prompt.hasIds || prompt.hasText || !prompt.text.empty()) return success();
  return diagnose(ErrorKind::invalidInput, "--prompt")
      .says("is missing: there is nothing to go on from")
      .toFix("give -p TEXT or --ids 1,2,3, or talk to the model with --chat");
}

Status runCommand(Engine &engine, const Tokenizer *tokenizer, const RunOptions &options,
                  const std::map<std::string, std::string> &files) {
  LLC_TRY(checkInput(options));
  if (options.chat.on) return chatCommand(engine, tokenizer, options, files);
  LLC_ASSIGN(auto prompt, idsOf(options.prompt, tokenizer));
  std::optional<TokenizerStream> stream;
  if (tokenizer) stream.emplace(*tokenizer);
  if (!options.json && options.echo)
    printNow(tokenizer ? tokenizer->decode(prompt, true) : fmt::format("{}", fmt::join(prompt, ",")));
  std::function<bool(std::string_view)> sink;
  if (!options.json) sink = printNow;
  LLC_ASSIGN(GenerateResult result, generate(engine, prompt, options.generate, stream ? &*stream : nullptr, sink));
  if (options.json)
    printJson(toJson(result));
  else
    printNow(tokenizer ? "\n" : fmt::format("{}\n", fmt::join(result.ids, ",")));
  if (options.stats) printStats(result);
  return success();
}

namespace {
// What each token adds to the text, quoted, so that blanks and line ends are seen. A character of several tokens is the
// last one's.
std::vector<std::string> piecesOf(std::span<const int32_t> ids, const Tokenizer *tokenizer) {
  std::vector<std::string> pieces(ids.size());
  if (!tokenizer) return pieces;
  StreamDecoder stream(*tokenizer, /*skipSpecial=*/false);
  for (size_t i = 0; i < ids.size(); ++i) {
    std::string text = stream.push(ids[i]);
    if (i + 1 == ids.size()) text += stream.finish();
    pieces[i] = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return pieces;
}
}  // namespace

Status scoreCommand(Engine &engine, const Tokenizer *tokenizer, const ScoreOptions &options) {
  LLC_ASSIGN(auto ids, idsOf(options.input, tokenizer));
  if (ids.size() < 2)
    return diagnose(ErrorKind::invalidInput, "score")
        .says(counted(int64_t(ids.size()), "token") + " can't be scored: each is judged by those before it")
        .toFix("give a longer text");
  LLC_ASSIGN(auto logProbs, engine.score(ids));
  double sum = 0;
  for (float value : logProbs) sum += value;
  double perplexity = std::exp(-sum / double(logProbs.size()));
  if (options.json) {
    printJson({{"ids", ids}, {"log_probs", logProbs}, {"sum", sum}, {"perplexity", perplexity}});
    return success();
  }
  std::vector<std::string> pieces = piecesOf(ids, tokenizer);
  for (size_t i = 0; i < logProbs.size(); ++i)
    fmt::print("{:8} {:10.4f}  {}\n", ids[i + 1], logProbs[i], pieces[i + 1]);
  fmt::print("tokens {}, sum of log-probabilities {:.4f}, perplexity {:.4f}\n", logProbs.size(), sum, perplexity);
  return success();
}

Status benchCommand(Session &session, const BenchOptions &options, bool json) {
  LLC_ASSIGN(BenchResult result, bench(session, options));
  const auto &versions = session.program().manifest().versions;
  auto activations = versions.find("activations");
  nlohmann::json answer = toJson(result);
  if (activations != versions.end()) answer["activations"] = activations->second;
  if (json)
    printJson(answer);
  else
    fmt::print("{}", describe(result));
  return success();
}

void infoCommand(const Manifest &m, bool json) {
  if (json) {
    fmt::print("{}", toJson(m));
    return;
  }
  uint64_t parameterBytes = 0, cacheBytes = 0;
  for (const ParameterSpec &parameter : m.parameters) parameterBytes += parameter.bytes;
  for (const CacheSpec &cache : m.caches) cacheBytes += cache.pageBytes();
  fmt::print("model       {} ({}), {}\n", m.name, m.model, m.dtype);
  fmt::print("shape       {} layers, hidden {}, vocabulary {}\n", m.layers, m.hidden, m.vocabulary);
  fmt::print("limits      context {}, {} tokens and {} result rows per step, {} sequences\n", m.maxContext, m.maxTokens,
             m.maxRows, m.maxSequences);
  fmt::print("code        levels {}; entries", fmt::join(m.levels, ", "));
  for (const EntrySpec &entry : m.entries) fmt::print(" {}", entry.name);
  fmt::print("\nparameters  {}, {}; {} are read per token\n", m.parameters.size(), humanBytes(parameterBytes),
             humanBytes(m.bytesPerToken));
  fmt::print("memory      activations {}, scratch {} per thread, cache {} per token{}\n", humanBytes(m.arenaBytes),
             humanBytes(m.scratchBytes), humanBytes(cacheBytes / LLC_PAGE_TOKENS),
             m.caches.empty() ? "" : fmt::format(" ({})", dtypeName(m.caches.front().element)));
  for (const FilePart &file : m.files) fmt::print("file        {} ({})\n", file.name, humanBytes(file.bytes));
  for (auto &[name, version] : m.versions) fmt::print("made with   {} {}\n", name, version);
}

Status finishOutput() {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return success();
  return diagnose(ErrorKind::resource, "standard output")
      .says("could not be written to the end")
      .toFix("free space where it goes, or send it elsewhere");
}

int report(const Error &error) {
  fmt::print(stderr, "error: {}\n", error.text());
  return error.exitCode();
}

int reportingExceptions(const std::function<int()> &body, const char *memoryRemedy, const char *bugRemedy) {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return report(diagnose(ErrorKind::resource).says("memory ran out").toFix(memoryRemedy));
  } catch (const std::exception &error) {
    return report(diagnose(ErrorKind::internal).says(error.what()).toFix(bugRemedy));
  }
}

}  // namespace llc
