#include "runtime/serve/session.h"

#include <cmath>

#include "runtime/base/mapped_file.h"
#include "runtime/base/memory.h"
#include "runtime/sampling/sampler.h"
#include "runtime/threads/limits.h"

namespace llc {

namespace {
constexpr std::string_view flags = "lower --context or --threads, or close other programs";

// Bytes of a result at its largest.
uint64_t largest(const TensorSpec &tensor, const Manifest &m) {
  uint64_t size = byteSize(tensor.type);
  for (int64_t dimension : tensor.shape) {
    int64_t bound = dimension >= 0                             ? dimension
                    : dimension == dynamicSize(LLC_DIM_TOKENS) ? m.maxTokens
                    : dimension == dynamicSize(LLC_DIM_ROWS)   ? m.maxRows
                                                               : m.maxSequences;
    size = checkedMultiply(size, uint64_t(bound)).value_or(UINT64_MAX);
  }
  return size;
}

int64_t contextOf(const Manifest &m, const SessionOptions &options) {
  return options.context ? options.context : m.maxContext;
}

constexpr uint64_t bytesPerThread = 4 << 20;
int64_t usefulThreads(const Manifest &m) {
  return int64_t(std::max<uint64_t>(1, std::min<uint64_t>(m.bytesPerToken / bytesPerThread, LLC_MAX_THREADS)));
}
}  // namespace

uint64_t scratchStride(const Manifest &m) { return (m.scratchBytes + 4095) / 4096 * 4096; }

int64_t defaultThreads(const Manifest &m) { return std::min(usefulThreads(m), threadLimits().threads); }

std::string threadsAndReason(const Manifest &m, int64_t asked, int64_t threads) {
  std::string text = counted(threads, "thread") + ": ";
  if (asked > threads) return text + fmt::format("{} were asked for, the system gives no more", asked);
  if (asked > 0) return text + "asked for with --threads";
  ThreadLimits limits = threadLimits();
  if (usefulThreads(m) >= limits.threads) return text + limits.reason;
  return text + fmt::format("one for each {} that a step reads at most, and it reads {} (this machine allows {})",
                            humanBytes(bytesPerThread), humanBytes(m.bytesPerToken), limits.threads);
}

Result<MemoryPlan> planMemory(const Manifest &m, const SessionOptions &options, int64_t threads) {
  MemoryPlan plan;
  for (const ParameterSpec &parameter : m.parameters) plan.parameters += parameter.bytes;
  plan.arena = m.arenaBytes;
  plan.scratch = scratchStride(m) * uint64_t(threads);
  LLC_ASSIGN(plan.caches, PagedCache::bytesNeeded(m.caches, options.sequences, contextOf(m, options)));
  for (const EntrySpec &entry : m.entries)
    for (const TensorSpec &output : entry.outputs) plan.results = std::max(plan.results, largest(output, m));
  return plan;
}

// What one entry is called with; the pointers stay the same for the session's life.
struct Session::Entry {
  llc_entry function = nullptr;
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
  int64_t columns = 1;    // of the result
  bool perToken = false;  // one result row per token instead of one per wanted row
};

struct Session::Buffers {
  std::shared_ptr<void> arena, scratch, results;
  llc_batch batch = {};
  llc_context context = {};
  std::array<int64_t, 3> sizes = {};
  std::vector<int32_t> tokens, positions, sequenceOf, starts, contextLengths, sequenceLengths, pageTable, rows, targets;
  std::map<std::string, Entry, std::less<>> entries;
  std::vector<float> collected;  // results of calls that took more than one step
};

Session::Session() : buffers_(std::make_unique<Buffers>()) {}
Session::~Session() = default;

namespace {
Status checkOptions(const Manifest &m, const SessionOptions &options) {
  if (options.context > m.maxContext || options.context < 0)
    return diagnose(ErrorKind::invalidInput, "--context")
        .says(fmt::format("is {}, the model was compiled for at most {}", options.context, m.maxContext))
        .toFix(fmt::format("compile with --max-context {}, or ask for less", options.context));
  if (contextOf(m, options) <= m.virtualTokens)
    return diagnose(ErrorKind::invalidInput, "--context")
        .says(
            fmt::format("is {}, and {} virtual tokens stand before each text", contextOf(m, options), m.virtualTokens))
        .toFix("ask for more");
  if (options.sequences < 1)
    return diagnose(ErrorKind::invalidInput)
        .says("a session needs room for at least one sequence")
        .toFix("ask for one");
  if (options.threads < 0 || options.threads > LLC_MAX_THREADS)
    return diagnose(ErrorKind::invalidInput, "--threads")
        .says(fmt::format("is {}", options.threads))
        .toFix(fmt::format("choose from 1 to {}, or 0 for what this machine allows", LLC_MAX_THREADS));
  return success();
}

Status checkMemory(const MemoryPlan &plan, uint64_t limit) {
  std::string source = "the limit given";
  if (limit == 0) {
    MemoryLimits machine = memoryLimits();
    limit = machine.availableBytes, source = machine.source;
  }
  if (plan.total() <= limit && plan.caches <= limit && plan.results <= limit && plan.arena <= limit) return success();
  return diagnose(ErrorKind::resource)
      .says(fmt::format("{} are needed (activations {}, scratch {}, cache {}, results {}), {} are there ({})",
                        humanBytes(plan.total()), humanBytes(plan.arena), humanBytes(plan.scratch),
                        humanBytes(plan.caches), humanBytes(plan.results), humanBytes(limit), source))
      .toFix(flags);
}
}  // namespace

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Program> program,
                                                 const SessionOptions &options) {
  const Manifest &m = program->manifest();
  LLC_TRY(checkOptions(m, options));
  std::unique_ptr<Session> session(new Session());
  session->program_ = std::move(program);
  for (int64_t i = 0; i < m.virtualTokens; ++i) session->virtualIds_.push_back(int32_t(m.vocabulary + i));
  session->limits_ = {m.vocabulary, m.hidden, contextOf(m, options) - m.virtualTokens, options.sequences};
  session->team_ = std::make_unique<ThreadTeam>(options.threads ? options.threads : defaultThreads(m));
  LLC_ASSIGN(session->memory_, planMemory(m, options, session->threads()));
  LLC_TRY(checkMemory(session->memory_, options.memoryLimit));
  LLC_TRY(session->allocate(options));
  return session;
}

