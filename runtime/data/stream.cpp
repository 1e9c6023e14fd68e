#include "runtime/data/stream.h"

#include <cmath>

namespace llc::data {

namespace {
Error badOption(const std::string &what, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, "data").says(what).toFix(remedy);
}

Status check(const StreamOptions &o) {
  if (o.rows < 1 || o.length < 2 || o.rows > INT32_MAX || o.length > INT32_MAX / o.rows)
    return badOption(fmt::format("{} rows of {} tokens", o.rows, o.length),
                     "use at least 1 row of 2 tokens, and fewer than 2^31 tokens a batch");
  if (o.packBuffer < 1) return badOption("a packing buffer of less than one sequence", "use 1000");
  const Curriculum &c = o.curriculum;
  if (c.steps == 0) return success();
  int64_t end = c.endLength ? c.endLength : o.length;
  if (c.steps < 0 || c.multiple < 1 || c.batchesPerStep < 1 || c.startLength < 2 || c.startLength > end ||
      end > o.length)
    return badOption(fmt::format("a curriculum from {} to {} tokens in {} steps, with rows of {} tokens", c.startLength,
                                 end, c.steps, o.length),
                     "begin with at least 2 tokens, and end with not more than a row has");
  return success();
}

Status checkColumns(const Source &source, const Source &first) {
  bool fit = source.columns.size() == first.columns.size();
  for (const auto &column : source.columns) fit = fit && column->size() == source.dataset.sequences();
  if (fit) return success();
  return badOption(
      source.dataset.path() + " has other columns than " + first.dataset.path() + ", or not a number for each sequence",
      "give every dataset the same columns");
}

Status checkPairs(const std::vector<Source> &sources, const StreamOptions &o) {
  bool paired = sources.front().dataset.header().paired;
  for (const Source &source : sources)
    if (source.dataset.header().paired != paired)
      return badOption(source.dataset.path() + " and " + sources.front().dataset.path() + ": only one holds pairs",
                       "train with one kind of data");
  if (!paired) return success();
  if (o.packing != Packing::none || o.curriculum.steps > 0 || o.rows % 2)
    return badOption("pairs of sequences", "use an even number of rows, no packing and no curriculum");
  return success();
}

// What is to be learned is decided in one place.
Status checkMasking(const std::vector<Source> &sources, const Masking &masking) {
  if (masking.probability <= 0) return success();
  for (const Source &source : sources)
    if (const DatasetHeader &header = source.dataset.header(); header.marked || header.paired)
      return badOption(source.dataset.path() + " says itself what is to be learned, and tokens are to be hidden",
                       "prepare the texts with llc-model data prepare");
  return success();
}

Status check(const std::vector<Source> &sources) {
  if (sources.empty()) return badOption("no dataset", "name at least one");
  const Sha256Digest none = {};
  const Source *known = nullptr;
  for (const Source &source : sources) {
    const std::string &path = source.dataset.path();
    if (source.sequences() == 0) return badOption(path + " holds no tokens", "leave it out, or prepare it again");
    if (!(source.weight > 0) || !std::isfinite(source.weight))
      return badOption(path + fmt::format(" has the weight {}", source.weight), "use a weight above 0");
    LLC_TRY(checkColumns(source, sources.front()));
    const DatasetHeader &header = source.dataset.header();
    if (header.tokenizer == none) continue;
    if (known && header.tokenizer != known->dataset.header().tokenizer)
      return badOption(path + " was made with another tokenizer than " + known->dataset.path(),
                       "prepare both with the same one");
    known = &source;
  }
  return success();
}
}  // namespace

