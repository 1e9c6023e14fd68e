// Batches for training out of prepared datasets: a weighted mixture, shuffled within windows, packed into rows, with a
// curriculum on the length of texts if wanted. Where it stands is a small value that can be saved at any batch: a
// stream that is restored gives exactly the batches that the interrupted one would have given.
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/data/dataset.h"
#include "runtime/data/masking.h"
#include "runtime/data/split.h"
#include "runtime/data/window_order.h"

namespace llc::data {

struct Source {
  Dataset dataset;
  double weight = 1;  // share of the tokens, relative to the other sources'
  // Only these groups, if asked for: the split is made over groups.
  Part part = Part::all;
  Split split = {};
  // What belongs to sequences beside their tokens: for each column a number for each sequence of the dataset.
  std::vector<std::shared_ptr<const std::vector<float>>> columns = {};

  // What is drawn at once: a sequence, or a pair of them.
  uint64_t groupSize() const { return dataset.header().paired ? 2 : 1; }
  uint64_t groups() const { return part == Part::all ? dataset.sequences() / groupSize() : split.count(part); }
  uint64_t sequences() const { return groups() * groupSize(); }
  uint64_t sequence(uint64_t index) const {
    uint64_t group = index / groupSize();
    return (part == Part::all ? group : split.sequence(part, group)) * groupSize() + index % groupSize();
  }
};

enum class Packing {
  none,     // a sequence a row, the rest is padding; longer ones go on in the next row
  wrapped,  // one sequence after another, cut where a row is full: no padding
  bestFit,  // sequences stay whole where they can: first fit, longest first, over `packBuffer` of them, or as many as a
            // source has left in its epoch, so that an epoch holds each of them once however few they are
};

// Texts are cut into short pieces in the first steps of training. Rows keep their length and hold more of them, so that
// a step takes as many tokens as later.
struct Curriculum {
  enum class Schedule { linear, squareRoot, doubling };
  int64_t steps = 0;  // until pieces have their full length; 0: no curriculum
  int64_t startLength = 64;
  int64_t multiple = 64;  // lengths are rounded down to multiples of it
  Schedule schedule = Schedule::linear;
  int64_t batchesPerStep = 1;
  int64_t endLength = 0;  // the full length; 0: a row's

  // The longest piece in a batch (counted from 0) of rows with that many tokens.
  int64_t lengthAt(int64_t batch, int64_t rowLength) const;
};

struct StreamOptions {
  int64_t rows = 8;       // of a batch
  int64_t length = 2048;  // tokens of a row
  Packing packing = Packing::wrapped;
  int64_t packBuffer = 1000;
  uint64_t window = 1 << 16;  // see WindowOrder
  uint64_t seed = 42;
  bool repeat = true;  // false: every source once, then the stream ends (the last batch may have fewer rows)
  int32_t padId = 0;
  Curriculum curriculum;
  Masking masking;
};

inline constexpr int32_t noLabel = -100;

// Row-major, [rows, length]. Of pairs, rows 2i and 2i + 1 are one.
struct Batch {
  int64_t rows = 0, length = 0;
  std::vector<int32_t> ids;
  std::vector<int32_t> labels;  // the ids; -100 for padding, for what begins a segment (nothing before it predicts it),
                                // and for what a marked dataset says is not to be learned; or what Masking makes them
  std::vector<int32_t>
      segments;  // 1, 2 ... for the sequences in a row, 0 for padding; attention stays within a segment
  std::vector<int32_t> positions;                // from 0 in each segment
  std::vector<std::vector<float>> columns = {};  // [rows] each: of the sequence that the row begins with
  int64_t tokens = 0;                            // that are no padding
  int64_t targets = 0;                           // labels other than -100
};

// Where a stream stands.
struct StreamState {
  struct Cursor {
    uint64_t epoch = 0;     // of this source
    uint64_t position = 0;  // sequences of the epoch that are used up
    uint64_t carried = 0;   // ids of the next one that are used up
    uint64_t tokens = 0;    // that this source has given so far
    bool operator==(const Cursor &) const = default;
  };
  uint64_t step = 0;            // batches given
  std::vector<Cursor> cursors;  // where the rows that are being handed out began
  uint64_t rowsGiven = 0;       // of those rows
  int64_t rowLength = 0;        // the longest piece that they were packed with
  uint64_t fingerprint = 0;     // of datasets and options
  bool operator==(const StreamState &) const = default;
};
nlohmann::json toJson(const StreamState &state);
Result<StreamState> parseStreamState(const nlohmann::json &json, const std::string &where);

class TokenStream {
 public:
  // Errors: invalidInput (no source, an empty one, a weight that is not above 0, options out of range, sources made
  // with different tokenizers; pairs, which have a row for each sequence, that are to be packed or cut, or rows that
  // don't hold whole pairs; sources with different columns; hidden tokens of pairs or of marked datasets).
  static Result<TokenStream> create(std::vector<Source> sources, const StreamOptions &options);

  // False at the end (only without `repeat`). Errors: a dataset that is broken.
  Result<bool> next(Batch &batch);
  StreamState state() const;
  // Error: the state belongs to other datasets or options.
  Status restore(const StreamState &state);

  uint64_t tokensGiven() const;                          // so far, by all sources
  uint64_t totalTokens() const { return totalTokens_; }  // of all sources, once
  double epoch() const { return double(tokensGiven()) / double(totalTokens()); }

 private:
  struct Piece {
    uint32_t source;
    uint64_t sequence, begin, count;
  };
  using Row = std::vector<Piece>;
  TokenStream() = default;
  Result<std::optional<Piece>> draw(uint64_t most);
  std::optional<size_t> chooseSource() const;
  Result<Row> drawRow();
  Result<std::vector<Piece>> drawPieces();
  Status packBlock();
  Status drawPair();
  uint64_t rowLength() const { return uint64_t(options_.length); }
  bool paired() const { return sources_.front().dataset.header().paired; }
  void advance(size_t source);
  Status buildBlock(int64_t longestPiece);
  Status fill(Batch &batch, int64_t row, const Row &pieces) const;
  uint64_t fingerprint() const;

  Status countTokens();

  std::vector<Source> sources_;
  uint64_t totalTokens_ = 0;
  StreamOptions options_;
  std::vector<WindowOrder> orders_;
  std::vector<StreamState::Cursor> cursors_, blockStart_;
  std::vector<Row> block_;
  uint64_t rowsGiven_ = 0, step_ = 0;
  int64_t longestPiece_ = 0;  // of the block
};

}  // namespace llc::data