Status Session::allocate(const SessionOptions &options) {
  const Manifest &m = program_->manifest();
  Buffers &b = *buffers_;
  LLC_ASSIGN(cache_, PagedCache::create(m.caches, options.sequences, contextOf(m, options)));
  LLC_ASSIGN(b.arena, allocatePages(memory_.arena, "activations", flags));
  LLC_ASSIGN(b.scratch, allocatePages(memory_.scratch, "scratch", flags));
  LLC_ASSIGN(b.results, allocatePages(memory_.results, "results", flags));
  size_t tokens = size_t(m.maxTokens), sequences = size_t(std::min(m.maxSequences, options.sequences));
  for (auto *list : {&b.tokens, &b.positions, &b.sequenceOf, &b.sequenceLengths, &b.targets}) list->assign(tokens, 0);
  b.rows.assign(size_t(m.maxRows), 0);
  b.starts.assign(sequences + 1, 0);
  b.contextLengths.assign(sequences, 0);
  b.pageTable.assign(sequences * size_t(cache_->pageStride()), 0);
  b.batch.token_ids = b.tokens.data();
  b.batch.positions = b.positions.data();
  b.batch.sequence_of = b.sequenceOf.data();
  b.batch.sequence_starts = b.starts.data();
  b.batch.context_lengths = b.contextLengths.data();
  b.batch.sequence_lengths = b.sequenceLengths.data();
  b.batch.page_table = b.pageTable.data();
  b.batch.page_stride = cache_->pageStride();
  b.batch.wanted_rows = b.rows.data();
  b.batch.targets = b.targets.data();
  b.context.abi_version = LLC_ABI_VERSION;
  b.context.arena = b.arena.get();
  b.context.scratch = b.scratch.get();
  b.context.scratch_stride = int64_t(scratchStride(m));
  b.context.parameters = program_->parameters();
  b.context.caches = cache_->bases();
  b.context.batch = &b.batch;
  b.context.sizes = b.sizes.data();
  for (const EntrySpec &spec : m.entries) LLC_TRY(addEntry(spec));
  return success();
}

Status Session::addEntry(const EntrySpec &spec) {
  Buffers &b = *buffers_;
  const std::pair<std::string_view, const void *> known[] = {{"tokens", b.tokens.data()},
                                                             {"positions", b.positions.data()},
                                                             {"rows", b.rows.data()},
                                                             {"targets", b.targets.data()}};
  Entry entry;
  entry.function = program_->entry(spec.name);
  for (const TensorSpec &input : spec.inputs) {
    auto place = std::find_if(std::begin(known), std::end(known), [&](auto &item) { return item.first == input.name; });
    if (place == std::end(known) || input.type != DType::i32)
      return diagnose(ErrorKind::unsupported, program_->manifest().name)
          .says(fmt::format("the entry '{}' wants the input '{}' ({})", spec.name, input.name, dtypeName(input.type)))
          .toFix("use a runtime of the version that compiled the model");
    entry.inputs.push_back(place->second);
  }
  if (spec.outputs.size() != 1 || spec.outputs[0].type != DType::f32 || spec.outputs[0].shape.empty())
    return diagnose(ErrorKind::unsupported, program_->manifest().name)
        .says(fmt::format("the entry '{}' gives something else than one f32 tensor", spec.name))
        .toFix("use a runtime of the version that compiled the model");
  const TensorSpec &output = spec.outputs[0];
  entry.outputs.push_back(b.results.get());
  entry.perToken = output.shape[0] == dynamicSize(LLC_DIM_TOKENS);
  for (size_t i = 1; i < output.shape.size(); ++i) entry.columns *= output.shape[i];
  b.entries[spec.name] = std::move(entry);
  return success();
}