int64_t Curriculum::lengthAt(int64_t batch, int64_t rowLength) const {
  if (steps <= 0) return rowLength;
  int64_t step = batch / batchesPerStep, end = endLength ? endLength : rowLength;
  if (step >= steps) return end;
  double share = double(step) / double(steps), range = double(end - startLength);
  double length = double(startLength);
  switch (schedule) {
    case Schedule::linear:
      length += range * share;
      break;
    case Schedule::squareRoot:
      length += range * std::sqrt(share);
      break;
    // As many steps at each length on the way: 64, 128, 256 ...
    case Schedule::doubling:
      length *= std::exp2(std::floor(share * (std::floor(std::log2(double(end) / length)) + 1)));
      break;
  }
  return std::clamp(int64_t(length) / multiple * multiple, startLength, end);
}

Result<TokenStream> TokenStream::create(std::vector<Source> sources, const StreamOptions &options) {
  LLC_TRY(check(options));
  LLC_TRY(check(sources));
  LLC_TRY(checkPairs(sources, options));
  LLC_TRY(checkMasking(sources, options.masking));
  TokenStream stream;
  stream.sources_ = std::move(sources);
  stream.options_ = options;
  for (size_t i = 0; i < stream.sources_.size(); ++i)
    stream.orders_.emplace_back(stream.sources_[i].groups(), options.window, seedOf(options.seed, i));
  stream.cursors_.resize(stream.sources_.size());
  stream.blockStart_ = stream.cursors_;
  LLC_TRY(stream.countTokens());
  return stream;
}

// The one in the middle of a sequence goes on; otherwise the one that is furthest behind its share of the tokens.
std::optional<size_t> TokenStream::chooseSource() const {
  std::optional<size_t> best;
  double least = 0;
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (cursors_[i].carried) return i;
    if (!options_.repeat && cursors_[i].epoch > 0) continue;
    double done = double(cursors_[i].tokens) / sources_[i].weight;
    if (!best || done < least) best = i, least = done;
  }
  return best;
}

Result<std::optional<TokenStream::Piece>> TokenStream::draw(uint64_t most) {
  auto source = chooseSource();
  if (!source) return std::optional<Piece>();
  StreamState::Cursor &cursor = cursors_[*source];
  const Dataset &dataset = sources_[*source].dataset;
  uint64_t sequence = sources_[*source].sequence(orders_[*source].at(cursor.epoch, cursor.position));
  LLC_ASSIGN(uint64_t length, dataset.length(sequence));
  if (cursor.carried >= length)
    return badOption(dataset.path() + " is not the dataset that this state belongs to", "start anew");
  Piece piece{uint32_t(*source), sequence, cursor.carried, std::min(length - cursor.carried, most)};
  cursor.carried += piece.count;
  cursor.tokens += piece.count;
  if (cursor.carried == length) {
    cursor.carried = 0;
    advance(*source);
  }
  return std::optional(piece);
}

// The group is used up.
void TokenStream::advance(size_t source) {
  StreamState::Cursor &cursor = cursors_[source];
  if (++cursor.position < sources_[source].groups()) return;
  cursor.position = 0;
  ++cursor.epoch;
}

// Two rows, each a whole sequence.
Status TokenStream::drawPair() {
  auto chosen = chooseSource();
  if (!chosen) return success();
  const Source &source = sources_[*chosen];
  StreamState::Cursor &cursor = cursors_[*chosen];
  uint64_t index = orders_[*chosen].at(cursor.epoch, cursor.position) * source.groupSize();
  for (uint64_t i = 0; i < source.groupSize(); ++i) {
    uint64_t sequence = source.sequence(index + i);
    LLC_ASSIGN(uint64_t tokens, source.dataset.length(sequence));
    if (tokens > rowLength())
      return badOption(fmt::format("{}: sequence {} of a pair has {} tokens, a row {}", source.dataset.path(), sequence,
                                   tokens, rowLength()),
                       "use longer rows (data.block_size), or prepare the data again");
    block_.push_back({Piece{uint32_t(*chosen), sequence, 0, tokens}});
    cursor.tokens += tokens;
  }
  advance(*chosen);
  return success();
}

