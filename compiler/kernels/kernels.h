// Kernel generators: each emits one function that computes one chunk of an op, for given shapes, types, layouts and
// target, and returns how the op is cut into chunks. The caller (compiler/lowering) emits the loop that claims chunks.
//
// Every kernel function has the signature
//     void symbol(ptr operand..., ptr result..., i64 rows, i64 chunk, ptr scratch, ptr batch)
// with operands and results in the order of the spec; `rows` is the run-time row count (T), `chunk` a number in
// [0, chunks(rows)), `scratch` this thread's scratch of at least scratchBytes, `batch` the llc_batch.
// Equal specs give the same function (deduplicated by their key within one Emitter).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/kernels/emitter.h"
#include "compiler/targets/target.h"
#include "dialect/interfaces/index.h"
#include "runtime/base/dtype.h"

namespace llc::kernels {

// Weight panels: [N/16][K][16] for f32 and f16; [N/16][K/2][16][2] (pairs along K side by side) for bf16. N is padded
// to a multiple of 16 and K (bf16) to a multiple of 2 with zeros. The same on every target, so that one artifact
// serves all.
inline constexpr int64_t panelColumns = 16;
int64_t packedBytes(int64_t k, int64_t n, DType type);

// y[t,n] = epilogue( sum_k x[t,k] * w[k,n] ), activations row-major f32, w in panels, f32 accumulation.
// Operands: x, w, then the epilogue's extra operands in order. Result: y.
struct MatmulSpec {
  int64_t k = 0, n = 0;
  DType weights = DType::f32;
  // Scalar expression over a = the sum, b, c, ... = extra operands; extra operand i has index string "n" (a vector,
  // e.g. a bias), "tn" (a matrix like y, e.g. a residual; it may be y itself) or "t" (one number a row).
  std::string epilogue = "a";
  std::vector<std::string> extras;
  bool xInBf16 = false, yInBf16 = false;  // rows of bf16 (bf16_rows.h); y is rounded as it is stored
};
KernelFunction emitMatmul(Emitter &, const MatmulSpec &);

// Two matmuls with one input whose results meet: y[t,n] = epilogue(a = sum_k x w1, b = sum_k x w2). For gate/up in
// MLPs. Operands: x, w1, w2, extras.
struct GatedMatmulSpec : MatmulSpec {};
KernelFunction emitGatedMatmul(Emitter &, const GatedMatmulSpec &);

// Row programs: statements of the index notation whose first result letter is the row 't' (or that are row-invariant).
// One chunk = some rows; per row all statements run one after the other, temporaries live in scratch.
// Operands: `inputs` in order (index strings as in the statements, e.g. "ti", "i", "t"); results: `outputs`.
struct RowProgramSpec {
  struct Value {
    std::string name;
    std::vector<int64_t> shape;
    DType type = DType::f32;
    bool inBf16Rows = false;  // of an f32 output of rows that no statement reads: as bf16_rows.h says
  };  // shape[0] = -1: the rows
  // Types: inputs f32, bf16, f16, i32 or i64 (converted to f32 by value), outputs f32, bf16, f16 or i32.
  std::vector<Value> inputs, outputs;
  std::vector<Value> temporaries = {};       // shapes of results in between, needed where no operand gives them
  std::vector<index::Statement> statements;  // concrete (no '*'), attributes substituted
  int64_t rows = -1;                         // how many rows there are, if that is known now
  // emitLoops, one statement that accumulates: the input whose values the result has before (empty: zeros). They may
  // share their memory.
  std::string start = {};
};
// An output may share memory with an input only if the last statement that reads the input writes it at the same
// indices.
KernelFunction emitRowProgram(Emitter &, const RowProgramSpec &);
// Can it be emitted as a row program? The error says why not; then take emitLoops.
Status checkRowProgram(const RowProgramSpec &);
// Programs of static shape in which all values have one shape, or one element, and no index is needed: flat vector loops
// over ranges of elements. All of an element's inputs are read before its outputs are written, so any output may share
// memory with any input of its shape and type.
KernelFunction emitElementwise(Emitter &, const RowProgramSpec &);
Status checkElementwise(const RowProgramSpec &);
// One statement of static shape that reduces to a vector along the operands' last index (gradients of biases): cut
// into ranges of columns.
KernelFunction emitColumnSums(Emitter &, const RowProgramSpec &);
Status checkColumnSums(const RowProgramSpec &);
// Any statement at all, by plain loops (correct, slow): the derived lowering. Same interface. One statement is cut into
// ranges of its first result index, or of the last one where results accumulate; several are one chunk (temporaries:
// static shapes).
KernelFunction emitLoops(Emitter &, const RowProgramSpec &);

// Rotary embedding of x[t,h,d] by tables cos[t,r/2], sin[t,r/2]; dims beyond r pass through. Operands: x, cos, sin.
// Result: y.
struct RotarySpec {
  int64_t heads = 0, dim = 0, rotated = 0;
  bool interleaved = false;
};
KernelFunction emitRotary(Emitter &, const RotarySpec &);

// Writes the step's k[t,g,d], v[t,g,e] to their slots of a paged cache. Operands: k, v, cache. Result: none.
struct CacheSpec {
  int64_t kvHeads = 0, keyDim = 0, valueDim = 0;
  DType type = DType::f32;
};
KernelFunction emitCacheAppend(Emitter &, const CacheSpec &);
int64_t cachePageBytes(const CacheSpec &);  // one page of LLC_PAGE_TOKENS slots, all heads

// Query head h reads KV head h / (heads / kvHeads). ALiBi adds slopes[h] * (slot - position) to the score; a sink is
// one more key of score sinks[h] without a value. Rows of a sequence must have ascending positions. Causal attention of
// q[t,h,d] against the cache (which already holds the step's own keys): online softmax over pages, scores never
// materialised for the whole context. Operands: q, cache [, sinks[h]] [, slopes[h] (ALiBi)]. Result: y[t,h,e]. If
// attentionParts() says that contexts may be split, one pointer more follows: the workspace, or null. With a workspace
// there are chunks(rows) * (parts of the longest context) chunks, they leave y alone, and emitMergeAttention's kernel
// has to run afterwards; the result is the same to the last bit.
struct PagedAttentionSpec {
  CacheSpec cache;
  int64_t heads = 0;
  float scale = 1;
  int64_t window = 0;  // 0: none; else a key is seen if position - window < slot <= position
  float softCap = 0;   // 0: none; else cap * tanh(score / cap)
  bool sinks = false, alibi = false;
  int64_t contextBound = 0;  // tokens of the longest context, as far as it is known; 0: it is never split
  bool rounded = false;      // y is rounded to bf16
  bool yInBf16 = false;      // and stored as rows of bf16 (bf16_rows.h)
};
KernelFunction emitPagedAttention(Emitter &, const PagedAttentionSpec &);
// How contexts are cut for a team that has too few rows and heads to go round: at multiples of `slots`.
struct AttentionParts {
  int64_t slots = 0;
  int64_t number = 1;    // of the longest context; 1: never split
  int64_t rows = 0;      // most rows of a batch that is split
  int64_t rowBytes = 0;  // workspace for each of them
};
AttentionParts attentionParts(const PagedAttentionSpec &);
// y from the parts. Operands: [sinks]; result: y, then the workspace.
KernelFunction emitMergeAttention(Emitter &, const PagedAttentionSpec &);

// Rows of a table: y[t,:] = table[ids[t],:] converted to f32. Operands: table (row-major, `type`), ids (i32). Result:
// y. An id outside the table gives zeros.
struct GatherRowsSpec {
  int64_t width = 0;
  DType type = DType::f32;
  int64_t tableRows = 0;   // 0: the table is an activation,
  int64_t rowsOffset = 0;  // whose number of rows is in this place of the llc_batch
};
KernelFunction emitGatherRows(Emitter &, const GatherRowsSpec &);

// Lines of the result put together from pieces of lines of operands, which have as many, and of zeros; elements of four
// bytes. A row of the stage has `lines` of them. Operands: as the pieces count them. Result: the last pointer.
struct PiecesSpec {
  struct Piece {
    int64_t at, size;      // elements of the result's line
    int operand;           // number; negative: zeros
    int64_t start, width;  // first element in a line of the operand, and how long such a line is
  };
  int64_t operands = 1, lines = 1, width = 0;  // width: of a line of the result
  std::vector<Piece> pieces = {};              // in order, covering it
};
KernelFunction emitPieces(Emitter &, const PiecesSpec &);

// log softmax(z)[targets[t]] of the logits z = scale * x[t,:] W, bent to softCap * tanh(z / softCap) if softCap != 0,
// without materialising them. A target outside [0, n) gives 0. Operands: x, w (panels), targets (i32). Result: y[t].
struct LogProbSpec {
  int64_t k = 0, n = 0;
  DType weights = DType::f32;
  float softCap = 0;
  float scale = 1;
  bool xInBf16 = false;  // x is rows of bf16 (bf16_rows.h)
};
KernelFunction emitLogProb(Emitter &, const LogProbSpec &);

// Packs a checkpoint weight into panels, converting its type. Operands: source. Result: panels. Rows play no part
// (rowsPerChunk = 0); chunks are panels.
struct PackSpec {
  int64_t k = 0, n = 0;
  bool transposed = true; /* source is [n][k] */
  DType source = DType::f32, weights = DType::f32;
};
KernelFunction emitPack(Emitter &, const PackSpec &);

}  // namespace llc::kernels