Result<const Session::Entry *> Session::find(std::string_view name) const {
  auto place = buffers_->entries.find(name);
  if (place != buffers_->entries.end()) return &place->second;
  bool classifies = buffers_->entries.contains("classify");
  if (classifies || name == "classify")
    return diagnose(ErrorKind::unsupported, program_->manifest().name)
        .says(classifies ? "gives whole texts scores and predicts no tokens" : "predicts tokens and has no labels")
        .toFix(classifies ? "use llc-model classify"
                          : "use a model for sequence classification, or make one with --trainer reward");
  return diagnose(ErrorKind::unsupported, program_->manifest().name)
      .says(fmt::format("was compiled without the entry '{}'", name))
      .toFix("compile the model again with this version of llc-model");
}

Result<int64_t> Session::open() { return cache_->open(); }
void Session::close(int64_t sequence) { cache_->close(sequence); }
int64_t Session::length(int64_t sequence) const {
  return std::max<int64_t>(0, cache_->length(sequence) - int64_t(virtualIds_.size()));
}

std::string Session::description() const {
  return fmt::format("compiled code, {}, {}", program_->level(), counted(threads(), "thread"));
}

Status Session::check(std::span<const SequenceTokens> batch) const {
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!cache_->isOpen(batch[i].sequence))
      return diagnose(ErrorKind::invalidInput)
          .says(fmt::format("the sequence {} is not open", batch[i].sequence))
          .toFix("open it first");
    for (size_t j = 0; j < i; ++j)
      if (batch[j].sequence == batch[i].sequence)
        return diagnose(ErrorKind::invalidInput)
            .says(fmt::format("the sequence {} appears twice in one batch", batch[i].sequence))
            .toFix("join its tokens");
    for (int32_t token : batch[i].tokens)
      if (token < 0 || token >= limits_.vocabulary)
        return diagnose(ErrorKind::invalidInput)
            .says(fmt::format("the token id {} is outside the vocabulary of {}", token, limits_.vocabulary))
            .toFix("use the tokenizer that belongs to this model");
  }
  return success();
}

// One walk over a batch that may be larger than a step: cuts it into steps, in order.
struct Session::Cutter {
  std::span<const SequenceTokens> batch;
  std::vector<int64_t> before;  // length of each sequence before this call
  size_t sequence = 0;          // where the next step begins
  int64_t token = 0;
};

bool Session::fillStep(Cutter &cutter) {
  const Manifest &m = program_->manifest();
  Buffers &b = *buffers_;
  llc_batch &step = b.batch;
  step.tokens = step.sequences = step.rows = 0;
  while (cutter.sequence < cutter.batch.size() && step.sequences < int64_t(b.contextLengths.size())) {
    const SequenceTokens &part = cutter.batch[cutter.sequence];
    int64_t count = int64_t(part.tokens.size()), old = cutter.before[cutter.sequence], s = step.sequences;
    b.starts[size_t(s)] = int32_t(step.tokens);
    bool stepIsFull = false;
    int64_t first = cutter.token;
    for (; cutter.token < count; ++cutter.token) {
      bool wanted = part.wanted == Wanted::all || (part.wanted == Wanted::last && cutter.token + 1 == count);
      stepIsFull = step.tokens == m.maxTokens || (wanted && step.rows == m.maxRows);
      if (stepIsFull) break;
      size_t t = size_t(step.tokens);
      if (wanted) b.rows[size_t(step.rows++)] = int32_t(step.tokens);
      b.tokens[t] = part.tokens[size_t(cutter.token)];
      b.positions[t] = int32_t(old + cutter.token);
      b.sequenceOf[t] = int32_t(s);
      b.sequenceLengths[t] = int32_t(old + count);
      int32_t next = cutter.token + 1 < count ? part.tokens[size_t(cutter.token + 1)] : 0;
      b.targets[t] = next < m.vocabulary ? next : 0;  // nobody predicts virtual tokens
      ++step.tokens;
    }
    if (cutter.token > first) {
      b.contextLengths[size_t(s)] = int32_t(old + cutter.token);
      auto pages = cache_->pageTable(part.sequence);
      std::copy(pages.begin(), pages.end(), b.pageTable.begin() + s * cache_->pageStride());
      b.starts[size_t(++step.sequences)] = int32_t(step.tokens);
    }
    if (stepIsFull) break;
    ++cutter.sequence;
    cutter.token = 0;
  }
  return step.tokens > 0;
}