Result<TokenStream::Row> TokenStream::drawRow() {
  Row row;
  uint64_t used = 0;
  do {
    LLC_ASSIGN(auto piece, draw(std::min(rowLength() - used, uint64_t(longestPiece_))));
    if (!piece) break;
    used += piece->count;
    row.push_back(*piece);
  } while (options_.packing == Packing::wrapped && used < rowLength());
  return row;
}

// What is packed at once.
Result<std::vector<TokenStream::Piece>> TokenStream::drawPieces() {
  std::vector<Piece> pieces;
  for (int64_t i = 0; i < options_.packBuffer; ++i) {
    LLC_ASSIGN(auto piece, draw(uint64_t(longestPiece_)));
    if (!piece) break;
    pieces.push_back(*piece);
    if (cursors_[piece->source].epoch > blockStart_[piece->source].epoch) break;
  }
  return pieces;
}

// First fit, longest first; then the rows in any order, as the fullest would come first otherwise.
Status TokenStream::packBlock() {
  LLC_ASSIGN(std::vector<Piece> pieces, drawPieces());
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece &a, const Piece &b) { return a.count > b.count; });
  std::vector<uint64_t> room;
  for (const Piece &piece : pieces) {
    size_t row = 0;
    while (row < room.size() && room[row] < piece.count) ++row;
    if (row == room.size()) {
      room.push_back(rowLength());
      block_.emplace_back();
    }
    room[row] -= piece.count;
    block_[row].push_back(piece);
  }
  uint64_t tokens = 0;
  for (const auto &cursor : blockStart_) tokens += cursor.tokens;
  Random(seedOf(options_.seed, tokens)).shuffle(block_);
  return success();
}

// A block is what is packed at once, from blockStart_ on: a row, or the rows of packBuffer sequences.
Status TokenStream::buildBlock(int64_t longestPiece) {
  block_.clear();
  longestPiece_ = longestPiece;
  if (paired()) return drawPair();
  if (options_.packing == Packing::bestFit) return packBlock();
  LLC_ASSIGN(Row row, drawRow());
  if (!row.empty()) block_.push_back(std::move(row));
  return success();
}

Status TokenStream::fill(Batch &batch, int64_t row, const Row &pieces) const {
  int64_t at = row * batch.length;
  int32_t segment = 0;
  for (const Piece &piece : pieces) {
    LLC_TRY(sources_[piece.source].dataset.readMarked(piece.sequence, piece.begin,
                                                      std::span(batch.ids).subspan(size_t(at), piece.count)));
    ++segment;
    for (uint64_t i = 0; i < piece.count; ++i, ++at) {
      int32_t &id = batch.ids[size_t(at)];
      bool isTarget = i > 0 && id >= 0;
      id = idOfMarked(id);
      batch.labels[size_t(at)] = isTarget ? id : noLabel;
      batch.segments[size_t(at)] = segment;
      batch.positions[size_t(at)] = int32_t(i);
      batch.targets += isTarget;
    }
    batch.tokens += int64_t(piece.count);
  }
  const Source &first = sources_[pieces.front().source];
  for (size_t column = 0; column < first.columns.size(); ++column)
    batch.columns[column][size_t(row)] = (*first.columns[column])[pieces.front().sequence];
  return success();
}

Result<bool> TokenStream::next(Batch &batch) {
  int64_t length = options_.length;
  std::vector<Row> taken;
  while (int64_t(taken.size()) < options_.rows) {
    if (rowsGiven_ == block_.size()) {
      blockStart_ = cursors_;
      rowsGiven_ = 0;
      LLC_TRY(buildBlock(options_.curriculum.lengthAt(int64_t(step_), length)));
      if (block_.empty()) break;
    }
    taken.push_back(block_[rowsGiven_++]);
  }
  if (taken.empty()) return false;
  size_t size = taken.size() * size_t(length);
  batch = {int64_t(taken.size()), length, {}, {}, {}, {}, {}, 0, 0};
  batch.columns.assign(sources_.front().columns.size(), std::vector<float>(taken.size()));
  batch.ids.assign(size, options_.padId);
  batch.labels.assign(size, noLabel);
  batch.segments.assign(size, 0);
  batch.positions.assign(size, 0);
  for (size_t row = 0; row < taken.size(); ++row) LLC_TRY(fill(batch, int64_t(row), taken[row]));
  if (options_.masking.probability > 0) options_.masking.hide(step_, batch);
  ++step_;
  return true;
}

