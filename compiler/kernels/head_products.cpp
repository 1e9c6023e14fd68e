#include "compiler/kernels/head_products.h"

#include <numeric>

#include "compiler/kernels/batch.h"
#include "compiler/kernels/panels.h"
#include "compiler/kernels/program.h"
#include "compiler/kernels/rotary.h"
#include "compiler/kernels/vector_math.h"

namespace llc::kernels {
namespace {

constexpr int64_t mostColumns = 256;  // of a chunk: a block of sums stays in the second-level cache

// A part with its operands and the first of its chunks in a block of rows.
struct Placed {
  const HeadProductsSpec::Part *part;
  int64_t panels = 0, firstBlock = 0, firstNarrowBlock = 0;
  std::optional<KernelFunction> program = {};
  Value weight = {};
  Values vectors = {}, programVectors = {};
};

struct HeadProducts {
  HeadProducts(Emitter &e, const HeadProductsSpec &spec, const PanelPlan &plan) : e(e), spec(spec), plan(plan) {}

  std::vector<Placed> parts;                   // query, key, value
  int64_t columnBlocks = 0, narrowBlocks = 0;  // of all parts, of plan.blockPanels and plan.narrowPanels panels

  void emit(const KernelArguments &in) {
    takeOperands(in);
    ChunkPlace place = placeOfChunk(e, plan, in.chunk, in.rows, columnBlocks);
    Value firstRow = place.firstRow, rows = place.rows, block = place.columnBlock, width = place.width;
    auto firstBlock = [&](const Placed &placed) { return place.either(e, placed.firstNarrowBlock, placed.firstBlock); };
    Value isKey = e.cmp(Emitter::IntCompare::sge, block, firstBlock(parts[1]));
    Value isValue = e.cmp(Emitter::IntCompare::sge, block, firstBlock(parts[2]));
    auto ofPart = [&](Value query, Value key, Value value) {
      return e.select(isValue, value, e.select(isKey, key, query));
    };
    Value first = ofPart(firstBlock(parts[0]), firstBlock(parts[1]), firstBlock(parts[2]));
    Value panels = ofPart(e.c64(parts[0].panels), e.c64(parts[1].panels), e.c64(parts[2].panels));
    Value firstPanel = e.mul(e.sub(block, first), width);
    Value panelCount = e.min(width, e.sub(panels, firstPanel));
    Value weight = ofPart(parts[0].weight, parts[1].weight, parts[2].weight);
    Value x = e.gep(in.pointers[0], e.mul(firstRow, plan.xRowBytes()));
    emitPanelSums(e, plan, {x, {weight}, rows, firstPanel, panelCount, in.scratch, in.rows});
    Block done{firstRow, rows, e.mul(firstPanel, panelColumns), e.mul(panelCount, panelColumns)};
    e.ifElse(
        isValue, [&] { finish(in, parts[2], done); },
        [&] { e.ifElse(isKey, [&] { finish(in, parts[1], done); }, [&] { finish(in, parts[0], done); }); });
  }

 private:
  struct Block {
    Value firstRow, rows, firstColumn, columns;  // columns of the part, padding included
  };

  void takeOperands(const KernelArguments &in) {
    size_t next = 1;
    for (Placed &placed : parts) {
      placed.weight = in.pointers[next++];
      for (int64_t i = 0; i < placed.part->vectors; i++) placed.vectors.push_back(in.pointers[next++]);
      if (placed.part->program)
        for (size_t i = 1; i < placed.part->program->inputs.size(); i++)
          placed.programVectors.push_back(in.pointers[next++]);
    }
    if (spec.rotated) cosines = in.pointers[next++], sines = in.pointers[next++];
    cache = in.pointers[next++];
    result = in.pointers[next];
  }

  void finish(const KernelArguments &in, const Placed &placed, const Block &block) {
    const HeadProductsSpec::Part &part = *placed.part;
    Value columns = e.min(block.columns, e.sub(e.c64(part.columns()), block.firstColumn));
    Value firstHead = e.div(block.firstColumn, part.dim), heads = e.div(columns, part.dim);
    CacheWriter writer(e, spec.cache, cache, in.batch);
    e.loop(e.c64(0), block.rows, 1, [&](Value rowInBlock) {
      Value row = e.add(block.firstRow, rowInBlock), sums = e.gep(in.scratch, e.mul(rowInBlock, plan.sumRowBytes));
      applyEpilogue(placed, sums, block.firstColumn, columns);
      if (placed.program) applyProgram(in, placed, sums, heads);
      bool isQuery = placed.part == &spec.query;
      CacheWriter::Slot slot = isQuery ? CacheWriter::Slot() : writer.slotOf(row);
      e.loop(e.c64(0), heads, 1, [&](Value headInBlock) {
        Value head = e.add(firstHead, headInBlock), from = e.gep(sums, e.mul(headInBlock, part.dim * 4));
        if (isQuery) return rotate(part, row, from, e.gep(result, e.mul(headOffset(part, row, head), 4)));
        if (part.rotates) rotate(part, row, from, from);
        if (placed.part == &spec.key)
          writer.key(slot, head, from);
        else
          writer.value(slot, head, from);
      });
    });
  }
  Value headOffset(const HeadProductsSpec::Part &part, Value row, Value head) {
    return e.mul(e.add(e.mul(row, part.heads), head), part.dim);
  }

