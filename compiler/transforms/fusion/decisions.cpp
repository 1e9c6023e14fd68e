#include "compiler/transforms/fusion/decisions.h"

#include "compiler/lowering/dense_product.h"
#include "compiler/lowering/epilogue.h"
#include "compiler/lowering/row_program.h"
#include "compiler/lowering/scatter_sum.h"
#include "compiler/memory/stages.h"

namespace llc::compiler {
using namespace mlir;
namespace {
Error refuse(Operation *op, const std::string &why) {
  return diagnose(ErrorKind::unsupported, modelName(op)).says(why).toFix("leave the ops apart");
}
}  // namespace

bool isProduct(Operation *op) {
  if (auto linear = dyn_cast<llm::LinearOp>(op); linear && llm::isPacked(linear.getW().getType())) {
    auto x = cast<RankedTensorType>(linear.getX().getType());
    return x.getRank() == 2 && x.getElementType().isF32();
  }
  if (auto dense = asDenseProduct(op)) return dense->takesEpilogue();
  auto fused = dyn_cast<llm::FusedOp>(op);
  return fused && fused.getNumResults() == 1 &&
         llvm::any_of(fused.getBody().getOps<llm::LinearOp>(),
                      [](llm::LinearOp product) { return isProduct(product); });
}

Status joinsEpilogue(Operation *product, Operation *reader) {
  Value result = product->getResult(0);
  if (llvm::any_of(result.getUsers(), [&](Operation *user) { return user != reader; }))
    return refuse(product, "its result has other readers, so it is in memory anyway");
  auto elementwise = asElementwise(reader);
  if (!elementwise || reader->getBlock() != product->getBlock())
    return refuse(reader,
                  "it is not computed element by element, and the product's chunks cover some columns of a row");
  for (auto [i, operand] : llvm::enumerate(reader->getOperands()))
    if (operand == result && elementwise->reads[i] != readsMatrix)
      return refuse(reader, "it does not read the product like a matrix of its own shape");
  return success();
}

Status joinsScatter(Operation *scatter, Operation *reader) {
  if (!scatter->getResult(0).hasOneUse())
    return refuse(scatter, "its result has other readers, so it is in memory anyway");
  if (!addsToScatter(scatter, reader) || reader->getBlock() != scatter->getBlock())
    return refuse(reader, "it is no sum with a matrix like it");
  return success();
}

Status joinsRows(Operation *op) {
  bool own =
      isa<llm::LinearOp, llm::ContractOp, llm::LinearLogProbOp, llm::GatherRowsOp, llm::TakeOp, llm::FusedOp>(op);
  if (own || stageKind(op) != StageKind::kernel) return refuse(op, "its kernel takes no further ops");
  if (!worksRowByRow(op)) return refuse(op, "it does not work row by row");
  return success();
}

Result<HeadProducts> joinsHeads(llm::CacheAppendOp append) {
  for (Operation *reader : append.getNext().getUsers())
    if (auto attention = dyn_cast<llm::PagedAttentionOp>(reader)) {
      LLC_ASSIGN(HeadProducts products, headProductsOf(append, attention.getQ()));
      for (Operation *member : products.members())
        if (!member->isBeforeInBlock(attention)) return refuse(member, "it comes after the attention");
      return products;
    }
  return refuse(append, "no attention of this function reads the cache");
}

}  // namespace llc::compiler
