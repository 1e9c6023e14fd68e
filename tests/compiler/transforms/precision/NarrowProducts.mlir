// RUN: llc-opt --llm-narrow-products --split-input-file --verify-diagnostics %s | FileCheck %s
// RUN: llc-opt --llm-narrow-products=computed-only --split-input-file --verify-diagnostics %s | FileCheck --check-prefix=COMPUTED %s

// Both factors of a product, through a call; sums, norms and what a product gives stay f32. Before differentiation only
// what the layer computes itself.
llm.parameter @w : tensor<8x4xf32>

// CHECK-LABEL: func.func @loss(
// CHECK-SAME: llm.products = bf16
// CHECK: %[[W:.*]] = llm.use @w : tensor<8x4xf32>
// CHECK-NOT: llm.cast
// CHECK: call @layer(%{{.*}}, %[[W]])
func.func @loss(%x: tensor<6x4xf32>) -> tensor<6x8xf32> attributes {llm.products = bf16} {
  %w = llm.use @w : tensor<8x4xf32>
  %y = call @layer(%x, %w) : (tensor<6x4xf32>, tensor<8x4xf32>) -> tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %[[X:.*]]: tensor<6x4xf32>, %[[V:.*]]: tensor<8x4xf32>)
// CHECK-SAME: llm.products = bf16
// CHECK: %[[CV:.*]] = llm.cast %[[V]] : (tensor<8x4xf32>) -> tensor<8x4xbf16>
// CHECK: %[[S:.*]] = llm.add %[[X]], %[[X]]
// CHECK: %[[CS:.*]] = llm.cast %[[S]] : (tensor<6x4xf32>) -> tensor<6x4xbf16>
// CHECK: llm.linear %[[CS]], %[[CV]] : (tensor<6x4xbf16>, tensor<8x4xbf16>) -> tensor<6x8xf32>
// COMPUTED-LABEL: func.func private @layer(
// COMPUTED-SAME: %{{.*}}: tensor<6x4xf32>, %[[V:.*]]: tensor<8x4xf32>)
// COMPUTED: %[[CS:.*]] = llm.cast %{{.*}} : (tensor<6x4xf32>) -> tensor<6x4xbf16>
// COMPUTED: llm.linear %[[CS]], %[[V]] : (tensor<6x4xbf16>, tensor<8x4xf32>) -> tensor<6x8xf32>
func.func private @layer(%x: tensor<6x4xf32>, %w: tensor<8x4xf32>) -> tensor<6x8xf32> {
  %s = llm.add %x, %x : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>
  %y = llm.linear %s, %w : (tensor<6x4xf32>, tensor<8x4xf32>) -> tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}
// Not called from there.
// CHECK-LABEL: func.func @update(
// CHECK-NOT: llm.cast
func.func @update(%x: tensor<6x4xf32>, %w: tensor<8x4xf32>) -> tensor<6x8xf32> {
  %y = llm.linear %x, %w : (tensor<6x4xf32>, tensor<8x4xf32>) -> tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}

// -----

// One conversion for two readers. Sums over an index that rows and columns share are no products of matrices, and what
// is read in another way, too, stays.
// CHECK-LABEL: func.func @readers(
// CHECK-SAME: %[[A:.*]]: tensor<6x4xf32>, %[[B:.*]]: tensor<4x8xf32>, %{{.*}}: tensor<4xf32>)
// CHECK-DAG: %[[CA:.*]] = llm.cast %[[A]] : (tensor<6x4xf32>) -> tensor<6x4xf16>
// CHECK-DAG: %[[CB:.*]] = llm.cast %[[B]] : (tensor<4x8xf32>) -> tensor<4x8xf16>
// CHECK: llm.contract %[[CA]], %[[CB]]
// CHECK: llm.generic %[[CA]], %[[CB]] {body = "a*b*0.5"
// CHECK: llm.generic %[[A]], %[[A]] {body = "a*b", combiner = "sum"
// CHECK: llm.generic %[[A]], %[[B]] {body = "exp(a)*b"
// CHECK: llm.rms_norm %[[A]]
func.func @readers(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %w: tensor<4xf32>)
    -> (tensor<6x8xf32>, tensor<8x6xf32>, tensor<6xf32>, tensor<6x8xf32>, tensor<6x4xf32>)
    attributes {llm.products = f16} {
  %p = llm.contract %a, %b {signature = "mk,kn->mn"} : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %q = llm.generic %a, %b {signature = "mk,kn->nm", body = "a*b*0.5", combiner = "sum"}
      : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<8x6xf32>
  %r = llm.generic %a, %a {signature = "mk,mk->m", body = "a*b", combiner = "sum"}
      : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6xf32>
  %s = llm.generic %a, %b {signature = "mk,kn->mn", body = "exp(a)*b", combiner = "sum"}
      : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %t = llm.rms_norm %a, %w : (tensor<6x4xf32>, tensor<4xf32>) -> tensor<6x4xf32>
  return %p, %q, %r, %s, %t : tensor<6x8xf32>, tensor<8x6xf32>, tensor<6xf32>, tensor<6x8xf32>, tensor<6x4xf32>
}

