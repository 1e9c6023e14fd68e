// Programs of static shape as programs over rows.
#pragma once
#include "compiler/kernels/kernels.h"

namespace llc::compiler {

// Makes the leading indices of the results the rows, where every value is read at the row that is computed or does not
// depend on it: the more indices, the more rows, as long as each row has several elements. Sets spec.rows; the leading
// extents become -1, their letters t. Programs with a dynamic shape, element-wise ones, and those that have no such
// rows stay as they are.
void findStaticRows(kernels::RowProgramSpec &spec);

}  // namespace llc::compiler
