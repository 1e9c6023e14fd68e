#include "compiler/transforms/sharding/Passes.h"

namespace llc::compiler {
#define GEN_PASS_DEF_SHARD
#include "compiler/transforms/sharding/Passes.h.inc"

namespace {
using namespace mlir;

struct Shard final : impl::ShardBase<Shard> {
  void runOnOperation() override {
    auto mesh = getOperation()->getAttrOfType<DenseI64ArrayAttr>("llm.mesh");
    if (!mesh) return;
    int64_t devices = 1;
    for (int64_t extent : mesh.asArrayRef()) devices *= extent;
    if (devices == 1) return;
    getOperation().emitError("asks for a mesh of ") << devices << " devices, but this version runs on one; "
                                                    << "to fix: remove llm.mesh or make every extent 1";
    signalPassFailure();
  }
};
}  // namespace
}  // namespace llc::compiler