// -----

// Ops without a program tell by their decomposition. Where they have a kernel they stay.
// CHECK-LABEL: func.func @attend(
// CHECK: llm.attention %{{.*}}, %{{.*}}, %{{.*}} segments
// CHECK-SAME: (tensor<1x7x4x8xbf16>, tensor<1x7x2x8xbf16>, tensor<1x7x2x8xbf16>, tensor<1x7xi32>)
// CHECK-NOT: llm.contract
// COMPUTED-LABEL: func.func @attend(
// COMPUTED: llm.attention %{{.*}}, %{{.*}}, %{{.*}} segments
// COMPUTED-SAME: (tensor<1x7x4x8xf32>, tensor<1x7x2x8xbf16>, tensor<1x7x2x8xf32>, tensor<1x7xi32>)
// COMPUTED-NOT: llm.contract
func.func @attend(%q: tensor<1x7x4x8xf32>, %k: tensor<1x7x2x8xf32>, %v: tensor<1x7x2x8xf32>, %s: tensor<1x7xi32>)
    -> tensor<1x7x4x8xf32> attributes {llm.products = bf16} {
  %r = llm.neg %k : (tensor<1x7x2x8xf32>) -> tensor<1x7x2x8xf32>
  %y, %l = llm.attention %q, %r, %v segments %s {scale = 0.125}
      : (tensor<1x7x4x8xf32>, tensor<1x7x2x8xf32>, tensor<1x7x2x8xf32>, tensor<1x7xi32>)
          -> (tensor<1x7x4x8xf32>, tensor<1x7x4xf32>)
  return %y : tensor<1x7x4x8xf32>
}

// -----

// Eight bits: values of the format, scaled by a power of two that fits the largest magnitude of the tensor, in bf16.
// CHECK-LABEL: func.func @eight(
// CHECK-SAME: %[[X:.*]]: tensor<6x4xf32>, %[[W:.*]]: tensor<8x4xf32>)
// CHECK-DAG: %[[ROWS:.*]] = llm.generic %[[X]] {body = "abs(a)", combiner = "max", signature = "ab->a"}
// CHECK-DAG: %[[FLAT:.*]] = llm.reshape %[[ROWS]] : (tensor<6xf32>) -> tensor<1x6xf32>
// CHECK-DAG: %[[MOST:.*]] = llm.generic %[[FLAT]] {body = "a", combiner = "max", signature = "ab->a"}
// CHECK-DAG: %[[R:.*]] = llm.generic %[[X]], %[[MOST]] {body = "e4m3(a,b)", signature = "ab,1->ab"}
// CHECK-DAG: %[[CX:.*]] = llm.cast %[[R]] : (tensor<6x4xf32>) -> tensor<6x4xbf16>
// CHECK-DAG: %[[CW:.*]] = llm.cast %{{.*}} : (tensor<8x4xf32>) -> tensor<8x4xbf16>
// CHECK: llm.linear %[[CX]], %[[CW]]
// COMPUTED-LABEL: func.func @eight(
// COMPUTED-NOT: e4m3
func.func @eight(%x: tensor<6x4xf32>, %w: tensor<8x4xf32>) -> tensor<6x8xf32>
    attributes {llm.products = f8E4M3FN} {
  %y = llm.linear %x, %w : (tensor<6x4xf32>, tensor<8x4xf32>) -> tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}

// -----

// expected-error @+1 {{is marked llm.products = i8, which is none of f32, bf16, f16 and f8E4M3FN; to fix: write llm.products = bf16}}
func.func @wrong(%x: tensor<4xf32>) -> tensor<4xf32> attributes {llm.products = i8} {
  return %x : tensor<4xf32>
}