Rows Session::runStep(const Entry &entry) {
  Buffers &b = *buffers_;
  b.sizes = {b.batch.tokens, b.batch.rows, b.batch.sequences};
  b.context.inputs = entry.inputs.data();
  b.context.outputs = entry.outputs.data();
  if (observer_) observer_->before(b.context);
  team_->run(entry.function, b.context);
  if (observer_) observer_->after(b.context);
  return {static_cast<const float *>(b.results.get()), entry.perToken ? b.batch.tokens : b.batch.rows, entry.columns};
}

Result<Rows> Session::runBatch(const Entry &entry, std::span<const SequenceTokens> batch) {
  Cutter cutter{batch, {}};
  for (const SequenceTokens &part : batch) cutter.before.push_back(cache_->length(part.sequence));
  for (size_t i = 0; i < batch.size(); ++i)
    if (Status grown = cache_->grow(batch[i].sequence, int64_t(batch[i].tokens.size())); !grown) {
      while (i-- > 0) cache_->shrink(batch[i].sequence, cutter.before[i]);
      return std::move(grown.error());
    }
  Buffers &b = *buffers_;
  b.collected.clear();
  Rows last{nullptr, 0, entry.columns};
  int64_t rows = 0;
  while (fillStep(cutter)) {
    // Results are handed out where the program left them; only when a further step overwrites them are they copied.
    if (last.rows) b.collected.insert(b.collected.end(), last.data, last.data + last.rows * last.columns);
    last = runStep(entry);
    rows += last.rows;
  }
  if (b.collected.empty()) return last;
  b.collected.insert(b.collected.end(), last.data, last.data + last.rows * last.columns);
  return Rows{b.collected.data(), rows, entry.columns};
}

Result<Rows> Session::step(std::span<const SequenceTokens> batch) {
  LLC_ASSIGN(const Entry *entry, find("step"));
  LLC_TRY(check(batch));
  if (!virtualIds_.empty()) LLC_TRY(begin(*entry, batch));
  return runBatch(*entry, batch);
}

// Feeds the virtual tokens of those sequences that have nothing yet.
Status Session::begin(const Entry &entry, std::span<const SequenceTokens> batch) {
  std::vector<SequenceTokens> fresh;
  for (const SequenceTokens &part : batch)
    if (cache_->length(part.sequence) == 0) fresh.push_back({part.sequence, virtualIds_, Wanted::none});
  if (fresh.empty()) return success();
  LLC_ASSIGN([[maybe_unused]] Rows none, runBatch(entry, fresh));
  return success();
}

// A sequence of its own, from its beginning to its end.
Result<Rows> Session::runWhole(std::string_view name, std::span<const int32_t> tokens, Wanted wanted) {
  LLC_ASSIGN(const Entry *entry, find(name));
  LLC_ASSIGN(int64_t sequence, open());
  SequenceTokens part{sequence, tokens, wanted};
  std::vector<int32_t> all;
  Status fits = check({&part, 1});
  if (!virtualIds_.empty()) {
    all = virtualIds_;
    all.insert(all.end(), tokens.begin(), tokens.end());
    part.tokens = all;
  }
  Result<Rows> rows = fits ? runBatch(*entry, {&part, 1}) : Result<Rows>(std::move(fits.error()));
  close(sequence);
  if (!rows.ok() || virtualIds_.empty() || (wanted != Wanted::all && !entry->perToken)) return rows;
  int64_t skipped = int64_t(virtualIds_.size());
  return Rows{rows->data + skipped * rows->columns, rows->rows - skipped, rows->columns};
}

Result<std::vector<float>> Session::score(std::span<const int32_t> tokens) {
  LLC_ASSIGN(Rows rows, runWhole("score", tokens, Wanted::none));
  // The last token has no successor: its row predicts what is not there.
  size_t count = tokens.empty() ? 0 : tokens.size() - 1;
  return std::vector<float>(rows.data, rows.data + count);
}

Result<Rows> Session::embed(std::span<const int32_t> tokens, Wanted wanted) {
  return runWhole("embed", tokens, wanted);
}

Result<Rows> Session::classify(std::span<const int32_t> tokens) { return runWhole("classify", tokens, Wanted::last); }

}  // namespace llc