  void applyEpilogue(const Placed &placed, Value sums, Value firstColumn, Value columns) {
    if (placed.part->epilogue == "a") return;
    auto expression = index::parseExpr(placed.part->epilogue);
    e.vectorLoop(e.c64(0), columns, [&](Value column, int64_t width) {
      Value at = e.gep(sums, e.mul(column, 4));
      auto leaf = [&](const index::Expr &node) -> Value {
        if (node.operand == 0) return e.load(e.f(width), at, 4);
        Value offset = e.mul(e.add(firstColumn, column), 4);
        return e.load(e.f(width), e.gep(placed.vectors[size_t(node.operand) - 1], offset), 4);
      };
      e.store(emitExpr(e, *expression, width, leaf), at, 4);
    });
  }
  // The heads of a row are the rows of the program; it works in place.
  void applyProgram(const KernelArguments &in, const Placed &placed, Value sums, Value heads) {
    Values pointers = {sums};
    pointers.append(placed.programVectors);
    pointers.push_back(sums);
    Value scratch = e.gep(in.scratch, plan.scratchBytes);
    e.loop(e.c64(0), e.ceilDiv(heads, placed.program->rowsPerChunk), 1,
           [&](Value chunk) { e.call(*placed.program, pointers, heads, chunk, scratch, in.batch); });
  }
  // To `to`, turned if the part's heads turn.
  void rotate(const HeadProductsSpec::Part &part, Value row, Value from, Value to) {
    if (!part.rotates)
      return e.vectorLoop(e.c64(0), e.c64(part.dim), [&](Value at, int64_t width) {
        e.store(e.load(e.f(width), e.gep(from, e.mul(at, 4)), 4), e.gep(to, e.mul(at, 4)), 4);
      });
    RotarySpec rotary{.heads = 1, .dim = part.dim, .rotated = spec.rotated, .interleaved = spec.interleaved};
    Value angles = e.mul(row, rotary.rotated / 2 * 4);
    emitRotatedHead(e, rotary, from, to, e.gep(cosines, angles), e.gep(sines, angles));
  }

  Emitter &e;
  const HeadProductsSpec &spec;
  const PanelPlan &plan;
  Value cosines, sines, cache, result;
};

int64_t operandCount(const HeadProductsSpec &spec) {
  int64_t count = 1 + (spec.rotated ? 2 : 0) + 1;
  for (const auto *part : {&spec.query, &spec.key, &spec.value})
    count += 1 + part->vectors + (part->program ? int64_t(part->program->inputs.size()) - 1 : 0);
  return count;
}

std::string keyOf(const HeadProductsSpec &spec) {
  std::string key = "heads|" + std::to_string(spec.k) + std::string(dtypeName(spec.weights)) +
                    (spec.xInBf16 ? "b|" : "|") + std::to_string(spec.rotated) + (spec.interleaved ? "i" : "h") +
                    std::string(dtypeName(spec.cache.type));
  for (const auto *part : {&spec.query, &spec.key, &spec.value})
    key += "|" + std::to_string(part->heads) + "x" + std::to_string(part->dim) + (part->rotates ? "r" : "") +
           part->epilogue + std::to_string(part->vectors) + (part->program ? programKey(*part->program) : "");
  return key;
}
}  // namespace

int64_t headColumns(std::initializer_list<int64_t> dims) {
  int64_t columns = panelColumns;
  for (int64_t dim : dims) {
    columns = std::lcm(columns, dim);
    if (columns > mostColumns) return 0;
  }
  return columns;
}

KernelFunction emitHeadProducts(Emitter &e, const HeadProductsSpec &spec) {
  int64_t unit = headColumns({spec.query.dim, spec.key.dim, spec.value.dim}) / panelColumns;
  assert(unit && "ask headColumns first");
  int64_t columns = spec.query.columns() + spec.key.columns() + spec.value.columns();
  PanelPlan plan(e.target, {spec.k, columns, spec.weights, spec.xInBf16}, roundUp(chooseBlockPanels(columns), unit));
  HeadProducts kernel(e, spec, plan);
  int64_t programScratch = 0;
  plan.panels = 0;  // of every part at once: what matters about it is what divides it
  for (const auto *part : {&spec.query, &spec.key, &spec.value}) {
    int64_t panels = roundUp(part->columns(), panelColumns) / panelColumns;
    kernel.parts.push_back({part, panels, kernel.columnBlocks, kernel.narrowBlocks});
    if (part->program) {
      kernel.parts.back().program = emitRowProgram(e, *part->program);
      programScratch = std::max(programScratch, kernel.parts.back().program->scratchBytes);
    }
    kernel.columnBlocks += plan.wideBlocks(panels);
    kernel.narrowBlocks += plan.narrowBlocks(panels);
    plan.panels = std::gcd(plan.panels, panels);
  }
  std::string stem = "head_products_" + std::to_string(spec.k) + "x" + std::to_string(columns) + "_" +
                     std::string(dtypeName(spec.weights));
  KernelFunction shape = chunksOf(plan, kernel.columnBlocks, kernel.narrowBlocks);
  shape.scratchBytes += programScratch;
  return e.kernel(keyOf(spec), stem, operandCount(spec) + 1, shape,
                  [&](const KernelArguments &in) { kernel.emit(in); });
}

}  // namespace llc::kernels
