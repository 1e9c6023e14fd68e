// RUN: llc-opt --llm-quantize --split-input-file --verify-diagnostics %s | FileCheck %s

// CHECK: llm.parameter @w : tensor<8x8xf32>
llm.parameter @w : tensor<8x8xf32>

// -----

// expected-error @below {{is marked llm.quantize, but this version has no quantized weights yet}}
llm.parameter @w {llm.quantize = "q4"} : tensor<8x8xf32>
