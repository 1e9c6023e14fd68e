#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panels.h"
#include "compiler/kernels/vector_math.h"

namespace llc::kernels {
namespace {

struct MatmulKernel {
  Emitter &e;
  const MatmulSpec &spec;
  const PanelPlan &plan;
  index::ExprPtr epilogue;

  void emit(const KernelArguments &in) {
    ChunkPlace place = placeOfChunk(e, plan, in.chunk, in.rows, plan.wideBlocks(plan.panels));
    Value firstRow = place.firstRow, rows = place.rows, firstPanel = e.mul(place.columnBlock, place.width);
    Value panelCount = e.min(place.width, e.sub(e.c64(plan.panels), firstPanel));
    Value x = e.gep(in.pointers[0], e.mul(firstRow, plan.xRowBytes()));
    ValueRange weights = ValueRange(in.pointers).slice(1, plan.weights);
    emitPanelSums(e, plan, {x, weights, rows, firstPanel, panelCount, in.scratch, in.rows});
    finish(in, firstRow, rows, e.mul(firstPanel, panelColumns), e.mul(panelCount, panelColumns));
  }

  // y = epilogue(sums, extras), row by row, only columns that exist.
  void finish(const KernelArguments &in, Value firstRow, Value rows, Value firstColumn, Value columnCount) {
    Value columns = e.min(columnCount, e.sub(e.c64(plan.n), firstColumn));
    ResultRows result{in.pointers.back(), plan.n, spec.yInBf16, in.rows};
    e.loop(e.c64(0), rows, 1, [&](Value row) {
      Value globalRow = e.add(firstRow, row), sums = e.gep(in.scratch, e.mul(row, plan.sumRowBytes));
      Value rowStart = e.add(e.mul(globalRow, plan.n), firstColumn);
      e.vectorLoop(
          e.c64(0), columns,
          [&](Value column, int64_t width) {
            Value place = e.add(firstColumn, column), at = e.add(rowStart, column);
            auto leaf = [&](const index::Expr &node) -> Value {
              if (node.operand < plan.weights)
                return e.load(e.f(width), e.gep(sums, e.add(e.mul(column, 4), plan.sumsOffset(node.operand))), 4);
              int64_t extra = node.operand - plan.weights;
              return loadExtra(e, spec.extras[extra], in.pointers[1 + plan.weights + extra], {globalRow, place, at},
                               width);
            };
            result.store(e, emitExpr(e, epilogue, width, leaf), globalRow, place);
          },
          plan.n % panelColumns != 0);
    });
  }
};

KernelFunction emitProduct(Emitter &e, const MatmulSpec &spec, int64_t weights) {
  std::string stem = (weights == 2 ? "gated_matmul_" : "matmul_") + std::to_string(spec.k) + "x" +
                     std::to_string(spec.n) + "_" + std::string(dtypeName(spec.weights));
  std::string key = stem + (spec.xInBf16 ? "b" : "") + (spec.yInBf16 ? ">b|" : "|") + spec.epilogue;
  for (auto &extra : spec.extras) key += "|" + extra;
  auto epilogue = index::parseExpr(spec.epilogue);
  assert(epilogue.ok() && checkExpr(*epilogue).ok() && "the epilogue is an expression over a, b, c ...");
  PanelPlan plan(e.target, {spec.k, spec.n, spec.weights, spec.xInBf16, weights}, chooseBlockPanels(spec.n));
  return e.kernel(key, stem, 1 + weights + int64_t(spec.extras.size()) + 1,
                  chunksOf(plan, plan.wideBlocks(plan.panels), plan.narrowBlocks(plan.panels)),
                  [&](const KernelArguments &in) { MatmulKernel{e, spec, plan, *epilogue}.emit(in); });
}

}  // namespace

KernelFunction emitMatmul(Emitter &e, const MatmulSpec &spec) { return emitProduct(e, spec, 1); }
KernelFunction emitGatedMatmul(Emitter &e, const GatedMatmulSpec &spec) { return emitProduct(e, spec, 2); }

}  // namespace llc::kernels
