// RUN: llc-opt --llm-shard --split-input-file --verify-diagnostics %s | FileCheck %s

// CHECK: module attributes {llm.mesh = array<i64: 1, 1>}
module attributes {llm.mesh = array<i64: 1, 1>} {
}

// -----

// expected-error @below {{asks for a mesh of 8 devices, but this version runs on one; to fix: remove llm.mesh}}
module attributes {llm.mesh = array<i64: 2, 4>} {
}
