// The curriculum on length that a configuration asks for (training.curriculum).
#pragma once
#include "runtime/data/stream.h"
#include "runtime/train/run.h"

namespace llc::train {

// {start_len, end_len, steps, schedule, multiple}; what is not said is 64, a row, a tenth of `totalSteps`, linear, 64.
// No key: no curriculum. `options`: of the stream that gets it. Errors: unknown names, numbers out of range; a trainer
// whose examples stay whole; rows that hold one text each.
Result<data::Curriculum> curriculumOf(const RunConfig &config, const TrainerTraits &trainer,
                                      const data::StreamOptions &options, int64_t totalSteps);

}  // namespace llc::train
