// The llm dialect: programs of language models.
#ifndef LLC_DIALECT
#define LLC_DIALECT
include "mlir/IR/OpBase.td"

def Llm_Dialect : Dialect {
  let name = "llm";
  let cppNamespace = "::llc::llm";
  let summary = "What language models compute: one op per mathematical function, its meaning given once";
  let description = [{
    An op states its meaning as a program in index notation (`dialect/interfaces/index.h`) from which types, evaluation,
    adjoint, sharding factors, cost and loops are derived; any of them may be overridden by hand in the op's .cpp.
    Rows of a ragged batch are the leading dynamic dimension of activations; all other dimensions are static.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasRegionArgAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerAttributes();
    /// One per file of dialect/ops: registers the ops of that family.
    void addElementwiseOps();
    void addStructuredOps();
    void addLayoutOps();
    void addIndexingOps();
    void addNormalizationOps();
    void addPositionOps();
    void addAttentionOps();
    void addLossOps();
    void addStateOps();
    void addStructureOps();
  }];
}
#endif
