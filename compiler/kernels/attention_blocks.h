// What dense attention and its gradient share: blocks of queries and keys in scratch, products of blocks, and what a
// mask leaves of a block of scores.
#pragma once
#include <string>

#include "compiler/kernels/dense_attention.h"
#include "compiler/kernels/tile.h"

namespace llc::kernels {

// A matrix of f32 in scratch: rows of `columns` numbers, whole tiles, and a line more, which keeps rows out of each
// other's cache sets.
struct ScratchMatrix {
  int64_t offset = 0, columns = 0;
  int64_t rowBytes() const { return columns * 4 + 64; }
};

// How queries and keys are cut, and where things lie in scratch.
class AttentionLayout {
 public:
  AttentionLayout(const Target &target, const DenseAttentionSpec &spec);

  int64_t rows, columns;             // of a register tile: queries, keys or elements of a head
  int64_t queryBlock, keyBlock;      // whole tiles of rows and of columns
  int64_t keyColumns, valueColumns;  // of heads, padded to whole tiles
  int64_t queryBlocks;
  // Keys that pass by all blocks of queries together, and queries that pass by all blocks of keys: of one head, as the
  // mask leaves them.
  int64_t keysSeen(const DenseAttentionSpec &spec) const;
  int64_t queriesSeeing(const DenseAttentionSpec &spec) const;
  int64_t scratchBytes = 0;
  ScratchMatrix matrix(int64_t rows, int64_t columns);  // takes scratch
  int64_t take(int64_t bytes);
};

class AttentionBlocks {
 protected:
  AttentionBlocks(Emitter &e, const DenseAttentionSpec &spec, const AttentionLayout &layout, const KernelArguments &in)
      : e(e), spec(spec), layout(layout), in(in), lanes(e.target.lanes), earlier(spec.keys - spec.queries) {}

  // ---- memory
  // Element 0 of a position's head in a tensor [batch, positions, heads, dim]; dim 1 for one number per head.
  struct Operand {
    Value pointer;
    DType type;
    int64_t positions, heads, dim;
    int64_t rowBytes() const { return heads * dim * int64_t(byteSize(type)); }  // from position to position
  };
  Value at(const Operand &operand, Value position, Value head);
  Value at(const ScratchMatrix &matrix, Value row);
  // `count` positions from `first` on to the rows of a block, zeros in its other columns and up to `padded` rows.
  void copyIn(const Operand &from, Value head, Value first, Value count, Value padded, const ScratchMatrix &to);
  // The rows of a block, as far as the head reaches; `add`: to what is there.
  void copyOut(const ScratchMatrix &from, const Operand &to, Value head, Value first, Value count, bool add);
  // to[column][row] = from[row][column], `rows` a multiple of the tile's columns.
  void transpose(const ScratchMatrix &from, Value rows, const ScratchMatrix &to);

  // ---- products: c[row][column] (+)= sum over steps of a[row][step] * b[step][column]
  struct Left {
    ScratchMatrix matrix;
    bool transposed = false;  // rows are the matrix's columns
  };
  using OfRow = llvm::function_ref<Value(Value row)>;  // a bound for the tile that begins with `row`
  struct Bounds {
    Value rows;  // whole tiles
    OfRow columns, firstStep, steps;
  };
  void product(const Left &a, const ScratchMatrix &b, const ScratchMatrix &c, const Bounds &bounds, bool add);

  // to[query][key] = from[query][..] * turned[..][key] over `steps` numbers, where the queries of the block see keys of
  // it.
  void productOfPairs(const ScratchMatrix &from, const ScratchMatrix &turned, const ScratchMatrix &to, int64_t steps);

  // ---- masks
  void setQueries(Value first);  // a block of queries; then setKeys
  void setKeys(Value first, Value count);
  // `body`, unless segments hide the block of keys from all of the block of queries.
  void unlessApart(llvm::function_ref<void()> body);
  // The same for each block of keys that the block of queries may see.
  void eachBlockOfKeysSeen(llvm::function_ref<void()> body);
  // Keys [first, end) that some query of the block sees, but for segments: those of a causal mask and a window.
  Value firstKeySeen();
  Value endOfKeysSeen();
  // Keys of the block, in whole tiles, that the tile of queries at `row` may see; the rest is hidden.
  Value columnsSeen(Value row);
  // Does every query see every key, and are keys whole tiles?
  Value seesAll();
  // One query of the block while its scores are visited.
  struct Row {
    Value number, position, segment;  // i64; i32 from the block's first key on; i32
  };
  Row rowOf(Value number);
  // A vector of dot products as base-2 exponents, -inf where hidden. `slope`: receives the derivative of the natural
  // exponent by the dot product, unless null.
  Value exponents(Value products, Value column, const Row &row, bool masked, Value *slope);
  // Dropout: what a vector of weights is multiplied with.
  Value kept(Value column, const Row &row, Value head);

  Value padToRows(Value count) { return e.mul(e.ceilDiv(count, layout.rows), layout.rows); }
  Value padToColumns(Value count) { return e.mul(e.ceilDiv(count, layout.columns), layout.columns); }
  Value allOf(std::initializer_list<Value> conditions);

  Emitter &e;
  const DenseAttentionSpec &spec;
  AttentionLayout layout;
  const KernelArguments &in;
  int64_t lanes, earlier;  // earlier: keys before the first query
  Value batch;
  Value firstQuery, queryCount, firstKey, keyCount, shift;  // shift: position of the first query in the block of keys
  ScratchMatrix keySegments;                                // a row of i32; set by the constructor's caller
  Value segments;                                           // of the batch; null: there are none
  Value dropKey;                                            // f32; null: no dropout

 private:
  struct Range {
    Value least, most;
  };
  Range segmentsOf(Value first, Value count);
  // Is there a pair in the block of queries and that of keys that may see each other?
  Value sharesSegments();
  Range ofQueries_, ofKeys_;
};

// Equal for equal specs.
std::string denseAttentionKey(const DenseAttentionSpec &);
std::string denseAttentionStem(const DenseAttentionSpec &);

}  // namespace llc::kernels
