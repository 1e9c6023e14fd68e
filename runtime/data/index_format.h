// The header of .index files (dataset.h describes it).
#pragma once
#include <string_view>

#include "runtime/base/output_file.h"
#include "runtime/data/dataset.h"

namespace llc::data {

inline constexpr std::string_view indexMagic = "LLCIDX01";
inline constexpr size_t indexHeaderBytes = 72;
inline constexpr uint32_t hasEndsFlag = 1, markedFlag = 2, pairedFlag = 4;

std::string encodeHeader(const DatasetHeader &header);
// The whole file, whole or not at all.
Status writeIndex(const std::string &path, const DatasetHeader &header, std::span<const uint64_t> offsets);

}  // namespace llc::data
