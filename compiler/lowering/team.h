// Code by which the threads of a team share work inside a generated function (codegen.md: dynamic chunks, one parallel
// region per step, inline barriers). Stages between two barriers form a group; the group's chunks, stage after stage,
// have numbers that go on from the group before. A barrier opens when all chunks before it are done, whoever did them:
// a thread without a CPU is waited for only while it holds a chunk. Coming late, it walks through the groups that the
// others have done, and finds nothing to claim.
//
// Chunks are claimed from counters. In steps of few tokens, which read weights at the memory's speed, every thread has
// a part of a group's chunks, side by side, with a counter of its own, and takes from the others' when that is empty:
// it reads memory in one direction, and nobody else writes to its counter. Else all chunks are one part.
#pragma once
#include "compiler/kernels/emitter.h"
#include "compiler/kernels/kernels.h"

namespace llc::compiler {

// What every generated function of a program knows while it runs. All SSA values of the function under construction.
struct TeamValues {
  mlir::Value context, thread, threads, scratch, batch, sync;
  mlir::Value tokens, rows;  // run-time values of the dynamic dimensions
  mlir::Value claimBase;     // number of the next group's chunk 0: so many chunks are before it
  mlir::Value parts, home;   // of every group; the one where this thread begins
};
// Sets team.parts and team.home from its tokens (null: many) and threads.
void chooseParts(kernels::Emitter &, TeamValues &team);

// One stage of a group: chunk count and the code of one chunk.
struct StageCode {
  mlir::Value chunks;
  std::function<void(mlir::Value chunk)> emitChunk;
};

// Emits the claim loop of one group and moves team.claimBase on. A single thread claims without atomics.
void emitGroup(kernels::Emitter &, TeamValues &team, llvm::ArrayRef<StageCode> stages);
// All threads wait here until every chunk so far is done. A single thread passes.
void emitBarrier(kernels::Emitter &, const TeamValues &team);

// What `body` emits happens if `condition`, which must be the same for all threads, also for one that comes late: it
// may not depend on results. team.claimBase moves on accordingly.
void emitIf(kernels::Emitter &, TeamValues &team, mlir::Value condition, llvm::function_ref<void()> body);

// Whether a stage of `chunks` chunks is cut along the context, and into how many parts: only if there are too few
// chunks for the team, and few enough rows for the workspace. All threads come to the same answer.
struct ContextParts {
  mlir::Value split, number;  // i1; i64, 1 if not split
};
ContextParts emitContextParts(kernels::Emitter &, const TeamValues &team, const kernels::AttentionParts &,
                              mlir::Value rows, mlir::Value chunks);

}  // namespace llc::compiler