StreamState TokenStream::state() const { return {step_, blockStart_, rowsGiven_, longestPiece_, fingerprint()}; }

Status TokenStream::restore(const StreamState &state) {
  if (state.fingerprint != fingerprint() || state.cursors.size() != sources_.size())
    return badOption("the saved position is one of other datasets, or of other options of reading them",
                     "give the same datasets, weights, seed, window, packing, lengths and curriculum, or start anew");
  for (size_t i = 0; i < sources_.size(); ++i)
    if (state.cursors[i].position >= sources_[i].groups())
      return badOption("the saved position is beyond the dataset", "start anew");
  cursors_ = blockStart_ = state.cursors;
  step_ = state.step;
  block_.clear();
  rowsGiven_ = 0;
  if (state.rowsGiven == 0) return success();
  if (state.rowLength < 2 || state.rowLength > options_.length)
    return badOption(fmt::format("the saved rows have {} tokens", state.rowLength), "start anew");
  LLC_TRY(buildBlock(state.rowLength));
  if (state.rowsGiven > block_.size()) return badOption("the saved position is beyond its block", "start anew");
  rowsGiven_ = state.rowsGiven;
  return success();
}

uint64_t TokenStream::tokensGiven() const {
  uint64_t tokens = 0;
  for (const auto &cursor : blockStart_) tokens += cursor.tokens;
  for (uint64_t row = 0; row < rowsGiven_; ++row)
    for (const Piece &piece : block_[row]) tokens += piece.count;
  return tokens;
}

// A part's tokens are counted by asking for every length: only of the smaller part.
Status TokenStream::countTokens() {
  for (const Source &source : sources_) {
    uint64_t tokens = 0;
    Source heldOut = source;
    heldOut.part = Part::validation;
    if (source.part != Part::all)
      for (uint64_t i = 0; i < heldOut.sequences(); ++i) {
        LLC_ASSIGN(uint64_t length, source.dataset.length(heldOut.sequence(i)));
        tokens += length;
      }
    totalTokens_ += source.part == Part::validation ? tokens : source.dataset.tokens() - tokens;
  }
  return success();
}

uint64_t TokenStream::fingerprint() const {
  uint64_t hash = 1;
  auto mix = [&](uint64_t value) { hash = seedOf(hash, value); };
  for (const Source &source : sources_) {
    const DatasetHeader &header = source.dataset.header();
    mix(header.sequences);
    mix(header.tokens);
    for (uint8_t byte : header.tokenizer) mix(byte);
    if (header.marked || header.paired) mix(2 * header.marked + 4 * header.paired);
    mix(std::bit_cast<uint64_t>(source.weight));
    if (source.part == Part::all) continue;
    mix(uint64_t(source.part));
    mix(source.split.count(Part::validation));
    mix(source.split.sequence(Part::validation, 0));
  }
  const StreamOptions &o = options_;
  const Curriculum &c = o.curriculum;
  for (int64_t value : {o.rows, o.length, int64_t(o.packing), o.packBuffer, int64_t(o.window), int64_t(o.seed),
                        int64_t(o.repeat), c.steps, c.startLength, c.multiple, int64_t(c.schedule), c.batchesPerStep})
    mix(uint64_t(value));
  if (c.endLength) mix(uint64_t(c.endLength));
  if (const Masking &m = o.masking; m.probability > 0) {
    for (double value : {m.probability, m.maskShare, m.randomShare}) mix(std::bit_cast<uint64_t>(value));
    for (uint64_t value : {uint64_t(m.mask), uint64_t(m.vocabulary), m.seed}) mix(value);
  }
  return hash;
}

}  // namespace llc::data
